"""What a step's domain code implements: pure folding of events into keyed states.

The transport decodes, fences, sends and stores; the logic of a step only says which states an event touches and what
it does to each of them. A fold must be deterministic: state after record n is a function of the records of its source
partition up to n, wherever the batches were cut and however often a record was read again. It reads no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from schemas.envelope import Event
    from schemas.events.asset import Asset
    from schemas.events.calendar import Calendar
    from schemas.events.loss_model import LossModel
    from schemas.events.order import Order

S = TypeVar("S")


class Outcome(StrEnum):
    """What became of one event in one state; of several states the first in this order counts for the event."""

    APPLIED = "applied"
    LATE = "late"
    DUPLICATE = "deduplicated"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record lies in the log."""

    topic: str
    partition: int
    offset: int


@dataclass(slots=True)
class Folded:
    """The result of folding one event into one state; outputs are sent in this order, before the state is stored."""

    outcome: Outcome
    outputs: Sequence[Event] = ()


class References(Protocol):
    """Read-only view of the compacted reference topics, complete up to a recent moment."""

    def asset(self, asset_id: str) -> Asset | None:
        """The newest version of an asset's description; None when there is none or it was deleted."""
        ...

    def calendars(self, line: str) -> Sequence[Calendar]:
        """All calendars of a line, ascending by version; the same objects, in the same sequence, until one of them changes."""
        ...

    def loss_models(self, line: str) -> Sequence[LossModel]:
        """All loss models of a line, ascending by version; the same objects, in the same sequence, until one of them changes."""
        ...

    def order(self, order_id: str) -> Order | None:
        """The newest version of an order; None when there is none or it was deleted."""
        ...


class Logic(Protocol[S]):
    """The pure part of a step. Keys are text, free of the prefix `#`, which the transport keeps for its marks."""

    def route(self, event: Event) -> Sequence[str]:
        """The keys of the states that this event touches, all of them within the event's source partition."""
        ...

    def load(self, key: str, data: bytes | None) -> S:
        """The state from its stored bytes; None means a new state."""
        ...

    def dump(self, state: S) -> bytes | None:
        """The bytes to store; None deletes the key (its fence is kept by the transport)."""
        ...

    def fold(self, state: S, event: Event, origin: Origin, references: References) -> Folded:
        """Apply one record to one state, in place. Raises only for a fault of the program: it ends the process."""
        ...
