"""The step kpi: measures rolled up to KPIs of asset-hours, line-hours and orders.

A roll-up keeps what each asset-hour contributes. A newer revision of a measure REPLACES the contribution of the older one and the
sums are taken anew; an older or equal revision is a repeat. So neither order nor repetition of measures can matter.

Keys of states, all within the partition of the line: ``hour/<line>/<start>`` has a contribution per asset and gives the KPIs of the
asset-hours and of the line-hour; ``order/<line>/<order>`` has one per asset and hour and gives those of the order. A
measure names every order that an earlier revision of it named (with zeros when it has lost it), so each of them is reached.
A final measure also reaches the hour KEEP_US before it, which is thereby dropped: no measure restates anything that old.
"""

from collections.abc import Sequence

from schemas.envelope import Event
from schemas.events.measure import Measure
from schemas.instant import HOUR_US, to_micros
from streams.domain.fold import Folded, Origin, References
from streams.domain.kpi_hour import HourRollUp
from streams.domain.kpi_order import OrderRollUp
from streams.domain.state_bytes import pack, unpack

NAME = "kpi"
VERSION = 1
KEEP_US = 30 * 24 * HOUR_US  # as long as the topic of the measures keeps them, far beyond the horizon of restatement

State = HourRollUp | OrderRollUp


class KpiLogic:
    """``keep_us`` is how long a contribution can still be replaced; it has to exceed the horizon of the step measure."""

    def __init__(self, keep_us: int = KEEP_US) -> None:
        self._keep = keep_us

    def route(self, event: Event) -> Sequence[str]:
        """The hour of the line, each order of the measure, and the hour that is to be dropped."""
        if not isinstance(event, Measure):
            return ()
        start = to_micros(event.window.start)
        keys = [f"hour/{event.line}/{start}"]
        orders = {o for o in (*(e.order for e in event.account), *(q.order for q in event.quantities)) if o is not None}
        keys += [f"order/{event.line}/{order}" for order in sorted(orders)]
        if event.status == "final" and start >= self._keep:
            keys.append(f"hour/{event.line}/{start - self._keep}")
        return keys

    def load(self, key: str, data: bytes | None) -> State:
        """The roll-up of a key."""
        kind, line, name = key.split("/")
        state: State = HourRollUp(line, int(name)) if kind == "hour" else OrderRollUp(line, name, self._keep)
        if data is not None:
            state.restore(unpack(data, VERSION, NAME, key))
        return state

    def dump(self, state: State) -> bytes | None:
        """None for an hour that is dropped."""
        return None if state.empty else pack(VERSION, state.row())

    def fold(self, state: State, event: Event, origin: Origin, references: References) -> Folded:
        """Replace one contribution."""
        del references
        assert isinstance(event, Measure)
        return state.fold(event, origin)
