"""Faust's consumer, one message per fetched batch of a partition instead of one per record.

Faust pays for every message: four tasks in ``Consumer._drain_messages``, a lock in the conductor and a queue hop. A batch
pays that once.

What is committed is what the steps have finished, never what Faust has acknowledged: a stream also acknowledges a batch
that it skipped because its generation is over, and one whose agent was cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from aiokafka.errors import ConsumerStoppedError, KafkaError, OffsetOutOfRangeError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from streams.transport.ending import end_process
from streams.transport.fetching import ConsumerThread, Fetched, batches
from streams.transport.producer import Producer
from streams.transport.progress import Fit, Progress
from streams.transport.record_batch import RecordBatch

IDLE_S = 0.02


class BatchConsumer(driver.Consumer):  # type: ignore[misc] # Faust is untyped
    """Hands on RecordBatches. The application gives it ``progress``, the limits of a batch and a way to wait for its steps."""

    progress: Progress
    batch_records: int
    batch_bytes: int
    drained: Callable[[], Awaitable[None]]
    revoked: Callable[[], None]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app = self.app
        self.progress = app.progress
        self.batch_records, self.batch_bytes = app.batch_limits
        self.drained, self.revoked = app.drained, app.revoked
        self._room = asyncio.Event()
        self._committed: dict[TP, int] = {}
        self._log_end: dict[TP, int] = {}

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def finish(self, step: str, batch: RecordBatch) -> None:
        """To be called by a step when every effect of a batch is in the log; in order for each partition."""
        self.progress.finish(step, batch)
        if not self.progress.full:
            self._room.set()

    async def open(self, generation: int, positions: dict[TP, dict[str, int]]) -> bool:
        """Begin to read an assignment: for each partition the next offset of each step. False when it is over already."""
        self.progress.open(generation, positions)
        self._committed.clear()
        self._log_end.clear()
        return await self._read_from({tp: self.progress.wanted(tp) for tp in positions})

    async def go_back(self, tp: TP) -> None:
        """Read a partition again from what its steps have finished."""
        self.progress.go_back(tp)
        await self._read_from({tp: self.progress.wanted(tp)})

    async def perform_seek(self) -> None:
        """Seek to what is wanted next. Faust's own seeks to commits, and leaves a partition that has none where it is."""
        await self._read_from({tp: self.progress.wanted(tp) for tp in self.progress.committable()})

    async def _read_from(self, offsets: dict[TP, int]) -> bool:
        for tp in offsets:
            self._read_offset.pop(tp, None)  # or Faust drops what it thinks it has seen
        return bool(await self._thread.open_at(self.progress.generation, offsets))

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await super().on_partitions_revoked(revoked)  # stops the flow, then waits for the batches in hand and commits
        self.progress.close()
        self.revoked()
        self._room.set()

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """The batches of one fetch, while there is room for them. Nothing is fetched during a rebalance."""
        if not await self._has_room(timeout):
            return
        if not self._reading:
            await self.sleep(IDLE_S)
            return
        fetches, _ = await self._fetch(timeout)
        for tp, fetched in (fetches or {}).items():
            self._log_end[tp] = fetched.log_end
            # asked again for every batch: a rebalance can begin and end while the one before it is handed over
            for batch in self._join(tp, fetched):
                if not self._reading or fetched.generation != self.progress.generation or self.should_stop:
                    return  # the next assignment reads it again
                if self.progress.fit(tp, batch.start, batch.end) is not Fit.JOINS:
                    break  # a step went back while the batch before was handed over
                self.progress.hand_on(batch)
                yield tp, self._message(tp, batch)
            if self._reading and self.progress.fit(tp, fetched.end, fetched.end + 1) is Fit.AHEAD:
                await self._read_from({tp: self.progress.wanted(tp)})

    @property
    def _reading(self) -> bool:
        return bool(self.flow_active and not self.app.rebalancing and self.progress.generation == self.app.consumer_generation_id)

    async def _has_room(self, timeout: float) -> bool:
        if self.progress.full:
            self._room.clear()
            try:
                await asyncio.wait_for(self._room.wait(), timeout)
            except TimeoutError:
                return False
        return not self.progress.full

    async def _fetch(self, timeout: float) -> tuple[dict[TP, Fetched] | None, set[TP] | None]:
        try:
            return await self._wait_next_records(timeout)  # type: ignore[no-any-return]
        except ConsumerStoppedError:
            raise
        except OffsetOutOfRangeError as exc:
            end_process(f"records were deleted before they were read: {exc}", exc)
        except KafkaError as exc:
            end_process(f"reading failed: {type(exc).__name__}: {exc}", exc)

    def _join(self, tp: TP, fetched: Fetched) -> Iterator[RecordBatch]:
        if fetched.generation == self.progress.generation and self.progress.fit(tp, fetched.start, fetched.end) is Fit.JOINS:
            yield from batches(tp, fetched, self.progress.wanted(tp), self.batch_records, self.batch_bytes)

    def _message(self, tp: TP, batch: RecordBatch) -> ConsumerMessage:
        return ConsumerMessage(
            tp.topic, tp.partition, batch.end - 1, 0.0, 0, [], None, batch, None, 0, 0, tp,
            generation_id=self.progress.generation,
        )  # fmt: skip

    async def wait_empty(self) -> None:
        """Wait until the steps have finished the batch that each has in hand, and commit. Queued batches are given up."""
        await self.drained()
        await self.commit_and_end_transactions()

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit what every step has finished, where it has moved."""
        del topics, start_new_transaction
        wanted = {TP(*tp): offset for tp, offset in self.progress.committable().items()}
        self.app.metrics.set_lag({tp: self._log_end.get(tp, offset) - offset for tp, offset in wanted.items()})
        moved = {tp: offset for tp, offset in wanted.items() if self._committed.get(tp) != offset}
        if not moved or not await self._commit(moved):
            return False
        self._committed.update(moved)
        return True

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's watchdog judges by its own acknowledgements, which mean nothing here."""

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """The offsets between two messages are inside the batches, not missing."""


class BatchTransport(driver.Transport):  # type: ignore[misc] # Faust is untyped
    """The aiokafka transport with our consumer and producer."""

    Consumer = BatchConsumer
    Producer = Producer
