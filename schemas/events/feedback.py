"""Feedback: what a customer sends back."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import DerivedEvent
from schemas.identity import CustomerId, EventId, OrderId
from schemas.label import Label


class Feedback(DerivedEvent):
    """A step of a quality case, or the acknowledgement of an order. The one way back into the factory."""

    TYPE: ClassVar[str] = "factory.feedback.v1"
    STAGE: ClassVar[str] = "bridge"

    type: Annotated[Literal["factory.feedback.v1"], Label("Contract and version")] = "factory.feedback.v1"
    customer: Annotated[CustomerId, Label("Customer")]
    order: Annotated[OrderId, Label("Order id")]
    kind: Annotated[Literal["quality-case", "order-acknowledgement"], Label("Kind")]
    case: Annotated[EventId | None, Label("Quality case")] = None
    state: Annotated[
        Literal["CREATED", "SENT", "RECEIVED", "ACKNOWLEDGED", "ACCEPTED", "DECLINED", "CLOSED"],
        Label("State after this step"),
    ]
    text: Annotated[str, Field(max_length=4000), Label("Text of the customer")] = ""
