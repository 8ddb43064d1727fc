"""The step publish: what customers may be shown of their orders, if the gate agrees.

Progress comes from the order's twin, which knows the customer once it has seen the order's record. KPIs are addressed by the
record itself; until it is known the newest value of each waits in the state. An outbound event is a function of the one event
that it passes on, so its id is made from that event's id and the customer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.envelope import Event
from schemas.events.kpi_value import Kpi, KpiValue
from schemas.events.order import Order
from schemas.events.outbound_event import OrderKpi, OrderProgress, OutboundEvent
from schemas.events.twin_state import TwinState
from schemas.identity import derived_id
from schemas.instant import from_micros, to_micros
from streams.domain.fold import Folded, Origin, Outcome, References
from streams.domain.state_bytes import pack, unpack

NAME = "publish"
VERSION = 1
#: what customers may be shown of their orders; every other KPI stays in the factory, whatever a policy says
PUBLISHED = frozenset({Kpi.QUALITY_RATIO, Kpi.AVAILABILITY, Kpi.FIRST_PASS_YIELD})
COUNTED = frozenset({Kpi.QUALITY_RATIO, Kpi.FIRST_PASS_YIELD})  # their denominators are units


@dataclass(slots=True)
class PublishState:
    """One order. ``waiting`` has the event time and payload of each KPI without a customer, ``progress`` what was shown last."""

    order: str
    version: int = 0
    customer: str | None = None
    units: int = 0
    revisions: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, tuple[int, str]] = field(default_factory=dict)
    twin_revision: int = 0
    progress: list[Any] | None = None


class PublishLogic:
    """States by order id; what is about an asset, a line, a site or a part has no customer."""

    def route(self, event: Event) -> Sequence[str]:
        """The order that the event is about, if any; of its KPIs those that may be published."""
        if isinstance(event, Order):
            return (event.order,)
        if isinstance(event, KpiValue) and event.kpi not in PUBLISHED:
            return ()
        if isinstance(event, KpiValue | TwinState) and event.scope.kind == "order":
            return (event.scope.id,)
        return ()

    def load(self, key: str, data: bytes | None) -> PublishState:
        """The state of an order."""
        if data is None:
            return PublishState(key)
        version, customer, units, revisions, waiting, twin_revision, progress = unpack(data, VERSION, NAME, key)
        held = {kpi: (time, payload) for kpi, (time, payload) in waiting.items()}
        return PublishState(key, version, customer, units, revisions, held, twin_revision, progress)

    def dump(self, state: PublishState) -> bytes | None:
        """All fields but the key."""
        s = state
        return pack(VERSION, [s.version, s.customer, s.units, s.revisions, s.waiting, s.twin_revision, s.progress])

    def fold(self, state: PublishState, event: Event, origin: Origin, references: References) -> Folded:
        """Pass on what is new of an order."""
        del origin, references
        if isinstance(event, Order):
            return self._order(state, event)
        if isinstance(event, TwinState):
            return self._twin(state, event)
        assert isinstance(event, KpiValue)
        return self._kpi(state, event)

    def _order(self, state: PublishState, event: Order) -> Folded:
        if event.version <= state.version:
            return Folded(Outcome.DUPLICATE)
        state.version, state.customer = event.version, event.customer
        return Folded(Outcome.APPLIED, list(_released(state, event.customer)))

    def _kpi(self, state: PublishState, event: KpiValue) -> Folded:
        name = event.kpi.value
        if event.revision <= state.revisions.get(name, 0):
            return Folded(Outcome.DUPLICATE)
        state.revisions[name] = event.revision
        if event.kpi is Kpi.QUALITY_RATIO:
            state.units = event.denominator
        payload = OrderKpi(
            order=state.order,
            kpi=event.kpi,
            kpi_id=event.id,
            window=event.window,
            revision=event.revision,
            status=event.status,
            value=event.value,
            null_reason=event.null_reason,
            n=event.denominator if event.kpi in COUNTED else state.units,
            coverage=event.coverage,
            supersedes=event.supersedes,
        )
        state.waiting[name] = (to_micros(event.event_time), payload.model_dump_json())
        if state.customer is None:
            return Folded(Outcome.APPLIED)
        return Folded(Outcome.APPLIED, list(_released(state, state.customer)))

    def _twin(self, state: PublishState, event: TwinState) -> Folded:
        if event.revision <= state.twin_revision:
            return Folded(Outcome.DUPLICATE)
        state.twin_revision = event.revision
        order = event.order
        assert order is not None  # the contract of a twin state with the scope order
        if order.customer is None or order.part is None or order.planned is None:
            return Folded(Outcome.APPLIED)
        payload = OrderProgress(
            order=state.order,
            part=order.part,
            planned=order.planned,
            produced=order.produced,
            good=order.good,
            phase=order.phase,
            due=order.due,
            revision=event.revision,
        )
        shown = [order.customer, payload.model_dump_json(exclude={"revision"})]
        if shown == state.progress:
            return Folded(Outcome.APPLIED)
        state.progress = shown
        return Folded(Outcome.APPLIED, (_outbound(to_micros(event.event_time), order.customer, payload, event.id),))


def _released(state: PublishState, customer: str) -> Iterator[OutboundEvent]:
    """The values that wait, by name."""
    for name in sorted(state.waiting):
        time, text = state.waiting.pop(name)
        payload = OrderKpi.model_validate_json(text)
        yield _outbound(time, customer, payload, payload.kpi_id)


def _outbound(time: int, customer: str, payload: OrderKpi | OrderProgress, cause: str) -> OutboundEvent:
    return OutboundEvent(
        event_time=from_micros(time),
        id=derived_id(OutboundEvent.TYPE, customer, payload.product, payload.order, cause),
        customer=customer,
        subject=payload.order,
        payload=payload,
    )
