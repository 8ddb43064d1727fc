"""AlertAction: what a person does about an alert."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.envelope import SourceEvent
from schemas.instant import Instant
from schemas.label import Label

Action = Literal["acknowledge", "shelve", "unshelve"]


class AlertAction(SourceEvent):
    """``rule`` and ``raised_at`` name the occurrence, as its Alert does.

    An acknowledgement is of this occurrence. A shelf is of its rule: what the rule raises before ``until``, in event time, is
    shelved as well. Who acted is told by role. What fits no alert is answered by an AlertRefusal.
    """

    TYPE: ClassVar[str] = "factory.alert-action.v1"

    type: Annotated[Literal["factory.alert-action.v1"], Label("Contract and version")] = "factory.alert-action.v1"
    action: Annotated[Action, Label("What is done")]
    rule: Annotated[str, Field(max_length=100), Label("Rule of the alert, e.g. limit:Sload:high")]
    raised_at: Annotated[Instant, Label("When the alert was raised")]
    until: Annotated[Instant | None, Label("End of the shelf in event time; null for what is no shelving")] = None
    role: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$"), Label("Role of who acts, e.g. operator; never a person's name")
    ] = "operator"

    @model_validator(mode="after")
    def _end(self) -> "AlertAction":
        if (self.action == "shelve") != (self.until is not None):
            raise ValueError("until must be given to shelve, and for nothing else")
        return self
