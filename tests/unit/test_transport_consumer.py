"""The consumer hands on no more than its steps keep up with, and commits what they have finished and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from faust.types import TP

from streams.metrics import StreamMetrics
from streams.transport.consumer import BatchConsumer
from streams.transport.fetching import Fetched
from streams.transport.progress import Bounds, Progress
from streams.transport.record_batch import RecordBatch
from streams.transport.unpacking import Columns

T0 = TP("t", 0)
TEN = 10


class App:
    """What the consumer asks of the application."""

    rebalancing = False
    consumer_generation_id = 1
    metrics = StreamMetrics()


class Consumer(BatchConsumer):
    """The consumer without Faust and broker: each fetch brings ten records of ten bytes of each partition."""

    def __init__(self, records: int = 1_000, size: int = 1 << 20, steps: tuple[str, ...] = ("s",)) -> None:
        self.app = App()
        self.progress = Progress({"t": steps}, Bounds(records, size))
        self.batch_records, self.batch_bytes = TEN, 1 << 20
        self._room = asyncio.Event()
        self._committed, self._log_end = {}, {}
        self.fetches = 0
        self.commits: list[dict[TP, int]] = []
        self.refused = False
        self.progress.open(1, {T0: dict.fromkeys(steps, 0)})

    flow_active = True
    should_stop = False

    async def sleep(self, n: float) -> None:
        del n
        await asyncio.sleep(0)

    async def _fetch(self, timeout: float) -> Any:
        del timeout
        begin = TEN * self.fetches
        self.fetches += 1
        offsets = range(begin, begin + TEN)
        rows = Columns(offsets, [b"key"] * TEN, [b"7 bytes"] * TEN, [0] * TEN)
        return {T0: Fetched(1, begin, begin + TEN, 1_000, [rows])}, {T0}

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        if not self.refused:
            self.commits.append(dict(offsets))
        return not self.refused

    async def batches(self) -> list[RecordBatch]:
        return [message.value async for _, message in self.getmany(0.01)]


async def test_nothing_is_fetched_while_a_slow_step_holds_as_many_records_as_are_allowed() -> None:
    consumer = Consumer(records=2 * TEN)
    first = [b for _ in range(5) for b in await consumer.batches()]
    assert [(b.start, b.end) for b in first] == [(0, 10), (10, 20)]
    assert consumer.fetches == 2
    consumer.finish("s", first[0])
    assert [(b.start, b.end) for b in await consumer.batches()] == [(20, 30)]
    assert await consumer.batches() == []


async def test_nor_while_it_holds_as_many_bytes() -> None:
    consumer = Consumer(size=150)
    assert [len(await consumer.batches()) for _ in range(3)] == [1, 1, 0]


async def test_the_slowest_of_several_steps_holds_the_others_back() -> None:
    consumer = Consumer(records=TEN, steps=("fast", "slow"))
    [batch] = await consumer.batches()
    consumer.finish("fast", batch)
    assert await consumer.batches() == []
    consumer.finish("slow", batch)
    assert len(await consumer.batches()) == 1


async def test_what_is_committed_is_what_is_finished_and_moves_in_order() -> None:
    consumer = Consumer(steps=("fast", "slow"))
    handed = [b for _ in range(3) for b in await consumer.batches()]
    assert await consumer.force_commit()
    for batch in handed:
        consumer.finish("fast", batch)
    assert not await consumer.force_commit()
    for batch in handed[:2]:
        consumer.finish("slow", batch)
        assert await consumer.force_commit()
    assert not await consumer.force_commit()
    assert consumer.commits == [{T0: 0}, {T0: 10}, {T0: 20}]


async def test_a_commit_that_was_refused_is_tried_again() -> None:
    consumer = Consumer()
    [batch] = await consumer.batches()
    consumer.finish("s", batch)
    consumer.refused = True
    assert not await consumer.force_commit()
    consumer.refused = False
    assert await consumer.force_commit()
    assert consumer.commits == [{T0: 10}]


async def test_nothing_of_an_assignment_that_is_over_is_handed_on() -> None:
    consumer = Consumer()
    consumer.app.consumer_generation_id = 2
    assert await consumer.batches() == []
    assert consumer.fetches == 0
