"""Roll-up of one hour of a line: a contribution per asset."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.envelope import Event, InputRange
from schemas.events.kpi_value import Kpi
from schemas.events.measure import Measure
from schemas.instant import HOUR_US, to_micros
from streams.domain.fold import Folded, Origin, Outcome
from streams.domain.kpi_series import Roll, Series, Subject, next_value
from streams.domain.loss_model import Elements, elements

KPIS = (Kpi.AVAILABILITY, Kpi.QUALITY_RATIO)


class AssetHour(NamedTuple):
    """What a measure contributes, with its revision and offset."""

    revision: int
    settled: bool
    until: int
    offset: int
    sums: Elements


@dataclass(slots=True)
class HourRollUp:
    """``assets`` by id; ``series`` by kind of scope, id and KPI."""

    line: str
    start: int
    assets: dict[str, AssetHour] = field(default_factory=dict)
    series: dict[str, Series] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Nothing to store."""
        return not self.assets

    def fold(self, measure: Measure, origin: Origin) -> Folded:
        """Replace the asset's contribution; a measure of another hour means that this one is past."""
        if to_micros(measure.window.start) != self.start:
            self.assets, self.series = {}, {}
            return Folded(Outcome.DUPLICATE)  # this key adds nothing to what the measure's own hour decides
        known = self.assets.get(measure.asset)
        if known is not None and measure.revision <= known.revision:
            return Folded(Outcome.DUPLICATE)
        new = AssetHour(
            measure.revision,
            measure.status != "provisional",
            to_micros(measure.observed_until),
            origin.offset,
            elements(measure.account, measure.quantities),
        )
        self.assets[measure.asset] = new
        out: list[Event] = []
        for subject, parts in (
            (Subject("asset", measure.asset, "hour", (self.start,)), [new]),
            (Subject("line", self.line, "hour", (self.start,)), list(self.assets.values())),
        ):
            out += self._values(subject, parts, origin)
        return Folded(Outcome.APPLIED, out)

    def _values(self, subject: Subject, parts: list[AssetHour], origin: Origin) -> list[Event]:
        sums = Elements()
        for part in parts:
            sums = sums.plus(part.sums)
        offsets = [p.offset for p in parts]
        inputs = InputRange(topic=origin.topic, partition=origin.partition, first_offset=min(offsets), last_offset=max(offsets))
        until = max(p.until for p in parts)
        roll = Roll(sums, self.start, self.start + HOUR_US, len(parts) * HOUR_US, until, inputs)
        settled = all(p.settled for p in parts)
        values = (
            next_value(self.series.setdefault(f"{subject.kind}/{subject.id}/{kpi}", Series()), subject, kpi, roll, settled)
            for kpi in KPIS
        )
        return [v for v in values if v is not None]

    def row(self) -> list[Any]:
        """See ``restore``."""
        series = {name: [s.revision, s.was_final, s.said] for name, s in self.series.items()}
        return [self.assets, series]

    def restore(self, row: list[Any]) -> None:
        """Take over what ``row`` gave, parsed from JSON."""
        assets, series = row
        for name, (revision, settled, until, offset, sums) in assets.items():
            self.assets[name] = AssetHour(revision, settled, until, offset, Elements(*sums))
        self.series = {name: Series(*s) for name, s in series.items()}
