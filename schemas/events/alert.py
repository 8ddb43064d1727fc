"""Alert: one step in the life of an alarm (ISA-18.2)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import DerivedEvent
from schemas.identity import AssetId, ChannelName, EventId
from schemas.instant import Instant
from schemas.label import Export, Label


class Alert(DerivedEvent):
    """``alert`` names one occurrence from raised to cleared; each step is a new revision of it and shows it whole.

    ``cleared`` ends an occurrence. One that was not acknowledged by then can still be: a further revision says so and stays
    ``cleared``. ``shelved`` and ``suppressed`` are alarms that exist and are kept from people.
    """

    TYPE: ClassVar[str] = "factory.alert.v1"
    STAGE: ClassVar[str] = "alert"

    type: Annotated[Literal["factory.alert.v1"], Label("Contract and version")] = "factory.alert.v1"
    alert: Annotated[EventId, Label("Id of this occurrence", Export.ALLOW)]
    asset: Annotated[AssetId, Label("Asset id")]
    rule: Annotated[str, Field(max_length=100), Label("Rule, e.g. limit:Sload:high")]
    channel: Annotated[ChannelName | None, Label("Channel, for a rule on readings")] = None
    state: Annotated[
        Literal["raised", "acknowledged", "cleared", "shelved", "suppressed"],
        Label("Step of the life cycle (ISA-18.2)", Export.ALLOW),
    ]
    priority: Annotated[Literal["low", "medium", "high", "urgent"], Label("Priority (ISA-18.2)", Export.ALLOW)]
    revision: Annotated[int, Field(ge=1), Label("Step number within the occurrence", Export.ALLOW, unit="1")]
    raised_at: Annotated[Instant, Label("When it was raised", Export.ALLOW)]
    value: Annotated[float | None, Label("What was measured")] = None
    limit: Annotated[float | None, Label("Limit it went past")] = None
    unit: Annotated[str, Field(max_length=32), Label("UCUM unit of value and limit")] = ""
    text: Annotated[str, Field(max_length=500), Label("One sentence for people")]
    cause: Annotated[EventId | None, Label("Event that led to this step")] = None
    acknowledged: Annotated[bool, Label("Whether a person has acknowledged this occurrence", Export.ALLOW)] = False
    shelved_until: Annotated[Instant | None, Label("Up to when a person has shelved the alarm")] = None
    suppressed_by: Annotated[
        Literal["design", "flood"] | None,
        Label("Why a suppressed alarm is kept from people: by its design, or in a flood of alarms (ISA-18.2)"),
    ] = None
