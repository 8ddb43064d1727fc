"""The newest word on each thing: of several revisions only the highest counts."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Protocol, TypeVar

from schemas.events.kpi_value import Kpi, KpiValue
from schemas.events.measure import Measure
from schemas.instant import SECOND_US, rfc3339

WINDOWS = ("hour", "shift", "day", "order")  # in the order in which they are shown
KPIS = tuple(Kpi)


class Revised(Protocol):
    """An event with a revision."""

    @property
    def revision(self) -> int: ...


R = TypeVar("R", bound=Revised)


def newest(events: Iterable[R], key: Callable[[R], Hashable]) -> list[R]:
    """One event per key, the one with the highest revision; order and duplicates do not matter."""
    best: dict[Hashable, R] = {}
    for event in events:
        known = best.get(key(event))
        if known is None or event.revision > known.revision:
            best[key(event)] = event
    return list(best.values())


def newest_measures(events: Iterable[Measure]) -> list[Measure]:
    """The newest account of each asset and hour, in that order."""
    return sorted(newest(events, lambda m: (m.asset, m.window.start)), key=lambda m: (m.asset, m.window.start))


def newest_kpis(events: Iterable[KpiValue]) -> list[KpiValue]:
    """The newest value of each KPI, scope and window, by scope, window and name of the KPI.

    A shift and a day are known by their names: a change of the calendar moves their bounds. An order has one window, whose end
    moves while it runs.
    """

    def key(event: KpiValue) -> tuple[Hashable, ...]:
        window = event.window.start if event.window_kind == "hour" else event.window_id
        return (event.scope.kind, event.scope.id, event.kpi, event.window_kind, window)

    def place(event: KpiValue) -> tuple[Any, ...]:
        window = (WINDOWS.index(event.window_kind), event.window.start, event.window_id or "")
        return (event.scope.kind, event.scope.id, *window, KPIS.index(event.kpi))

    return sorted(newest(events, key), key=place)


def states(measures: Iterable[Measure]) -> list[dict[str, Any]]:
    """Rows of {asset, start, end, state, seconds} per hour and state, times in UTC; ``end`` is where the hour is known to."""
    rows = []
    for measure in measures:
        spent: dict[str, int] = defaultdict(int)
        for entry in measure.account:
            spent[entry.state] += entry.duration_us
        end = min(measure.window.end, measure.observed_until)
        rows += [
            {
                "asset": measure.asset,
                "start": rfc3339(measure.window.start),
                "end": rfc3339(end),
                "state": str(state),
                "seconds": micros / SECOND_US,
            }
            for state, micros in sorted(spent.items())
        ]
    return rows
