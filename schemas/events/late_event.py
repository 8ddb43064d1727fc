"""LateEvent: a fact that came too late to change a result."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import DerivedEvent
from schemas.identity import AssetId, EventId
from schemas.label import Label


class LateEvent(DerivedEvent):
    """Names the fact, the step that could not use it and by how much it was late. ``event_time`` is that of the fact."""

    TYPE: ClassVar[str] = "factory.late-event.v1"
    STAGE: ClassVar[str] = "late"

    type: Annotated[Literal["factory.late-event.v1"], Label("Contract and version")] = "factory.late-event.v1"
    asset: Annotated[AssetId, Label("Asset id")]
    step: Annotated[str, Field(max_length=32), Label("Step that judged")]
    event: Annotated[EventId, Label("The late fact")]
    topic: Annotated[str, Label("Its topic")]
    partition: Annotated[int, Field(ge=0), Label("Its partition", unit="1")]
    offset: Annotated[int, Field(ge=0), Label("Its offset", unit="1")]
    lateness_us: Annotated[int, Field(ge=0), Label("How far behind the last time that could be changed", unit="us")]
    readings: Annotated[int, Field(ge=0), Label("Readings of the frame that were late; 0 for another kind of fact", unit="1")] = 0
