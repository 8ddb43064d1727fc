"""Roll-up of one order on its line: a contribution per asset and hour, over the whole order so far."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.envelope import Event, InputRange
from schemas.events.kpi_value import Kpi
from schemas.events.measure import Measure
from schemas.instant import to_micros
from streams.domain.fold import Folded, Origin, Outcome
from streams.domain.kpi_series import Roll, Series, Subject, next_value
from streams.domain.loss_model import Elements, elements

# the availability of a customer is published with the units behind it, so the ratio that counts them goes first
KPIS = (Kpi.QUALITY_RATIO, Kpi.AVAILABILITY)


class OrderHour(NamedTuple):
    """What an asset did for the order in one hour."""

    revision: int
    start: int
    until: int
    first_offset: int
    last_offset: int
    sums: Elements

    def plus(self, other: "OrderHour") -> "OrderHour":
        """Both as one, from the earlier start to the later end. Hours without a contribution don't stretch the window."""
        if not any(other.sums):
            return self
        if not any(self.sums):
            return other
        return OrderHour(
            0,
            min(self.start, other.start),
            max(self.until, other.until),
            min(self.first_offset, other.first_offset),
            max(self.last_offset, other.last_offset),
            self.sums.plus(other.sums),
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
            self.past = gone if self.past is None else self.past.plus(gone)
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
    series: dict[str, Series] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """An order is never dropped."""
        return False

    def fold(self, measure: Measure, origin: Origin) -> Folded:
        """Replace the contribution of one asset and hour."""
        sums = elements(
            (e for e in measure.account if e.order == self.order), (q for q in measure.quantities if q.order == self.order)
        )
        start, until = to_micros(measure.window.start), to_micros(measure.observed_until)
        hour = OrderHour(measure.revision, start, until, origin.offset, origin.offset, sums)
        if not self.assets.setdefault(measure.asset, OrderAsset()).replace(hour, self.keep):
            return Folded(Outcome.DUPLICATE)
        return Folded(Outcome.APPLIED, self._values(origin))

    def _values(self, origin: Origin) -> list[Event]:
        parts = [part for asset in self.assets.values() for part in asset.parts()]
        whole = parts[0]
        for part in parts[1:]:
            whole = whole.plus(part)
        inputs = InputRange(
            topic=origin.topic, partition=origin.partition, first_offset=whole.first_offset, last_offset=whole.last_offset
        )
        # of an order only its own time can be known, not the whole of the hours that it lies in
        roll = Roll(whole.sums, whole.start, whole.until, whole.sums.accounted, whole.until, inputs)
        subject = Subject("order", self.order, "order", (self.line, "order"))
        values = (next_value(self.series.setdefault(kpi.value, Series()), subject, kpi, roll, settled=False) for kpi in KPIS)
        return [v for v in values if v is not None]

    def row(self) -> list[Any]:
        """See ``restore``."""
        assets = {a: [o.floor, o.past, list(o.hours.values())] for a, o in self.assets.items()}
        return [assets, {kpi: [s.revision, s.was_final, s.said] for kpi, s in self.series.items()}]

    def restore(self, row: list[Any]) -> None:
        """Take over what ``row`` gave, parsed from JSON."""
        assets, series = row
        for name, (floor, past, hours) in assets.items():
            loaded = [_hour(h) for h in hours]
            self.assets[name] = OrderAsset(floor, None if past is None else _hour(past), {h.start: h for h in loaded})
        self.series = {kpi: Series(*s) for kpi, s in series.items()}


def _hour(row: list[Any]) -> OrderHour:
    revision, start, until, first, last, sums = row
    return OrderHour(revision, start, until, first, last, Elements(*sums))
