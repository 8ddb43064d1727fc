"""What is known of a line: the availability of its newest hour."""

from dataclasses import dataclass, field
from typing import Any

from schemas.envelope import Event
from schemas.events.kpi_value import Kpi, KpiValue
from schemas.events.twin_state import LineState
from schemas.instant import from_micros, to_micros
from streams.domain.fold import Outcome


@dataclass(slots=True)
class LineTwin:
    """A new value of an hour before the newest is of the past: it is not counted."""

    counts: list[int] = field(default_factory=lambda: [0])
    time: int = 0
    hour: int = -1
    revision: int = 0
    availability: float | None = None

    def apply(self, event: Event) -> Outcome:
        """The availability of an hour of the line."""
        assert isinstance(event, KpiValue) and event.kpi is Kpi.AVAILABILITY and event.window_kind == "hour"
        at = (to_micros(event.window.start), event.revision)
        if at <= (self.hour, self.revision):
            return Outcome.DUPLICATE if at[0] == self.hour else Outcome.APPLIED
        self.hour, self.revision = at
        self.availability = event.value
        self.counts[0] += 1
        return Outcome.APPLIED

    def visible(self) -> Any:
        """Everything that the event shows."""
        return self.hour, self.availability

    def shown(self) -> dict[str, Any]:
        """The event's ``line``."""
        return {"line": LineState(availability=self.availability, hour=None if self.hour < 0 else from_micros(self.hour))}

    def row(self) -> list[Any]:
        """See ``restore``."""
        return [self.hour, self.revision, self.availability]

    def restore(self, row: list[Any]) -> None:
        """Take over what ``row`` gave."""
        self.hour, self.revision, self.availability = row
