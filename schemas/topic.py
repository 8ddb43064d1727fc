"""A topic as the registry declares it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from operator import attrgetter

from schemas.envelope import Event

DAY_MS = 86_400_000
PARTITIONS = 4  # the same for every topic that a step reads, so that one worker owns the same number of all of them
DEAD_LETTER_DAYS = 180
MAX_RECORD_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: what is on it, how it is kept, who writes and reads it.

    ``key`` is the attribute path of the record key within the event, e.g. ``scope.id``. ``retention_days`` is None for a
    topic that is compacted only.
    """

    name: str
    text: str
    events: tuple[type[Event], ...]
    key: str
    retention_days: int | None
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    partitions: int = PARTITIONS
    compacted: bool = False
    dead_letters: bool = True  # False needs a reason in ``text``

    @property
    def dead_letter_name(self) -> str:
        return f"{self.name}.dlq"

    @property
    def config(self) -> dict[str, str]:
        """The topic's settings on the broker. Broker timestamps mean nothing, so retention counts from arrival."""
        retention = -1 if self.retention_days is None else self.retention_days * DAY_MS
        return {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "retention.ms": str(retention),
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(MAX_RECORD_BYTES + 48_576),
            **({"min.compaction.lag.ms": "3600000"} if self.compacted else {}),
        }

    def key_of(self, event: Event) -> bytes:
        """The record key of an event of this topic."""
        return str(_attribute(self.key)(event)).encode()


@cache
def _attribute(path: str) -> Callable[[Event], object]:
    return attrgetter(path)
