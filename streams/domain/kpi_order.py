"""Roll-up of one order on its line: a contribution per asset and hour, over the whole order so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.envelope import Event, InputRange
from schemas.events.measure import Measure
from schemas.instant import to_micros
from streams.domain.fold import Folded, Outcome
from streams.domain.kpi_contribution import RESTATED, head_of, newest_version
from streams.domain.kpi_series import AllSeries, Cause, Roll, Subject, loaded, next_values, stored
from streams.domain.kpi_sums import Sums, sums, total


class OrderHour(NamedTuple):
    """What an asset did for the order in one hour, or several in several."""

    revision: int
    start: int
    until: int
    first_offset: int
    last_offset: int
    restated: int
    calendar: int | None
    loss_model: int | None
    sums: Sums


def together(hours: Sequence[OrderHour]) -> OrderHour:
    """At least one as one, from the earliest start to the latest end."""
    return OrderHour(
        0,
        min(h.start for h in hours),
        max(h.until for h in hours),
        min(h.first_offset for h in hours),
        max(h.last_offset for h in hours),
        sum(h.restated for h in hours),
        newest_version(h.calendar for h in hours),
        newest_version(h.loss_model for h in hours),
        total(h.sums for h in hours),
    )


@dataclass(slots=True)
class OrderAsset:
    """Contributions by start of the hour. Those before ``floor`` can't be replaced any more and are one sum, ``past``."""

    floor: int = 0
    past: OrderHour | None = None
    hours: dict[int, OrderHour] = field(default_factory=dict)

    def replace(self, hour: OrderHour, keep: int) -> bool:
        """Take an hour's contribution; False for a repeat."""
        known = self.hours.get(hour.start)
        if hour.start < self.floor or (known is not None and hour.revision <= known.revision):
            return False
        self.hours[hour.start] = hour
        self.floor = max(self.floor, hour.start - keep)
        for start in sorted(k for k in self.hours if k < self.floor):
            gone = self.hours.pop(start)
            if any(gone.sums):
                self.past = gone if self.past is None else together((self.past, gone))
        return True

    def parts(self) -> list[OrderHour]:
        """All contributions."""
        return [*([] if self.past is None else [self.past]), *self.hours.values()]


@dataclass(slots=True)
class OrderRollUp:
    """An order is open for as long as this step can see, for no measure says that it is done: its KPIs stay provisional."""

    line: str
    order: str
    keep: int
    assets: dict[str, OrderAsset] = field(default_factory=dict)
    series: AllSeries = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """An order is never dropped."""
        return False

    def fold(self, measure: Measure, cause: Cause) -> Folded:
        """Replace the contribution of one asset and hour."""
        own = sums((e for e in measure.elements if e.order == self.order), (q for q in measure.quantities if q.order == self.order))
        head, at = head_of(measure, cause.origin), cause.origin.offset
        restated = int(head.standing == RESTATED)
        start = to_micros(measure.window.start)
        hour = OrderHour(head.revision, start, head.until, at, at, restated, head.calendar, head.loss_model, own)
        if not self.assets.setdefault(measure.asset, OrderAsset()).replace(hour, self.keep):
            return Folded(Outcome.DUPLICATE)
        return Folded(Outcome.APPLIED, self._values(cause))

    def _values(self, cause: Cause) -> list[Event]:
        origin = cause.origin
        whole = self._whole()
        inputs = InputRange(
            topic=origin.topic, partition=origin.partition, first_offset=whole.first_offset, last_offset=whole.last_offset
        )
        # no measure says at which instant of its first hour an order began, so its window begins with that hour
        span = (whole.start, whole.until, whole.until)
        roll = Roll(whole.sums, *span, 0, False, whole.restated, whole.calendar, whole.loss_model, inputs)
        subject = Subject("order", self.order, "order", (self.line,))
        return list(next_values(self.series, subject, roll, cause))

    def _whole(self) -> OrderHour:
        """All contributions as one. Hours without anything for the order don't stretch its window; without any it has no length."""
        parts = [part for asset in self.assets.values() for part in asset.parts()]
        made = [part for part in parts if any(part.sums)]
        if not made:
            last = max(parts, key=lambda p: (p.until, p.last_offset))
            return last._replace(start=last.until)
        return together(made)

    def row(self) -> list[Any]:
        """See ``restore``."""
        assets = {a: [o.floor, o.past, list(o.hours.values())] for a, o in self.assets.items()}
        return [assets, stored(self.series)]

    def restore(self, row: list[Any]) -> None:
        """Take over what ``row`` gave, parsed from JSON."""
        assets, series = row
        for name, (floor, past, hours) in assets.items():
            back = [_hour(h) for h in hours]
            self.assets[name] = OrderAsset(floor, None if past is None else _hour(past), {h.start: h for h in back})
        self.series = loaded(series)


def _hour(row: list[Any]) -> OrderHour:
    return OrderHour(*row)._replace(sums=Sums(*row[-1]))
