"""An explanation as JSON values: a KPI value, how it was made, each contribution, and everything that does not agree."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from schemas.codec import to_json
from schemas.envelope import Event
from schemas.events.kpi_value import KpiValue
from schemas.instant import to_micros
from schemas.time_element import TimeElement
from streams.domain.explanation import Account, differences, own_entries


def _restatements(accounts: Iterable[Account]) -> list[str]:
    """Why the measures behind a value were restated, in the order of their hours."""
    return [f"{a.measure.asset}, {a.measure.window.start:%Y-%m-%dT%H}Z: {a.measure.reason}" for a in accounts if a.measure.reason]


def document(value: KpiValue, revisions: Sequence[KpiValue], found: KpiValue | None, parts: Sequence[Account]) -> dict[str, Any]:
    """The explanation as JSON values: the value, how it was made, each contribution, and everything that does not agree."""
    faults = differences(value, found)
    faults += [f"{a.measure.asset}, {a.measure.window.start:%Y-%m-%dT%H}Z: {a.fault}" for a in parts if a.fault is not None]
    return {
        "kpi": _json(value),
        "recomputed": None if found is None else _json(found),
        "same": not faults,
        "differences": faults,
        "restatements": _restatements(parts),
        "revisions": [
            {name: _json(r)[name] for name in ("revision", "status", "value", "delta", "reason", "event_time")} for r in revisions
        ],
        "contributions": [_contribution(value, a) for a in parts],
        "bands": [band for a in parts for band in _bands(value, a)],
        "units": _units(value, parts),
    }


def _contribution(value: KpiValue, account: Account) -> dict[str, Any]:
    body, (elements, quantities) = _json(account.measure), own_entries(value, account.measure)
    return {
        **{name: body[name] for name in ("asset", "window", "revision", "status", "observed_until", "reason", "inputs", "id")},
        "offset": account.offset,
        "calendar_version": body["calendar_version"],
        "loss_model_version": body["loss_model_version"],
        "elements": [e.model_dump(mode="json") for e in elements],
        "quantities": [q.model_dump(mode="json") for q in quantities],
        "replayed": account.fault is None,
        "fault": account.fault,
    }


def _bands(value: KpiValue, account: Account) -> Iterator[dict[str, Any]]:
    start, end = to_micros(value.window.start), to_micros(value.window.end)
    for span in account.spans:
        since, until = max(span.start, start), min(span.end, end)
        if since < until:
            yield {
                "asset": account.measure.asset, "start_us": since, "end_us": until, "element": str(span.element),
                "reason": span.reason if span.element is not TimeElement.PRODUCTION else None,
            }  # fmt: skip


def _units(value: KpiValue, parts: Sequence[Account]) -> list[dict[str, int]]:
    found: dict[int, list[int]] = {}
    for account in parts:
        _, quantities = own_entries(value, account.measure)
        row = found.setdefault(to_micros(account.measure.window.start), [0, 0])
        for q in quantities:
            row[0] += max(0, q.produced - q.scrap - q.rework)
            row[1] += q.scrap + q.rework
    return [{"start_us": start, "good": good, "bad": bad} for start, (good, bad) in sorted(found.items())]


def _json(event: Event) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(to_json(event))
    return body
