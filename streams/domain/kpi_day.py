"""Roll-up of one local day, of a line or of one of its assets: the day, its shifts and, on the line, the parts made in it.

A shift belongs to the date on which it starts and lies in its day whole, so one state has them all and is dropped by its date.
An asset-hour contributes a cell per shift and part, as soon as it is settled: what is open is told by the hour and the order.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.events.kpi_value import KpiValue
from schemas.events.measure import Measure
from schemas.instant import HOUR_US, to_micros
from streams.domain.fold import Folded, Origin, Outcome
from streams.domain.kpi_contribution import AssetHour, Head, head_of, missing, rolled, settled
from streams.domain.kpi_series import AllSeries, Cause, Roll, Subject, loaded, next_values, stored
from streams.domain.kpi_sums import Sums, sums, total


class Cell(NamedTuple):
    """What an asset-hour has of one shift (None: outside of shifts) and one part (None: of none)."""

    shift: str | None
    part: str | None
    sums: Sums


class DayHour(NamedTuple):
    """An asset's hour in this day."""

    head: Head
    cells: tuple[Cell, ...]


class Bounds(NamedTuple):
    """The window of a day or shift by the newest calendar that named it; of equal versions all say the same."""

    version: int
    start: int
    end: int


@dataclass(slots=True)
class DayRollUp:
    """``asset`` is None for the line. ``bounds`` by id of the day and of each shift, ``series`` by kind and id of the window."""

    line: str
    day: str
    asset: str | None
    threshold: float
    bounds: dict[str, Bounds] = field(default_factory=dict)
    assets: dict[str, dict[int, DayHour]] = field(default_factory=dict)
    series: dict[str, AllSeries] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Nothing to store."""
        return not self.assets

    def fold(self, measure: Measure, cause: Cause) -> Folded:
        """Replace the contribution of one asset and settled hour; a measure of other days means that this one is past."""
        if self.day not in days_of(measure):
            self.bounds, self.assets, self.series = {}, {}, {}
            return Folded(Outcome.DUPLICATE)  # this key adds nothing to what the measure's own day decides
        start = to_micros(measure.window.start)
        hours = self.assets.setdefault(measure.asset, {})
        known = hours.get(start)
        if known is not None and measure.revision <= known.head.revision:
            return Folded(Outcome.DUPLICATE)
        hours[start] = DayHour(head_of(measure, cause.origin), self._cells(measure))
        shifts = self._named(measure) | {c.shift for c in (*hours[start].cells, *(known.cells if known else ())) if c.shift}
        return Folded(Outcome.APPLIED, list(self._values(sorted(shifts), cause)))

    def _cells(self, measure: Measure) -> tuple[Cell, ...]:
        """The measure's entries of this day, by shift and, on a line, by part."""
        entries: Any = defaultdict(lambda: ([], []))
        for place, rows in enumerate((measure.elements, measure.quantities)):
            for row in rows:  # type: ignore[attr-defined]
                if row.day == self.day:
                    entries[row.shift, row.part if self.asset is None else None][place].append(row)
        cells = (Cell(shift, part, sums(*both)) for (shift, part), both in entries.items())
        return tuple(sorted((c for c in cells if any(c.sums)), key=lambda c: (c.shift or "", c.part or "")))

    def _named(self, measure: Measure) -> set[str]:
        """Take the bounds that the measure names; returns the shifts among them."""
        shifts = set()
        for w in measure.windows:
            if date_of(w.kind, w.id) == self.day:
                bounds = Bounds(measure.calendar_version or 0, to_micros(w.window.start), to_micros(w.window.end))
                self.bounds[w.id] = max(bounds, self.bounds.get(w.id, bounds))
                if w.kind == "shift":
                    shifts.add(w.id)
        return shifts

    def _values(self, shifts: Iterable[str], cause: Cause) -> Iterator[KpiValue]:
        scope = ("line", self.line) if self.asset is None else ("asset", self.asset)
        day = self._roll(self.day, None, cause.origin)
        if day is None:
            return
        yield from self._next("day", self.day, scope, day, cause)
        for shift in shifts:
            roll = self._roll(shift, shift, cause.origin)
            if roll is not None:
                yield from self._next("shift", shift, scope, roll, cause)
        for part, made in self._parts().items():
            # the day of a part is that of its line: as long, as far observed, as settled
            yield from self._next("day", f"{self.day}/{self.line}", ("part", part), day._replace(sums=made, missing=0), cause)

    def _next(self, kind: Any, window: str, scope: tuple[Any, str], roll: Roll, cause: Cause) -> Iterator[KpiValue]:
        name = f"part/{scope[1]}" if scope[0] == "part" else f"{kind}/{window}"
        subject = Subject(*scope, kind, (self.line, window), window, self.threshold)
        return next_values(self.series.setdefault(name, {}), subject, roll, cause)

    def _roll(self, window: str, shift: str | None, origin: Origin) -> Roll | None:
        """What the contributions within a window say, all of them or those of a shift; None when there are none."""
        bounds = self.bounds.get(window)
        if bounds is None:
            return None
        found = [_within(hours, bounds, shift) for hours in self.assets.values()]
        within = [hours for hours in found if hours]
        if not within:
            return None
        hours = [h for each in within for h in each.values()]
        is_settled = settled(within, bounds.end)
        return rolled(total(h.sums for h in hours), [h.head for h in hours], bounds[1:], missing(within), is_settled, origin)

    def _parts(self) -> dict[str, Sums]:
        """The sums of each part, in order; zeros for one that is gone."""
        found: dict[str, list[Sums]] = {name.partition("/")[2]: [] for name in self.series if name.startswith("part/")}
        for cell in (c for hours in self.assets.values() for hour in hours.values() for c in hour.cells):
            if cell.part is not None:
                found.setdefault(cell.part, []).append(cell.sums)
        return {part: total(made) for part, made in sorted(found.items())}

    def row(self) -> list[Any]:
        """See ``restore``."""
        assets = {name: list(hours.items()) for name, hours in self.assets.items()}
        return [self.bounds, assets, {name: stored(series) for name, series in self.series.items()}]

    def restore(self, row: list[Any]) -> None:
        """Take over what ``row`` gave, parsed from JSON."""
        bounds, assets, series = row
        self.bounds = {name: Bounds(*b) for name, b in bounds.items()}
        self.assets = {name: {start: _hour(*hour) for start, hour in hours} for name, hours in assets.items()}
        self.series = {name: loaded(rows) for name, rows in series.items()}


def date_of(kind: str, window: str) -> str:
    """The local date to which a named window belongs."""
    return window if kind == "day" else window.partition("/")[0]


def days_of(measure: Measure) -> list[str]:
    """The local dates that a measure names, sorted."""
    return sorted({date_of(w.kind, w.id) for w in measure.windows})


def _hour(head: Sequence[Any], cells: Sequence[Any]) -> DayHour:
    return DayHour(Head(*head), tuple(Cell(shift, part, Sums(*times)) for shift, part, times in cells))


def _within(hours: dict[int, DayHour], bounds: Bounds, shift: str | None) -> dict[int, AssetHour]:
    """An asset's hours that were observed within the window, each with its sums or those of one shift."""
    return {
        start: AssetHour(hour.head, total(c.sums for c in hour.cells if shift in (None, c.shift)))
        for start, hour in hours.items()
        if start < bounds.end and start + HOUR_US > bounds.start and hour.head.until > bounds.start
    }
