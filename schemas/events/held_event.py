"""HeldEvent: an outbound event that waits for a decision."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import DerivedEvent
from schemas.events.outbound_event import OutboundEvent
from schemas.identity import CustomerId, OrderId
from schemas.label import Label


class HeldEvent(DerivedEvent):
    """Parks one (customer, order); later events of the same pair wait behind it."""

    TYPE: ClassVar[str] = "factory.held-event.v1"
    STAGE: ClassVar[str] = "bridge"

    type: Annotated[Literal["factory.held-event.v1"], Label("Contract and version")] = "factory.held-event.v1"
    customer: Annotated[CustomerId, Label("Customer")]
    order: Annotated[OrderId, Label("Order id")]
    state: Annotated[Literal["held", "released", "rejected"], Label("State of the hold")]
    reason: Annotated[str, Field(max_length=200), Label("Why it waits")]
    event: Annotated[OutboundEvent, Label("What waits")]
