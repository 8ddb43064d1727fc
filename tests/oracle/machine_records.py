"""Batch oracle for factory.machine.v1: what the streams must arrive at, worked out from all raw records at once.

Plain code over decoded JSON, on purpose without any import from the streams: sort the facts of an asset by time, walk
through them once, cut at the hours. Input is an iterable of records in log order, each a dict or the bytes of one; rejected
records have to be left out by the caller. Times are integers, microseconds since 1970; ``hour`` is the start of an hour.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

HOUR = 3_600_000_000
HORIZON = 7 * 24 * HOUR
Record = Mapping[str, Any]
Counts = tuple[int, int, int]


def micros(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 time."""
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def by_asset(records: Iterable[Record | bytes]) -> dict[str, list[Record]]:
    """Records per asset in log order, each (source, sequence) once."""
    out: dict[str, list[Record]] = defaultdict(list)
    seen = set()
    for raw in records:
        record = json.loads(raw) if isinstance(raw, bytes | bytearray) else raw
        identity = (record["source"], record["asset"], record["sequence"])
        if identity not in seen:
            seen.add(identity)
            out[record["asset"]].append(record)
    return out


def in_time(records: list[Record], horizon: int = HORIZON) -> list[Record]:
    """The records that were not older than the hour that lay ``horizon`` before the newest time when they arrived."""
    out, newest = [], 0
    for record in records:
        time = micros(record["event_time"])
        if time >= (newest - horizon) // HOUR * HOUR:
            out.append(record)
        newest = max(newest, time)
    return out


def accounts_by_order(records: Iterable[Record | bytes], horizon: int = HORIZON) -> dict[tuple[str, int, str | None, str], int]:
    """(asset, hour, order, execution state) -> microseconds, up to the newest time of each asset."""
    out: dict[tuple[str, int, str | None, str], int] = defaultdict(int)
    for asset, log in by_asset(records).items():
        for start, end, order, state in _spans(in_time(log, horizon)):
            for hour in range(start // HOUR * HOUR, end, HOUR):
                out[asset, hour, order, state] += min(end, hour + HOUR) - max(start, hour)
        for hour in _unheard(log, horizon):
            for key in [k for k in out if k[:2] == (asset, hour)]:
                del out[key]
    return dict(out)


def accounts(records: Iterable[Record | bytes], horizon: int = HORIZON) -> dict[tuple[str, int, str], int]:
    """(asset, hour, execution state) -> microseconds, up to the newest time of each asset."""
    out: dict[tuple[str, int, str], int] = defaultdict(int)
    for (asset, hour, _, state), time in accounts_by_order(records, horizon).items():
        out[asset, hour, state] += time
    return dict(out)


def quantities(records: Iterable[Record | bytes], horizon: int = HORIZON) -> dict[tuple[str, int, str | None], Counts]:
    """(asset, hour, order) -> (produced, scrap, rework). Units that name no order are of the order in work at their time."""
    out: dict[tuple[str, int, str | None], Counts] = {}
    for asset, log in by_asset(records).items():
        facts = in_time(log, horizon)
        assigned = _sorted([r for r in facts if _kind(r) == "order"])
        for record in facts:
            if _kind(record) != "produced":
                continue
            fact, time = record["fact"], micros(record["event_time"])
            order = fact.get("order")
            if order is None:
                before = [r["fact"]["order"] for r in assigned if micros(r["event_time"]) <= time]
                order = before[-1] if before else None
            key = (asset, time // HOUR * HOUR, order)
            p, s, r = out.get(key, (0, 0, 0))
            out[key] = (p + fact["produced"], s + fact.get("scrap", 0), r + fact.get("rework", 0))
    return out


def order_quantities(records: Iterable[Record | bytes], horizon: int = HORIZON) -> dict[str | None, Counts]:
    """order -> (produced, scrap, rework) over all assets and hours."""
    out: dict[str | None, Counts] = {}
    for (_, _, order), (p, s, r) in quantities(records, horizon).items():
        a, b, c = out.get(order, (0, 0, 0))
        out[order] = (a + p, b + s, c + r)
    return out


Scope = tuple[str, str, int | None]


def availability(
    records: Iterable[Record | bytes], lines: Mapping[str, str], horizon: int = HORIZON
) -> dict[Scope, Fraction | None]:
    """("asset" | "line", id, hour) and ("order", id, None) -> ACTIVE / (all known but UNAVAILABLE), None where that is nothing.

    ``lines`` gives the line of each asset.
    """
    parts: dict[Scope, list[int]] = defaultdict(lambda: [0, 0])
    for (asset, hour, order, state), time in accounts_by_order(records, horizon).items():
        for scope in _scopes(asset, hour, order, lines):
            parts[scope][0] += time if state == "ACTIVE" else 0
            parts[scope][1] += time if state != "UNAVAILABLE" else 0
    return {scope: Fraction(a, b) if b else None for scope, (a, b) in parts.items()}


def quality(records: Iterable[Record | bytes], lines: Mapping[str, str], horizon: int = HORIZON) -> dict[Scope, Fraction | None]:
    """Scopes as in :func:`availability` -> (produced - scrap - rework, at least 0) / produced, only scopes that have units."""
    parts: dict[Scope, list[int]] = defaultdict(lambda: [0, 0])
    for (asset, hour, order), (produced, scrap, rework) in quantities(records, horizon).items():
        for scope in _scopes(asset, hour, order, lines):
            parts[scope][0] += produced - scrap - rework
            parts[scope][1] += produced
    return {scope: Fraction(max(0, a), b) if b else None for scope, (a, b) in parts.items()}


def _scopes(asset: str, hour: int, order: str | None, lines: Mapping[str, str]) -> list[Scope]:
    hourly: list[Scope] = [("asset", asset, hour), ("line", lines[asset], hour)]
    return hourly if order is None else [*hourly, ("order", order, None)]


def _kind(record: Record) -> str:
    if record["type"] == "factory.heartbeat.v1":
        return str(record["phase"])
    return str(record["fact"]["kind"])


def _sorted(records: list[Record]) -> list[Record]:
    return sorted(records, key=lambda r: (micros(r["event_time"]), _kind(r) == "ending", r["sequence"], r["source"]))


def _spans(records: list[Record]) -> Iterator[tuple[int, int, str | None, str]]:
    """(start, end, order, state) of every span in which both are constant and the state is known."""
    order: str | None = None
    state: str | None = None
    at = 0
    for record in _sorted(records):
        time, kind = micros(record["event_time"]), _kind(record)
        if state is not None and time > at:
            yield at, time, order, state
        at = time
        if kind == "execution":
            state = record["fact"]["state"]
        elif kind == "order":
            order = record["fact"]["order"]
        elif kind == "ending":
            state = None


def _unheard(log: list[Record], horizon: int) -> Iterator[int]:
    """The hours of each silence that were past the horizon when the asset was heard again."""
    newest = -1
    for record in log:
        time = micros(record["event_time"])
        if newest >= 0:
            yield from range(newest // HOUR * HOUR + HOUR, (time - horizon) // HOUR * HOUR, HOUR)
        newest = max(newest, time)
