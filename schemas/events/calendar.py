"""Calendar: when a line is planned to work."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Closed, ReferenceEvent
from schemas.identity import LineId
from schemas.instant import Instant
from schemas.label import Label

Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Shift(Closed):
    """A shift in local time. One that ends at or before it starts runs over midnight and belongs to its start date."""

    name: Annotated[str, Field(max_length=64), Label("Name")]
    days: Annotated[
        list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]],
        Field(min_length=1),
        Label("Days on which it starts"),
    ]
    start: Annotated[Clock, Label("Local start")]
    end: Annotated[Clock, Label("Local end")]
    breaks: Annotated[list[tuple[Clock, Clock]], Field(max_length=20), Label("Breaks, local start and end")] = []


class Calendar(ReferenceEvent):
    """Shifts of one line in an IANA zone, valid from an instant on."""

    TYPE: ClassVar[str] = "factory.calendar.v1"

    type: Annotated[Literal["factory.calendar.v1"], Label("Contract and version")] = "factory.calendar.v1"
    line: Annotated[LineId, Label("Line")]
    zone: Annotated[str, Field(max_length=64), Label("IANA time zone")]
    valid_from: Annotated[Instant, Label("Since when it holds")]
    shifts: Annotated[list[Shift], Field(max_length=20), Label("Shifts")]
    holidays: Annotated[
        list[Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]],
        Field(max_length=400),
        Label("Local dates without shifts"),
    ] = []

    @property
    def subject(self) -> str:
        return self.line
