"""Records in hand: taken from the topic and not yet ended, and what may be committed while they are."""

from dataclasses import dataclass, field

from schemas.events.outbound_event import OutboundEvent
from services.bridge.decision import Decision


@dataclass(slots=True, eq=False)
class Pending:
    """One outbound record. ``arrived_s`` is when the broker got it (Unix s). ``refused`` is why the API won't ever take it."""

    partition: int
    offset: int
    arrived_s: float
    key: bytes | None
    value: bytes
    event: OutboundEvent
    decision: Decision | None = None
    policy_version: int | None = None
    denied_before: bool = False  # the audit log had a denial of this event when the record came
    refused: str | None = None


@dataclass(slots=True)
class _Partition:
    next: int = 0
    open: set[int] = field(default_factory=set)


class Offsets:
    """Which offset of each partition may be committed: everything below it has ended."""

    def __init__(self) -> None:
        self._partitions: dict[int, _Partition] = {}
        self._committed: dict[int, int] = {}

    def taken(self, partition: int, offset: int) -> None:
        """A record came in. Offsets of a partition grow; gaps (compaction, transactions) are fine."""
        state = self._partitions.setdefault(partition, _Partition())
        state.open.add(offset)
        state.next = max(state.next, offset + 1)

    def ended(self, partition: int, offset: int) -> None:
        """It ended."""
        if partition in self._partitions:
            self._partitions[partition].open.discard(offset)

    def dropped(self, partition: int) -> None:
        """The partition belongs to another member of the group now."""
        self._partitions.pop(partition, None)
        self._committed.pop(partition, None)

    def committable(self) -> dict[int, int]:
        """Per partition, the offset to commit; only those that have moved since :meth:`committed`."""
        ready = {p: min(s.open, default=s.next) for p, s in self._partitions.items()}
        return {p: offset for p, offset in ready.items() if offset > self._committed.get(p, 0)}

    def committed(self, offsets: dict[int, int]) -> None:
        """These offsets have been committed."""
        self._committed.update(offsets)
