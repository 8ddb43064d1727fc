"""Roll-up of one hour of a line: a contribution per asset."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from schemas.events.kpi_value import KpiValue
from schemas.events.measure import Measure
from schemas.instant import HOUR_US, to_micros
from streams.domain.fold import Folded, Outcome
from streams.domain.kpi_contribution import AssetHour, Head, head_of, missing, rolled, settled
from streams.domain.kpi_series import AllSeries, Cause, Subject, loaded, next_values, stored
from streams.domain.kpi_sums import Sums, sums, total


@dataclass(slots=True)
class HourRollUp:
    """``assets`` by id; ``series`` by kind of scope and id, then by KPI."""

    line: str
    start: int
    threshold: float
    assets: dict[str, AssetHour] = field(default_factory=dict)
    series: dict[str, AllSeries] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Nothing to store."""
        return not self.assets

    def fold(self, measure: Measure, cause: Cause) -> Folded:
        """Replace the asset's contribution; a measure of another hour means that this one is past."""
        if to_micros(measure.window.start) != self.start:
            self.assets, self.series = {}, {}
            return Folded(Outcome.DUPLICATE)  # this key adds nothing to what the measure's own hour decides
        known = self.assets.get(measure.asset)
        if known is not None and measure.revision <= known.head.revision:
            return Folded(Outcome.DUPLICATE)
        self.assets[measure.asset] = AssetHour(head_of(measure, cause.origin), sums(measure.elements, measure.quantities))
        return Folded(
            Outcome.APPLIED,
            [
                *self._values("asset", measure.asset, {measure.asset: self.assets[measure.asset]}, cause),
                *self._values("line", self.line, self.assets, cause),
            ],
        )

    def _values(self, kind: Any, name: str, assets: dict[str, AssetHour], cause: Cause) -> Iterator[KpiValue]:
        hours = [{self.start: a} for a in assets.values()]
        bounds = (self.start, self.start + HOUR_US)
        heads = [a.head for a in assets.values()]
        roll = rolled(
            total(a.sums for a in assets.values()), heads, bounds, missing(hours), settled(hours, bounds[1]), cause.origin
        )
        subject = Subject(kind, name, "hour", (self.start,), threshold=self.threshold)
        return next_values(self.series.setdefault(f"{kind}/{name}", {}), subject, roll, cause)

    def row(self) -> list[Any]:
        """See ``restore``."""
        return [self.assets, {name: stored(series) for name, series in self.series.items()}]

    def restore(self, row: list[Any]) -> None:
        """Take over what ``row`` gave, parsed from JSON."""
        assets, series = row
        self.assets = {name: AssetHour(Head(*head), Sums(*times)) for name, (head, times) in assets.items()}
        self.series = {name: loaded(rows) for name, rows in series.items()}
