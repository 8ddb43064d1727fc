"""Batch oracle for windows: their bounds, how much of them was observed, and planned time in them of which nothing was told.

Nothing is imported from the streams. Times are integers, microseconds since 1970.
"""

from collections.abc import Iterable, Sequence, Set
from typing import Any, NamedTuple

from oracle.calendar_days import NOT_PLANNED, PLANNED
from oracle.element_spans import Edges, Plant, Span, by_hour, calendars, observed, state_accounts
from oracle.machine_records import HOUR, micros
from oracle.machine_timeline import changes, facts_of, in_order
from oracle.unit_quantities import Count


class Scope(NamedTuple):
    """``window`` names a day or shift, for a part with the line: ``2026-11-24/line-1``. It is the start of an hour in microseconds,
    and None for an order."""

    kind: str
    id: str
    window_kind: str
    window: str | int | None


class Telling(NamedTuple):
    """What depends on when facts came, and so cannot be had from the facts alone, as assets and hours.

    ``measured``: the hours of which there are measures; besides those of which something is known these are hours of which
    something was believed before a late fact came. ``settled``: those that shifts, days and parts add up. ``order_hours``:
    whether the time of an order begins with the hour of its first time or unit. The last two are decision 0013.
    """

    measured: Set[tuple[str, int]]
    settled: Set[tuple[str, int]]
    order_hours: bool = True


def by_facts(plant: Plant, counted: Iterable[Count]) -> Telling:
    """Every hour of an asset of which a state is known, though it be UNAVAILABLE, or a quantity; orders to the instant."""
    known = state_accounts(plant).keys() | {(c.asset, c.time // HOUR * HOUR) for c in counted if c.amount}
    return Telling(known, known, order_hours=False)


class ObservedWindows:
    """What the records of a plant say about its windows."""

    def __init__(self, plant: Plant, spans: Sequence[Span], counted: Sequence[Count], telling: Telling) -> None:
        self._plant, self._spans, self._counted, self._telling = plant, spans, counted, telling
        self._seen, self._calendars = observed(plant), calendars(plant)
        self._bounds = self._named()

    def elapsed(self, scope: Scope) -> int:
        """AOET: of an order from its first assignment or unit to the newest time of what was told of it; of another scope the
        observed part of the window."""
        if scope.kind == "order":
            return self._order_hours(scope.id) if self._telling.order_hours else self._order_time(scope.id)
        start, end = self._edges(scope)
        return self._newest(scope, start, end) - start

    def untold(self, scope: Scope) -> int:
        """Planned time in the observed part of a window that lies before the first or after the newest record of an asset."""
        if scope.kind not in ("asset", "line"):
            return 0
        start, end = self._edges(scope)
        end = self._newest(scope, start, end)
        out = 0
        for asset in self._assets(scope):
            first, last = self._seen[asset]
            for a, b in ((start, min(end, first)), (max(start, last), end)):
                out += self._planned(self._plant.lines[asset], a, b)
        return out

    def _planned(self, line: str, start: int, end: int) -> int:
        if start >= end:
            return 0
        return sum(p.end - p.start for p in self._calendars[line].pieces(start, end) if p.kind == PLANNED)

    def _assets(self, scope: Scope) -> list[str]:
        """The assets that a scope is made of: one, or all of the line."""
        if scope.kind == "asset":
            return [scope.id]
        line = self._line(scope)
        return [a for a in self._seen if self._plant.lines[a] == line]

    def _newest(self, scope: Scope, start: int, end: int) -> int:
        """Up to where the window [start, end) was observed: what the told hours in it reach."""
        of = self._assets(scope)
        hours = self._telling.measured if scope.window_kind == "hour" else self._telling.settled
        until = (min(end, hour + HOUR, self._seen[a][1]) for a, hour in hours if a in of and hour < end)
        return max([start, *until])

    def _line(self, scope: Scope) -> str:
        if scope.kind == "asset":
            return self._plant.lines[scope.id]
        return scope.id if scope.kind == "line" else str(scope.window).partition("/")[2]

    def _edges(self, scope: Scope) -> Edges:
        """The bounds of a window."""
        if scope.window_kind == "hour":
            assert isinstance(scope.window, int)
            return scope.window, scope.window + HOUR
        name = str(scope.window)
        return self._bounds[self._line(scope), scope.window_kind, name.partition("/")[0] if scope.kind == "part" else name]

    def _named(self) -> dict[tuple[str, str, str], Edges]:
        """(line, kind of window, name) -> bounds, of every day and shift that something was observed in."""
        out: dict[tuple[str, str, str], Edges] = {}
        first, last = min((a for a, _ in self._seen.values()), default=0), max((b for _, b in self._seen.values()), default=0)
        for line, calendar in self._calendars.items():
            for piece in calendar.pieces(first, last + 1):
                out[line, "day", piece.day] = calendar.day_window(piece.start)
            for shift in calendar.shifts:
                out[line, "shift", shift.id] = (shift.start, shift.end)
        return out

    def _order_time(self, order: str) -> int:
        begun, ended = [], []
        for asset, records in facts_of(self._plant.machine).items():
            begun += self._assigned(asset, records, order)
            made = [r for r in in_order(records, "produced") if any(r["fact"].get(k) for k in ("produced", "scrap", "rework"))]
            begun += [micros(r["event_time"]) for r in made if r["fact"].get("order") == order]
            newest = self._seen[asset][1]
            hours = {s.start // HOUR * HOUR for s in by_hour(self._spans) if (s.asset, s.order) == (asset, order)}
            hours |= {c.time // HOUR * HOUR for c in self._counted if (c.asset, c.order) == (asset, order)}
            ended += [min(hour + HOUR, newest) for hour in hours if (asset, hour) in self._telling.measured]
        return max(0, max(ended) - min(begun)) if begun and ended else 0

    def _assigned(self, asset: str, records: Sequence[Any], order: str) -> list[int]:
        """When an asset was assigned to an order, as the measured hours see it: each from its own start on."""
        steps = list(changes(records, "order", "order"))
        ends = [*(at for at, _ in steps[1:]), self._seen[asset][1]][: len(steps)]
        spans = [(at, end) for (at, assigned), end in zip(steps, ends, strict=True) if assigned == order]
        hours = [hour for a, hour in self._telling.measured if a == asset]
        return [max(at, hour) for at, end in spans for hour in hours if max(at, hour) < min(end, hour + HOUR)]

    def _order_hours(self, order: str) -> int:
        """The same from the start of its first hour with planned time or a quantity to what is observed of the last."""
        made = {(s.asset, s.start // HOUR * HOUR) for s in by_hour(self._spans) if s.order == order and s.element != NOT_PLANNED}
        made |= {(c.asset, c.time // HOUR * HOUR) for c in self._counted if c.order == order and c.amount}
        made &= self._telling.measured
        ends = [min(hour + HOUR, self._seen[asset][1]) for asset, hour in made]
        return max(ends) - min(hour for _, hour in made) if made else 0
