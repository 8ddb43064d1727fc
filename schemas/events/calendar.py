"""Calendar: when a line is planned to work."""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.envelope import Closed, ReferenceEvent
from schemas.identity import LineId
from schemas.instant import Instant
from schemas.label import Label
from schemas.zone import Zone

Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Shift(Closed):
    """A shift in local time. One that ends at or before it starts runs over midnight and belongs to its start date."""

    name: Annotated[str, Field(min_length=1, max_length=64), Label("Name, once in a calendar")]
    days: Annotated[list[Day], Field(min_length=1, max_length=7), Label("Days on which it starts")]
    start: Annotated[Clock, Label("Local start")]
    end: Annotated[Clock, Label("Local end")]
    breaks: Annotated[
        list[tuple[Clock, Clock]], Field(max_length=20), Label("Breaks, local start and end; after midnight where the shift is")
    ] = []


class PlannedDowntime(Closed):
    """Time within shifts in which the line is planned not to work: maintenance, a trial, training."""

    start: Annotated[Instant, Label("First instant inside")]
    end: Annotated[Instant, Label("First instant after")]
    reason: Annotated[str, Field(max_length=100), Label("Why")]

    @model_validator(mode="after")
    def _forward(self) -> "PlannedDowntime":
        if self.end <= self.start:
            raise ValueError("end must come after start")
        return self


class Calendar(ReferenceEvent):
    """Shifts of one line in an IANA zone, from ``valid_from`` on. Of the versions that are valid at an instant the highest counts.

    A version stays on the topic for good, so that the past keeps the calendar that it was worked by.
    """

    TYPE: ClassVar[str] = "factory.calendar.v1"

    type: Annotated[Literal["factory.calendar.v1"], Label("Contract and version")] = "factory.calendar.v1"
    line: Annotated[LineId, Label("Line")]
    zone: Annotated[Zone, Label("IANA time zone")]
    valid_from: Annotated[Instant, Label("Since when it holds")]
    shifts: Annotated[list[Shift], Field(max_length=20), Label("Shifts; they must not overlap")]
    holidays: Annotated[
        list[Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]],
        Field(max_length=400),
        Label("Local dates on which no shift starts"),
    ] = []
    planned_downtimes: Annotated[list[PlannedDowntime], Field(max_length=400), Label("Planned downtime within shifts")] = []

    @model_validator(mode="after")
    def _names(self) -> "Calendar":
        names = [s.name for s in self.shifts]
        if len(set(names)) != len(names):
            raise ValueError("shifts: each name may come once")
        for day in self.holidays:
            try:
                date.fromisoformat(day)
            except ValueError as exc:
                raise ValueError(f"holidays: {day} is no date") from exc
        return self

    @property
    def subject(self) -> str:
        return f"{self.line}/{self.version}"

    @property
    def event_id(self) -> str:
        return f"{self.TYPE}/{self.subject}"
