"""One lane per step and source partition: its batches one after the other, the lanes side by side.

While one lane waits for the broker, another folds. Nothing leaves a lane as an exception: what can't be applied ends the
process, because going on would leave it behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from streams.transport.ending import end_process
from streams.transport.record_batch import RecordBatch


class Runner(Protocol):
    """What a lane drives."""

    async def run(self, batch: RecordBatch) -> None:
        """Have every effect of the batch in the log, or raise."""
        ...


class Lanes:
    """The lanes of the present assignment."""

    def __init__(self) -> None:
        self._queues: dict[tuple[str, int], asyncio.Queue[RecordBatch]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._busy = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def begin(self, runners: Mapping[tuple[str, int], Runner]) -> None:
        """Start a lane for each (step, partition)."""
        self.close()
        for owned, runner in runners.items():
            queue = self._queues[owned] = asyncio.Queue()
            self._tasks.append(asyncio.create_task(self._drive(runner, queue), name=f"lane {owned[0]}/{owned[1]}"))

    def put(self, step: str, batch: RecordBatch) -> None:
        """Queue a batch; of an assignment that is over it is dropped, since its next owner reads it again."""
        queue = self._queues.get((step, batch.partition))
        if queue is not None:
            queue.put_nowait(batch)

    async def drain(self) -> None:
        """Take no more batches, give up those that wait, and return when the ones in hand are done."""
        for queue in self._queues.values():
            while not queue.empty():
                queue.get_nowait()
        self._queues.clear()
        await self._idle.wait()

    def close(self) -> None:
        """End the lanes."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self._queues.clear()

    async def _drive(self, runner: Runner, queue: asyncio.Queue[RecordBatch]) -> None:
        while True:
            batch = await queue.get()
            self._enter()
            try:
                await runner.run(batch)
            except Exception as exc:  # noqa: BLE001 - ends the process with the exception in the log
                where = f"{batch.topic}/{batch.partition} [{batch.start}, {batch.end})"
                end_process(f"the batch {where} could not be applied: {exc}", exc)
            finally:
                self._leave()

    def _enter(self) -> None:
        self._busy += 1
        self._idle.clear()

    def _leave(self) -> None:
        self._busy -= 1
        if not self._busy:
            self._idle.set()
