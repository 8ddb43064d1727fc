"""ExportStop: the kill switch for every customer at once."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import ReferenceEvent
from schemas.label import Label, PersonalInformation

#: the key of the switch; no customer can have this id
EVERYBODY: Literal["-all-"] = "-all-"


class ExportStop(ReferenceEvent):
    """While ``stopped`` is true nothing leaves to anybody, whatever the policies say. One person is enough to stop."""

    TYPE: ClassVar[str] = "factory.export-stop.v1"

    type: Annotated[Literal["factory.export-stop.v1"], Label("Contract and version")] = "factory.export-stop.v1"
    customer: Annotated[Literal["-all-"], Label("Every customer")] = EVERYBODY
    stopped: Annotated[bool, Label("Whether everything is stopped")]
    approver: Annotated[str, Field(min_length=1, max_length=100), Label("Role that decided", pi=PersonalInformation.PI)]
    reason: Annotated[str, Field(min_length=1, max_length=200), Label("Why")]

    @property
    def subject(self) -> str:
        return self.customer
