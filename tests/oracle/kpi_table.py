"""Batch oracle for factory.kpi.v1: every KPI of every scope and window, as numerator and denominator.

Spans and counts become rows of one data frame, a row once for each scope and window that it belongs to; one group-by adds them
up. So grouping and sums are another program's (polars), and only the formulas are written here. Nothing is imported from the
streams. Times are integers, microseconds since 1970.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import polars as pl
from oracle.calendar_days import NOT_PLANNED, PLANNED_DOWNTIME
from oracle.element_spans import Plant, Span, by_hour, element_spans
from oracle.loss_rules import BREAKDOWN, DELAY, MINOR_STOP, NO_ORDER, PRODUCTION, SET_UP, UNKNOWN
from oracle.machine_records import HOUR
from oracle.observed_windows import ObservedWindows, Scope, Telling, by_facts
from oracle.unit_quantities import COUNTED, Count, counts

ELEMENTS = (PRODUCTION, SET_UP, BREAKDOWN, MINOR_STOP, DELAY, NO_ORDER, PLANNED_DOWNTIME, NOT_PLANNED, UNKNOWN)
FAILURES = "failures"
SECOND = 1_000_000


Sums = Mapping[str, int]
Ratio = tuple[int, int]


def kpi_table(plant: Plant, telling: Telling | None = None) -> dict[tuple[str, Scope], Ratio]:
    """(KPI, scope and window) -> (numerator, denominator) of all that is to be told when everything is final, or is told by now."""
    out: dict[tuple[str, Scope], Ratio] = {}
    spans, counted = element_spans(plant), counts(plant)
    windows = ObservedWindows(plant, spans, counted, telling or by_facts(plant, counted))
    for scope, sums in scope_sums(plant, spans, counted, telling).items():
        for kpi, (numerator, denominator) in ratios(sums, windows.elapsed(scope)).items():
            if denominator or kpi == "availability":
                out[kpi, scope] = (numerator, denominator)
    return out


def coverage_table(plant: Plant, telling: Telling | None = None) -> dict[Scope, Ratio]:
    """Scope and window -> (planned busy time, planned time so far that could have been known)."""
    spans, counted = element_spans(plant), counts(plant)
    windows = ObservedWindows(plant, spans, counted, telling or by_facts(plant, counted))
    out = {}
    for scope, s in scope_sums(plant, spans, counted, telling).items():
        busy = sum(s[e] for e in (PRODUCTION, SET_UP, BREAKDOWN, MINOR_STOP, DELAY, NO_ORDER))
        out[scope] = (busy, busy + s[UNKNOWN] + windows.untold(scope))
    return out


def ratios(s: Sums, aoet: int) -> dict[str, Ratio]:
    """Formulas of ISO 22400-2:2014, Amd 1:2017, each in the unit of its value. A KPI that needs what is not known is left out."""
    apt, asut, failures = s[PRODUCTION], s[SET_UP], s[FAILURES]
    adet = s[BREAKDOWN] + s[MINOR_STOP] + s[DELAY]
    aupt = apt + asut
    aubt = aupt + adet
    pbt = aubt + s[NO_ORDER]
    pq, pru = s["produced"], s["planned_run_us"]
    gq = max(0, pq - s["scrap"] - s["rework"])
    found = {
        "availability": (apt, pbt),
        "quality ratio": (gq, pq),
        "throughput rate": (pq * 3600 * SECOND, aoet),
        "allocation efficiency": (aubt, pbt),
        "utilisation efficiency": (apt, aubt),
        "technical efficiency": (apt, apt + adet),
        "set-up rate": (asut, aupt),
        "first pass yield": (s["passed"], s["inspected"]),
        "scrap ratio": (s["scrap"], pq),
        "rework ratio": (s["rework"], pq),
        "mean time to failure": (aupt, failures * SECOND),
        "mean time to repair": (s[BREAKDOWN], failures * SECOND),
        "mean time between failures": (aupt + s[BREAKDOWN], failures * SECOND),
        "energy per unit": (s["energy_wh"], pq * 1000),
        "energy per good unit": (s["energy_wh"], gq * 1000),
    }
    rated = {
        "effectiveness": (pru, apt),
        "overall equipment effectiveness index": (pru * gq, pbt * pq),
        "net equipment effectiveness index": (aupt * pru * gq, pbt * apt * pq),
    }
    return found | rated if pru else found


def scope_sums(
    plant: Plant, spans: Sequence[Span], counted: Sequence[Count], telling: Telling | None = None
) -> dict[Scope, dict[str, int]]:
    """The sums of every scope and window: microseconds per element, failures (breakdowns begun), and what is counted."""
    rows = [*_times(plant, spans), *_amounts(plant, counted)]
    if telling is not None:
        rows = [row for row in rows if (row[0], row[2]) in telling.measured]
    facts = pl.DataFrame(rows, schema=_COLUMNS, orient="row").with_columns(
        (pl.col("day") + "/" + pl.col("line")).alias("day of line"),
        pl.Series("of days", [telling is None or (row[0], row[2]) in telling.settled for row in rows], pl.Boolean),
    )
    keys = ["kind", "id", "window_kind", "window", "name"]
    long = pl.concat([_belonging(facts, *row) for row in _SCOPES])
    out: dict[Scope, dict[str, int]] = defaultdict(lambda: dict.fromkeys((*ELEMENTS, FAILURES, *COUNTED), 0))
    for kind, name, window_kind, window, what, amount in long.group_by(keys).agg(pl.col("amount").sum()).iter_rows():
        known = int(window) if window_kind == "hour" else window
        out[Scope(kind, name, window_kind, known)][what] = amount
    return {scope: sums for scope, sums in out.items() if scope.kind in ("asset", "line") or any(_worked(sums))}


def _worked(sums: Sums) -> Iterator[int]:
    """What makes an order or part one that was worked on: planned time or a quantity."""
    return (amount for name, amount in sums.items() if name != NOT_PLANNED)


_COLUMNS = dict.fromkeys(("asset", "line", "hour", "day", "shift", "order", "part", "name", "amount"), pl.String) | {
    "hour": pl.Int64,
    "amount": pl.Int64,
}
#: kind of scope, the column that names it, kind of window, the column that names it
_SCOPES = (
    *((kind, kind, window, window) for kind in ("asset", "line") for window in ("hour", "shift", "day")),
    ("order", "order", "order", None),
    ("part", "part", "day", "day of line"),
)


def _belonging(facts: pl.DataFrame, kind: str, scope: str, window_kind: str, window: str | None) -> pl.DataFrame:
    """The rows that lie in such a scope and window, under its names."""
    named = facts if window is None else facts.filter(pl.col(window).is_not_null())
    named = named.filter("of days") if window_kind in ("day", "shift") else named
    return named.filter(pl.col(scope).is_not_null()).select(
        pl.lit(kind).alias("kind"),
        pl.col(scope).alias("id"),
        pl.lit(window_kind).alias("window_kind"),
        (pl.lit(None, pl.String) if window is None else pl.col(window).cast(pl.String)).alias("window"),
        "name",
        "amount",
    )


def _times(plant: Plant, spans: Sequence[Span]) -> Iterator[tuple[object, ...]]:
    for s in by_hour(spans):
        place = (s.asset, plant.lines[s.asset], s.start // HOUR * HOUR, s.day, s.shift, s.order, s.part)
        yield (*place, s.element, s.end - s.start)
        if s.element == BREAKDOWN and s.begun:
            yield (*place, FAILURES, 1)


def _amounts(plant: Plant, counted: Sequence[Count]) -> Iterator[tuple[object, ...]]:
    for c in counted:
        yield (c.asset, plant.lines[c.asset], c.time // HOUR * HOUR, c.day, c.shift, c.order, c.part, c.counted, c.amount)
