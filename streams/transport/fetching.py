"""The consumer thread: whole fetches with the offsets they cover, from positions that we set ourselves.

It runs aiokafka on an event loop of its own, so heartbeats go on while the main loop folds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.transport.progress import Partition
from streams.transport.record_batch import RecordBatch
from streams.transport.unpacking import Columns, joined, unpack_columns

FETCH_MAX_WAIT_MS = 250
FETCH_BYTES = 16 << 20
COMMIT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one fetch brought from one partition: the offsets [start, end) are covered, for the assignment ``generation``.

    ``log_end`` is where the partition itself ended at that time.
    """

    generation: int
    start: int
    end: int
    log_end: int
    records: Sequence[Columns]


def batches(partition: Partition, fetched: Fetched, wanted: int, records: int, size: int) -> Iterator[RecordBatch]:
    """Cut a fetch into batches of at most ``records`` and about ``size`` bytes, from the offset ``wanted`` on.

    The batches cover [wanted, end) without a hole; a record larger than ``size`` is a batch of its own.
    """
    rows = joined(fetched.records)
    rows = rows.cut(bisect_left(rows.offsets, wanted), len(rows))
    start, begin = wanted, 0
    for end in _ends(rows, records, size):
        behind = rows.offsets[end] if end < len(rows) else fetched.end
        yield _batch(partition, start, behind, rows.cut(begin, end))
        start, begin = behind, end


def _ends(rows: Columns, records: int, size: int) -> Iterator[int]:
    """Behind which row each batch ends."""
    weights = [len(value or b"") + len(key or b"") for value, key in zip(rows.values, rows.keys, strict=True)]
    if len(rows) <= records and sum(weights) <= size:
        if weights:
            yield len(rows)
        return
    begin, held = 0, 0
    for i, weight in enumerate(weights):
        if i > begin and (i - begin >= records or held + weight > size):
            yield i
            begin, held = i, 0
        held += weight
    yield len(rows)


def _batch(partition: Partition, start: int, end: int, rows: Columns) -> RecordBatch:
    return RecordBatch(*partition, start, end, rows.offsets, rows.keys, rows.values, rows.timestamps)


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc] # Faust is untyped
    """Faust's consumer thread with Faust's assignor always on, and fetches that say what they cover.

    Only partitions that were opened for the present assignment are read; aiokafka's own start positions (the committed
    offsets) are never used.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self._generation = -1
        self._position: dict[Partition, int] = {}

    async def on_start(self) -> None:
        await super().on_start()
        unpack_columns(self._consumer)

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        # Faust takes a round robin assignor when an app has no tables: partitions with one number would be spread
        conf = self.app.conf
        self._assignor = self.app.assignor
        return AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_poll_interval_ms=int((conf.broker_max_poll_interval or 0) * 1000),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_bytes=FETCH_BYTES,
            fetch_max_wait_ms=FETCH_MAX_WAIT_MS,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            check_crcs=conf.broker_check_crcs,
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            isolation_level="read_uncommitted",
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
            **driver.credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self._position.clear()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._position.clear()
        await super().on_partitions_assigned(assigned, generation_id)

    async def open_at(self, generation: int, offsets: Mapping[Partition, int]) -> bool:
        """Read these partitions from these offsets on. False when the assignment has changed meanwhile."""
        return bool(await self.call_thread(self._open_at, generation, offsets))

    async def _open_at(self, generation: int, offsets: Mapping[Partition, int]) -> bool:
        consumer = self._ensure_consumer()
        if self.app.consumer_generation_id != generation:
            return False
        try:
            for partition, offset in offsets.items():
                consumer.seek(TopicPartition(*partition), offset)
        except IllegalStateError:  # no longer assigned: the next assignment opens its own
            self._position.clear()
            return False
        self._position.update(offsets)
        self._generation = generation
        return True

    async def end_offsets(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The next offset to be written of each partition."""
        tps = [TopicPartition(*p) for p in partitions]
        ends = await self.call_thread(self._ensure_consumer().end_offsets, tps)
        return {(tp.topic, tp.partition): int(offset) for tp, offset in ends.items()}

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> dict[TP, Fetched]:
        del max_records  # all that was fetched: what stays in aiokafka's buffer stops its next fetch for 100 ms
        try:
            drained = await super()._fetch_records(consumer, active_partitions, timeout, None)
        except NoOffsetForPartitionError:  # from before open_at: the group has no commit, and needs none
            return {}
        except OffsetOutOfRangeError as exc:
            if not self._stale(exc):
                raise
            return {}
        # nothing is awaited from here on, so that position and records belong together
        return {TP(*tp): f for tp, rows in drained.items() if (f := self._covered(consumer, tp, rows)) is not None}

    def _covered(self, consumer: AIOKafkaConsumer, tp: TopicPartition, rows: Sequence[Columns]) -> Fetched | None:
        key = (tp.topic, tp.partition)
        start = self._position.get(key)
        if start is None or not rows:
            return None
        state = consumer._subscription.subscription.assignment.state_value(tp)
        self._position[key] = end = int(state.position)
        return Fetched(self._generation, start, end, int(state.highwater or end), rows)

    def _stale(self, exc: OffsetOutOfRangeError) -> bool:
        """True for an error about a position that aiokafka had taken from a commit before we set ours."""
        return not any(self._position.get((tp.topic, tp.partition)) == offset for tp, offset in exc.args[0].items())

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        mine = self.assignment()
        wanted = {TopicPartition(*tp): OffsetAndMetadata(offset, "") for tp, offset in offsets.items() if tp in mine}
        try:
            await self._ensure_consumer().commit(wanted)
        except KafkaError as exc:
            # commits show the lag and nothing else: reading goes on from the marks in the changelogs
            self.log.warning("offsets were not committed: %s: %s", type(exc).__name__, exc)
            return False
        return True
