"""What the topics of results say last, from their raw JSON records: the other side of a comparison with the oracle.

Nothing is imported from the streams. Times are integers, microseconds since 1970.
"""

from collections.abc import Iterable
from typing import Any

from oracle.element_spans import Key
from oracle.machine_records import micros
from oracle.observed_windows import Scope
from oracle.unit_quantities import COUNTED
from oracle.unit_quantities import Key as QuantityKey

Record = dict[str, Any]
Hour = tuple[str, int]


def newest_measures(records: Iterable[Record]) -> dict[Hour, Record]:
    """(asset, hour) -> the measure of the highest revision."""
    out: dict[Hour, Record] = {}
    for r in records:
        hour = (r["asset"], micros(r["window"]["start"]))
        if hour not in out or r["revision"] > out[hour]["revision"]:
            out[hour] = r
    return out


def told_elements(measures: dict[Hour, Record]) -> dict[Hour, dict[Key, int]]:
    """Per hour (day, shift, order, part, element, reason) -> microseconds."""
    return {
        hour: {(e["day"], e["shift"], e["order"], e["part"], e["element"], e["reason"]): e["duration_us"] for e in m["elements"]}
        for hour, m in measures.items()
    }


def told_begun(measures: dict[Hour, Record], element: str) -> dict[Hour, int]:
    """Per hour how many spans of an element began."""
    return {hour: sum(e["begun"] for e in m["elements"] if e["element"] == element) for hour, m in measures.items()}


def told_quantities(measures: dict[Hour, Record]) -> dict[Hour, dict[QuantityKey, dict[str, int]]]:
    """Per hour (day, shift, order, part) -> what was counted, without rows of zeros."""
    out = {}
    for hour, m in measures.items():
        rows = {(q["day"], q["shift"], q["order"], q["part"]): {name: q[name] for name in COUNTED} for q in m["quantities"]}
        out[hour] = {key: row for key, row in rows.items() if any(row.values())}
    return out


def newest_kpis(records: Iterable[Record]) -> dict[tuple[str, Scope], Record]:
    """(KPI, scope and window) -> the value of the highest revision."""
    out: dict[tuple[str, Scope], Record] = {}
    for r in records:
        hour = micros(r["window"]["start"]) if r["window_kind"] == "hour" else None
        window = None if r["window_kind"] == "order" else r["window_id"] if hour is None else hour
        key = (r["kpi"], Scope(r["scope"]["kind"], r["scope"]["id"], r["window_kind"], window))
        if key not in out or r["revision"] > out[key]["revision"]:
            out[key] = r
    return out
