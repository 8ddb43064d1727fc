"""AlertRefusal: the answer to an action that fits no alert."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import DerivedEvent
from schemas.events.alert_action import Action
from schemas.identity import AssetId, EventId
from schemas.instant import Instant
from schemas.label import Label


class Reason(StrEnum):
    """Why an action was refused."""

    UNKNOWN = "unknown occurrence"
    REPLACED = "replaced by a newer occurrence"
    ACKNOWLEDGED = "already acknowledged"
    SHELVED = "already shelved"
    NOT_SHELVED = "not shelved"
    PAST = "until is past"
    TOO_LONG = "shelved for too long"
    TOO_MANY = "too many actions wait"


class AlertRefusal(DerivedEvent):
    """An action changed nothing, and why."""

    TYPE: ClassVar[str] = "factory.alert-refusal.v1"
    STAGE: ClassVar[str] = "alert"

    type: Annotated[Literal["factory.alert-refusal.v1"], Label("Contract and version")] = "factory.alert-refusal.v1"
    asset: Annotated[AssetId, Label("Asset id")]
    cause: Annotated[EventId, Label("The action")]
    action: Annotated[Action, Label("What was asked")]
    rule: Annotated[str, Field(max_length=100), Label("Rule that it named")]
    raised_at: Annotated[Instant, Label("Occurrence of the rule that it named")]
    reason: Annotated[Reason, Label("Why it was refused")]
    text: Annotated[str, Field(max_length=500), Label("One sentence for people")]
