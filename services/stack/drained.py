"""Whether everything that is on the topics has been processed: every group has committed up to every end."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, KafkaError, NotCoordinatorError
from kafka.structs import OffsetAndMetadata

from services.runtime.errors import UserError
from services.runtime.kafka import admin, consumer

CLIENT_ID = "factorystream-stack"
LOOK_S = 0.5
COORDINATOR_S = 0.5
COORDINATOR_TRIES = 20
STALLED_S = 180.0  # nothing has been committed for so long although records wait


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a broker: records that wait per (group, topic), and the end of every partition of those topics."""

    waiting: Mapping[tuple[str, str], int]
    ends: Mapping[TopicPartition, int]

    @property
    def idle(self) -> bool:
        """Whether nothing waits."""
        return not any(self.waiting.values())


class Offsets:
    """Asks one broker for ends and committed offsets. Not for use by several threads."""

    def __init__(self, bootstrap: str) -> None:
        self._admin: KafkaAdminClient = admin(bootstrap, CLIENT_ID)
        self._consumer: KafkaConsumer = consumer(bootstrap, CLIENT_ID, None)

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()
        self._admin.close()

    def existing(self, topics: Mapping[str, int]) -> dict[str, int]:
        """Those of the topics that the broker has."""
        there = self._consumer.topics()
        return {name: count for name, count in topics.items() if name in there}

    def ends(self, topics: Mapping[str, int]) -> dict[TopicPartition, int]:
        """The end offset of every partition; ``topics`` gives the number of partitions of each."""
        partitions = [TopicPartition(name, number) for name, count in topics.items() for number in range(count)]
        return dict(self._consumer.end_offsets(partitions)) if partitions else {}

    def look(self, groups: Mapping[str, Mapping[str, int]]) -> Look:
        """Compare each group with the ends of its topics (name: partitions). Raises KafkaError.

        The committed offsets are asked for before the ends: a step commits what it has read after its outputs are in the log, so
        when nothing waits in this order nothing is under way either.
        """
        committed = self._committed(list(groups)) if groups else {}
        ends = self.ends({name: count for topics in groups.values() for name, count in topics.items()})
        waiting: dict[tuple[str, str], int] = {}
        for group, topics in groups.items():
            found = committed.get(group, {})
            for partition, end in ends.items():
                if partition.topic in topics:
                    done = max(found[partition].offset, 0) if partition in found else 0
                    key = (group, partition.topic)
                    waiting[key] = waiting.get(key, 0) + max(end - done, 0)
        return Look(waiting, ends)

    def _committed(self, groups: list[str]) -> Mapping[str, Mapping[TopicPartition, OffsetAndMetadata]]:
        """The committed offsets; a broker that has just started needs a moment before it knows its groups."""
        for _ in range(COORDINATOR_TRIES):
            try:
                found: Mapping[str, Mapping[TopicPartition, OffsetAndMetadata]] = self._admin.list_group_offsets(groups)
                return found
            except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError):
                time.sleep(COORDINATOR_S)
        raise UserError(f"the broker does not know its consumer groups after {COORDINATOR_TRIES * COORDINATOR_S:g} s; try again")


def wait_until_drained(
    offsets: Offsets,
    groups: Mapping[str, Mapping[str, int]],
    check: Callable[[], None],
    seen: Callable[[Look], None],
    stalled_seconds: float = STALLED_S,
) -> Look:
    """Return when two looks in a row find nothing waiting and the same ends.

    ``check`` is called between looks and raises when waiting is in vain; ``seen`` is told each look. Raises UserError when
    records wait and none is processed for ``stalled_seconds``.
    """
    before: Look | None = None
    moved = time.monotonic()
    while True:
        check()
        try:
            look = offsets.look(groups)
        except KafkaError:
            look = None  # the broker is being restarted: what it says after that counts
        if look is not None:
            seen(look)
            if look.idle and look == before:
                return look
            if before is None or look != before:
                moved = time.monotonic()
            before = look
        if time.monotonic() - moved > stalled_seconds:
            raise UserError(_stalled(before, stalled_seconds))
        time.sleep(LOOK_S)


def _stalled(look: Look | None, seconds: float) -> str:
    if look is None:
        return f"the broker has not answered for {seconds:g} s"
    worst = max(look.waiting, key=lambda key: look.waiting[key])
    group, topic = worst
    return f"nothing has been processed for {seconds:g} s: {look.waiting[worst]} records of {topic} wait for the group {group}"
