"""From an assignment to states and start positions: Faust's own recovery, replaced.

Faust's seeks to committed offsets, and its start of the flow clears queues that were filled already: records were lost at
rebalances (the decision record "batch transport" has the cases). Here the marks in our changelogs decide where reading
goes on, and nothing is fetched before everything is in place. A recovery that fails ends the process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord
from faust.tables.manager import TableManager
from faust.types import TP

from schemas.registry import changelog_name
from streams.transport.changelog import CLAIM_KEY, Replay, Restored, claim
from streams.transport.ending import end_process
from streams.transport.producer import Outgoing, Producer
from streams.transport.progress import Partition

log = logging.getLogger(__name__)

READ_RECORDS = 2_000
Owned = tuple[str, int]  # step, source partition


@dataclass(frozen=True, slots=True)
class Takeover:
    """A changelog partition that is ours: the epoch of our claim and what the log said before it."""

    epoch: int
    restored: Restored


class Inconsistent(Exception):
    """The topics contradict the changelogs or the assignment; a sentence says how."""


async def take_over(producer: Producer, client: Mapping[str, Any], owned: Sequence[Owned]) -> dict[Owned, Takeover]:
    """Claim the changelog partitions and read each up to the claim."""
    owner = f"{socket.gethostname()}:{os.getpid()}"
    entry = claim(owner)
    homes: dict[Partition, Owned] = {(changelog_name(step), p): (step, p) for step, p in owned}
    claims = await producer.deliver(Outgoing(t, entry.key, entry.value, partition=p) for t, p in homes)
    replays = {tp: Replay() for tp in homes}

    def take(tp: Partition, record: ConsumerRecord) -> None:
        replays[tp].feed(record.offset, record.key, record.value, record.headers)

    await read_log(client, {tp: (0, offset + 1) for tp, offset in claims.items()}, take)
    return {homes[tp]: Takeover(claims[tp], replays[tp].result()) for tp in homes}


async def claimed_within(client: Mapping[str, Any], tp: Partition, begin: int, end: int) -> bool:
    """Whether the changelog partition holds a claim at an offset in [begin, end)."""
    found: list[int] = []

    def take(_: Partition, record: ConsumerRecord) -> None:
        if record.key == CLAIM_KEY and begin <= record.offset < end:
            found.append(record.offset)

    await read_log(client, {tp: (begin, end)}, take)
    return bool(found)


async def read_log(
    client: Mapping[str, Any],
    ranges: Mapping[Partition, tuple[int, int]],
    take: Callable[[Partition, ConsumerRecord], None],
) -> None:
    """Give every record in each [begin, end) to ``take``; a begin that was cut off the log moves to where the log begins."""
    if not ranges:
        return
    consumer = AIOKafkaConsumer(
        **client, enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=50, max_partition_fetch_bytes=4 << 20
    )
    await consumer.start()
    try:
        tps = {TopicPartition(*tp): end for tp, (_, end) in ranges.items()}
        consumer.assign(list(tps))
        for tp in tps:
            consumer.seek(tp, ranges[tp.topic, tp.partition][0])
        left = list(tps)
        while left := [tp for tp in left if await consumer.position(tp) < tps[tp]]:
            fetched = await consumer.getmany(*left, timeout_ms=200, max_records=READ_RECORDS)
            for tp, records in fetched.items():
                for record in records:
                    take((tp.topic, tp.partition), record)
    finally:
        await consumer.stop()


def co_partitioned(assigned: Iterable[TP], topics: Iterable[str]) -> list[int]:
    """The partition numbers of an assignment, the same for every topic. Raises Inconsistent when they differ."""
    numbers: dict[str, set[int]] = {topic: set() for topic in topics}
    for tp in assigned:
        numbers[tp.topic].add(tp.partition)
    different = {tuple(sorted(n)) for n in numbers.values()}
    if len(different) > 1:
        shown = ", ".join(f"{t}: {sorted(n)}" for t, n in sorted(numbers.items()))
        raise Inconsistent(f"this worker was given different partitions of the topics it reads together ({shown})")
    return sorted(next(iter(different), ()))


def start_offset(partition: Partition, mark: int, begin: int, end: int) -> int:
    """Where a step reads on after ``mark`` in a partition that holds [begin, end). Raises Inconsistent for a mark beyond it."""
    topic, number = partition
    if mark >= end:
        raise Inconsistent(
            f"{topic}/{number} ends at offset {end}, before offset {mark} that is applied already: it was truncated or made "
            "anew. Delete the changelog topics of the steps that read it to start over."
        )
    if 0 <= mark < begin - 1:
        log.error("%s/%d: the offsets %d to %d were deleted before they were read", topic, number, mark + 1, begin - 1)
    return max(mark + 1, begin)


class Recovery(TableManager):  # type: ignore[misc] # Faust is untyped
    """Takes the place of Faust's table manager, which Faust calls at every rebalance. There are no Faust tables.

    The application gives ``client`` (aiokafka options), ``reads`` (topics per step) and ``begin(generation, states)``.
    """

    def __init__(self, app: Any, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self._restoring: asyncio.Task[None] | None = None
        self._completed = asyncio.Event()

    async def on_start(self) -> None:
        self._tables_registered.set()

    async def on_stop(self) -> None:
        await self.app._fetcher.stop()
        await self._abandon()

    async def wait_until_recovery_completed(self) -> bool:
        return bool(await self.wait_for_stopped(self._completed))

    def on_partitions_revoked(self, revoked: set[TP]) -> None:
        del revoked
        self._completed.clear()

    async def on_rebalance(self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0) -> None:
        """Restore in the background: while this callback runs, the consumer sends no heartbeats."""
        del revoked, newly_assigned
        self._recovery_started.set()
        await self._abandon()
        self._restoring = asyncio.create_task(self._restore(set(assigned), generation_id))

    async def _abandon(self) -> None:
        if self._restoring is not None:
            self._restoring.cancel()
            await asyncio.wait([self._restoring])

    async def _restore(self, assigned: set[TP], generation: int) -> None:
        try:
            await self._restored(assigned, generation)
        except Inconsistent as exc:
            end_process(str(exc))
        except Exception as exc:  # noqa: BLE001 - ends the process with the exception in the log
            end_process("the state could not be restored", exc)

    async def _restored(self, assigned: set[TP], generation: int) -> None:
        app = self.app
        numbers = co_partitioned(assigned, {t for topics in app.reads.values() for t in topics})
        owned = [(step, number) for step in app.reads for number in numbers]
        await app.references.ready()
        states = await take_over(app.producer, app.client, owned)
        positions = await self._positions(assigned, states)
        if app.consumer_generation_id != generation:
            return  # Faust has called again, or will
        app.begin(generation, states)
        # in this order: resuming the flow clears the queues, so nothing may have been read into them
        app.flow_control.resume()
        app.consumer.resume_partitions(assigned)
        if not await app.consumer.open(generation, positions):
            return
        app.consumer.resume_flow()
        await app._fetcher.maybe_start()
        await app.on_rebalance_complete.send()
        app.on_rebalance_end()
        self.on_actives_ready()
        self._completed.set()
        _say(generation, numbers, states)

    async def _positions(self, assigned: set[TP], states: Mapping[Owned, Takeover]) -> dict[TP, dict[str, int]]:
        if not assigned:
            return {}
        begins = await self.app.consumer.earliest_offsets(*(TopicPartition(*tp) for tp in assigned))
        ends = await self.app.consumer._thread.end_offsets(list(assigned))
        positions: dict[TP, dict[str, int]] = {tp: {} for tp in assigned}
        for (step, number), taken in states.items():
            marks = taken.restored.marks
            for topic in self.app.reads[step]:
                tp = TP(topic, number)
                start = start_offset(tp, marks.get(topic, -1), begins[tp], ends[tp])
                positions[tp][step] = start
                marks[topic] = start - 1  # what is not there any more counts as applied
        return positions


def _say(generation: int, numbers: Sequence[int], states: Mapping[Owned, Takeover]) -> None:
    keys = sum(len(t.restored.states) for t in states.values())
    fenced = sum(len(t.restored.fences) for t in states.values())
    void = sum(t.restored.void for t in states.values())
    log.info(
        "generation %d: partitions %s, %d states restored, %d of them ahead of their mark, %d void records ignored",
        generation, list(numbers), keys, fenced, void,
    )  # fmt: skip
