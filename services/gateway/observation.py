"""What a machine says, before it is a contract: one value of one data item at one instant."""

from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.instant import to_micros

UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Condition:
    """The fields of an MTConnect CONDITION. ``level`` is normal, warning, fault or unavailable."""

    level: str
    native_code: str = ""
    severity: str = ""
    qualifier: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """``item`` said ``value`` at ``time_us`` (microseconds since 1970). ``condition`` is set for a condition, whose value is ''."""

    time_us: int
    item: str
    value: str
    condition: Condition | None = None

    def at(self, time_us: int) -> "Observation":
        """The same at another time."""
        return Observation(time_us, self.item, self.value, self.condition)

    @property
    def unavailable(self) -> bool:
        """True when the machine says that it can't say."""
        if self.condition is not None:
            return self.condition.level == "unavailable"
        return self.value == UNAVAILABLE


def parse_instant(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 time. One without a zone is UTC, as MTConnect has it. Raises ValueError."""
    if len(text) < 19 or text[10] != "T" or text[4] != "-":
        raise ValueError(f"{text[:40]!r} is not a time like 2019-06-06T17:48:29.250Z")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ValueError(f"{text[:40]!r} is not a time like 2019-06-06T17:48:29.250Z") from exc
    return to_micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
