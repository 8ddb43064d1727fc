"""The step twin: the present state of each asset, line and order.

A state is keyed by its scope, for ids of assets, lines and orders may be equal. Each source topic owns fields of its own:
facts and alerts those of an asset, KPIs that of a line, the order's record and its KPIs those of an order. So the state is
a function of how far each topic was read, whatever the interleaving, and these counts name it (its id). ``revision`` is their
sum. A twin state is sent when something that it shows has changed.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from schemas.envelope import Event
from schemas.events.alert import Alert
from schemas.events.kpi_value import Kpi, KpiValue, Scope
from schemas.events.machine_event import EnergyRead, MachineEvent, Signal
from schemas.events.order import Order
from schemas.events.twin_state import TwinState
from schemas.identity import derived_id
from schemas.instant import from_micros, to_micros
from streams.domain.fold import Folded, Origin, Outcome, References
from streams.domain.state_bytes import pack, unpack
from streams.domain.twin_asset import AssetTwin
from streams.domain.twin_line import LineTwin
from streams.domain.twin_order import OrderTwin

NAME = "twin"
VERSION = 1
#: the KPIs behind what a twin shows, by scope and window
SHOWN = frozenset({("line", "hour", Kpi.AVAILABILITY), ("order", "order", Kpi.AVAILABILITY), ("order", "order", Kpi.QUALITY_RATIO)})


class Twin(Protocol):
    """What the three kinds of twins have in common. ``counts`` are the facts applied per source topic, newest time in ``time``."""

    counts: list[int]
    time: int

    def apply(self, event: Event) -> Outcome:
        """Take a fact and count it, unless it is a repeat or concerns the past."""
        ...

    def visible(self) -> Any:
        """What a reader sees, for comparison."""
        ...

    def shown(self) -> dict[str, Any]:
        """The field of the event that describes this kind."""
        ...

    def row(self) -> list[Any]:
        """The state as JSON, read back by ``restore``."""
        ...

    def restore(self, row: list[Any]) -> None:
        """Take over what ``row`` gave."""
        ...


class KeyedTwin:
    """A twin with its scope."""

    def __init__(self, key: str) -> None:
        self.kind, _, self.id = key.partition("/")
        kinds: dict[str, type[AssetTwin] | type[LineTwin] | type[OrderTwin]]
        kinds = {"asset": AssetTwin, "line": LineTwin, "order": OrderTwin}
        self.twin: Twin = kinds[self.kind]()

    def event(self) -> TwinState:
        """The state as an event."""
        scope = Scope.model_validate({"kind": self.kind, "id": self.id})
        return TwinState(
            event_time=from_micros(self.twin.time),
            id=derived_id(TwinState.TYPE, self.kind, self.id, *self.twin.counts),
            scope=scope,
            revision=sum(self.twin.counts),
            **self.twin.shown(),
        )


class TwinLogic:
    """Routes each fact to the scope that it is about."""

    def route(self, event: Event) -> Sequence[str]:
        """At most one state. Heartbeats, energy and signals change nothing that a twin shows; nor do most KPIs."""
        if isinstance(event, MachineEvent):
            return () if isinstance(event.fact, EnergyRead | Signal) else (f"asset/{event.asset}",)
        if isinstance(event, Alert):
            return (f"asset/{event.asset}",)
        if isinstance(event, Order):
            return (f"order/{event.order}",)
        if isinstance(event, KpiValue) and (event.scope.kind, event.window_kind, event.kpi) in SHOWN:
            return (f"{event.scope.kind}/{event.scope.id}",)
        return ()

    def load(self, key: str, data: bytes | None) -> KeyedTwin:
        """The twin of a scope."""
        state = KeyedTwin(key)
        if data is not None:
            state.twin.counts, state.twin.time, row = unpack(data, VERSION, NAME, key)
            state.twin.restore(row)
        return state

    def dump(self, state: KeyedTwin) -> bytes | None:
        """Counts, time and what the kind keeps."""
        return pack(VERSION, [state.twin.counts, state.twin.time, state.twin.row()])

    def fold(self, state: KeyedTwin, event: Event, origin: Origin, references: References) -> Folded:
        """Apply one fact."""
        del origin, references
        twin = state.twin
        before = twin.visible() if any(twin.counts) else None
        counted = sum(twin.counts)
        outcome = twin.apply(event)
        if sum(twin.counts) == counted:
            return Folded(outcome)
        twin.time = max(twin.time, to_micros(event.event_time))
        return Folded(outcome, () if twin.visible() == before else (state.event(),))
