"""What a recorded source offers to a replay: moments in the order of its own clock, and the drafts that follow from them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from services.gateway.draft import Draft
from services.gateway.tally import Tally


@dataclass(frozen=True, slots=True)
class Reject:
    """A line or an event that is no event, with the reason; goes to the rejects file."""

    origin: str
    reason: str
    record: str
    field: str = ""
    topic: str | None = None  # where it would have gone, if that is known


Item = Draft | Reject


@dataclass(frozen=True, slots=True)
class Moment:
    """``clock_us`` is the highest event time that the source has reached: it never falls, though lines may be late.

    ``asset`` is None for what belongs to none (an order). ``payload`` is the source's own.
    """

    clock_us: int
    asset: str | None
    payload: object


class Feed(Protocol):
    """One recorded source."""

    source: str
    tally: Tally
    beat_us: int | None  # how often its assets are said to be alive in event time; None for as often as others are

    def fingerprint(self) -> str:
        """What is replayed, for a restart: the same text when and only when the items would be the same."""

    def parts(self) -> list[str]:
        """The files, each with the source and the asset that it is replayed for: what need not be sent a second time."""

    def leave_out(self, parts: set[str]) -> None:
        """Do without these files."""

    def assets(self) -> list[str]:
        """The assets that this feed declares, and keeps alive with heartbeats."""

    def opening(self) -> list[Draft]:
        """Registrations that go before any data."""

    def moments(self) -> Iterator[Moment]:
        """All moments, the clock never falling."""

    def items(self, moment: Moment) -> list[Item]:
        """What follows from a moment. Called once for each, in order."""

    def flush(self, asset: str) -> list[Draft]:
        """Readings of the asset that are still held back."""
