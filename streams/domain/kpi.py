"""The step kpi: measures rolled up to KPIs of assets, lines, orders and parts over hours, shifts, days and whole orders.

A roll-up keeps what each asset-hour contributes. A newer revision of a measure REPLACES the contribution of the older one and the
sums are taken anew; an older or equal revision is a repeat. So neither order nor repetition of measures can matter.

Keys of states, all within the partition of the line:

- ``hour/<line>/<start>``: the asset-hours and the line-hour;
- ``asset/<line>/<date>/<asset>``: an asset's day and its shifts;
- ``day/<line>/<date>``: the line's day and its shifts, and the parts made in it;
- ``order/<line>/<order>``: the order.

Hours and orders follow each measure. Shifts, days and parts are sums of the hours that are due: those that are final, or in which a
source had ended. Other provisional measures do not touch them.

A measure names every order, day and shift that an earlier revision of it named (with zeros when it has lost them), so each of
them is reached. A final measure also reaches the hour and the day that lie so far before it that no measure restates them: they
are dropped.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from schemas.envelope import Event
from schemas.events.measure import Measure
from schemas.instant import HOUR_US, to_micros
from streams.domain.fold import Folded, Origin, References
from streams.domain.kpi_contribution import cause_of
from streams.domain.kpi_day import DayRollUp, days_of
from streams.domain.kpi_hour import HourRollUp
from streams.domain.kpi_order import OrderRollUp
from streams.domain.state_bytes import pack, unpack

NAME = "kpi"
VERSION = 2
DAY_US = 24 * HOUR_US
KEEP_US = 30 * DAY_US  # as long as the topic of the measures keeps them, far beyond the horizon of restatement
COVERAGE = 0.5

State = HourRollUp | DayRollUp | OrderRollUp


class KpiLogic:
    """``keep_us`` is how long a contribution can still be replaced; it has to exceed the horizon of the step measure.

    A window of which less than ``coverage`` is known has no values.
    """

    def __init__(self, keep_us: int = KEEP_US, coverage: float = COVERAGE) -> None:
        self._keep = keep_us
        self._past = timedelta(days=-(-keep_us // DAY_US) + 1)  # a day is that far behind when all of its hours are
        self._coverage = coverage

    def route(self, event: Event) -> Sequence[str]:
        """The hour, days and orders of the measure, and what is to be dropped."""
        return list(self._keys(event)) if isinstance(event, Measure) else ()

    def _keys(self, measure: Measure) -> Iterator[str]:
        line, asset, start = measure.line, measure.asset, to_micros(measure.window.start)
        yield f"hour/{line}/{start}"
        days = days_of(measure) if measure.due else []
        for day in days:
            yield f"asset/{line}/{day}/{asset}"
            yield f"day/{line}/{day}"
        named = {*(a.order for a in measure.account), *(e.order for e in measure.elements), *(q.order for q in measure.quantities)}
        for order in sorted(o for o in named if o is not None):
            yield f"order/{line}/{order}"
        if measure.status == "final" and start >= self._keep:
            yield f"hour/{line}/{start - self._keep}"
            for past in (date.fromisoformat(day) - self._past for day in days):
                yield f"asset/{line}/{past}/{asset}"
                yield f"day/{line}/{past}"

    def load(self, key: str, data: bytes | None) -> State:
        """The roll-up of a key."""
        state = self._new(*key.split("/"))
        if data is not None:
            state.restore(unpack(data, VERSION, NAME, key))
        return state

    def _new(self, kind: str, line: str, name: str, asset: str | None = None) -> State:
        if kind == "hour":
            return HourRollUp(line, int(name), self._coverage)
        if kind == "order":
            return OrderRollUp(line, name, self._keep)
        return DayRollUp(line, name, asset, self._coverage)

    def dump(self, state: State) -> bytes | None:
        """None for an hour or a day that is dropped."""
        return None if state.empty else pack(VERSION, state.row())

    def fold(self, state: State, event: Event, origin: Origin, references: References) -> Folded:
        """Replace one contribution."""
        assert isinstance(event, Measure)
        return state.fold(event, cause_of(event, origin, references))
