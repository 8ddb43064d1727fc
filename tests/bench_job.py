"""The job of the benchmark, three ways, each a process of its own: ``python tests/bench_job.py streams|hand|reader``.

``streams`` is a step on our transport: validate, windows in event time per asset, state with an awaited changelog, outputs
with acks=all. ``hand`` does the same on aiokafka with a batch validated at once, as somebody would write it for this job
alone, and keeps no state. ``reader`` reads and looks at nothing. Each prints ``FIRST <Unix time>`` when it has the first record;
the reader prints ``LAST <Unix time>`` too. Environment: BENCH_SOURCE, BENCH_RECORDS, BENCH_RUN, FACTORYSTREAM_*.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from bench_workload import GRACE_MS, PARTITIONS, SIZE_MS
from pydantic import TypeAdapter

from schemas import envelope
from schemas.codec import encode
from schemas.envelope import Event
from schemas.events.window_aggregate import WindowAggregate
from schemas.identity import derived_id
from schemas.registry import AGGREGATE
from schemas.topic import Topic
from streams.__main__ import GC_THRESHOLD, prepare
from streams.app import work
from streams.domain.fold import Folded, Origin, Outcome, References
from streams.settings import StreamSettings
from streams.step import FoldedSlice, Step
from streams.transport.record_batch import RecordBatch


class Reading(Event):
    """One event of the workload; times in milliseconds since 1970."""

    TYPE: ClassVar[str] = "bench.reading.v1"

    id: str
    asset: str
    channel: str
    value: float
    unit: str
    event_time: int  # type: ignore[assignment]
    seq: int


def source(name: str) -> Topic:
    """The topic of the workload."""
    return Topic(name, "readings of a benchmark", (Reading,), "asset", 1, (), ())


def say_first(said: list[bool] = []) -> None:  # noqa: B006 - once in a process
    if not said:
        said.append(True)
        print(f"FIRST {time.time()}", flush=True)


class Open:
    """The open windows of one asset: start -> [n, sum, low, high]. ``due`` is the event time that closes the first of them."""

    __slots__ = ("asset", "due", "top", "windows")

    def __init__(self, asset: str, top: int = -1, windows: dict[int, list[float]] | None = None) -> None:
        self.asset, self.top, self.windows = asset, top, windows or {}
        self.due = min(self.windows, default=0) + SIZE_MS + GRACE_MS

    def add(self, at: int, value: float) -> bool:
        """False for a value that is late."""
        start = at - at % SIZE_MS
        if start + SIZE_MS + GRACE_MS <= self.top:
            return False
        if at > self.top:
            self.top = at
        window = self.windows.get(start)
        if window is None:
            self.windows[start] = [1, value, value, value]
            self.due = min(self.windows) + SIZE_MS + GRACE_MS
            return True
        window[0] += 1
        window[1] += value
        if value < window[2]:
            window[2] = value
        elif value > window[3]:
            window[3] = value
        return True

    def take(self) -> list[WindowAggregate]:
        """The windows that are closed, which are then forgotten."""
        closed = sorted(s for s in self.windows if s + SIZE_MS + GRACE_MS <= self.top)
        out = [_aggregate(self.asset, start, *self.windows.pop(start)) for start in closed]
        self.due = min(self.windows, default=0) + SIZE_MS + GRACE_MS
        return out


def _aggregate(asset: str, start: int, n: float, total: float, low: float, high: float) -> WindowAggregate:
    begin, end = (datetime.fromtimestamp(t / 1000, UTC) for t in (start, start + SIZE_MS))
    return WindowAggregate(
        event_time=end, id=derived_id("bench", asset, start), asset=asset, channel="temperature", unit="Cel",
        window=envelope.Window(start=begin, end=end), n=int(n), mean=total / n, sd=None, min=low, max=high, rms=total, inputs=[],
    )  # fmt: skip


class Windows:
    """The logic of the job. The sum of a window is given as its ``rms``, so that it can be compared exactly."""

    def route(self, event: Event) -> Sequence[str]:
        assert isinstance(event, Reading)
        return (event.asset,)

    def load(self, key: str, data: bytes | None) -> Open:
        if data is None:
            return Open(key)
        top, windows = json.loads(data)
        return Open(key, top, {start: [n, *rest] for start, n, *rest in windows})

    def dump(self, state: Open) -> bytes | None:
        return json.dumps([state.top, [[start, *window] for start, window in state.windows.items()]]).encode()

    def fold(self, state: Open, event: Event, origin: Origin, references: References) -> Folded:
        del origin, references
        assert isinstance(event, Reading)
        if not state.add(event.event_time, event.value):
            return Folded(Outcome.LATE)
        return Folded(Outcome.APPLIED, state.take() if state.top >= state.due else ())

    def fold_slice(
        self, state: Callable[[str], Open], events: Sequence[tuple[int, Any]], batch: RecordBatch, references: References
    ) -> FoldedSlice:
        del batch, references
        say_first()
        late, outputs = 0, []
        touched: dict[str, Open] = {}
        for _, event in events:
            key = event.asset
            own = touched.get(key)
            if own is None:
                own = touched[key] = state(key)
            if not own.add(event.event_time, event.value):
                late += 1
            elif own.top >= own.due:
                outputs += own.take()
        return FoldedSlice({Outcome.LATE: late, Outcome.APPLIED: len(events) - late}, touched, outputs)


def streams() -> None:
    """The job as a step of a worker."""
    settings = StreamSettings()
    prepare(settings)
    step = Step(f"job-{os.environ['BENCH_RUN']}", (source(os.environ["BENCH_SOURCE"]),), (AGGREGATE,), (), Windows())
    asyncio.run(work(settings, [step], [step]))


_many = TypeAdapter(list[Reading]).validate_json
_one = TypeAdapter(Reading).validate_json


def valid(values: Sequence[bytes]) -> list[Reading]:
    """The events among the records: all at once, and in halves where one of them is none."""
    try:
        found = _many(b"[" + b",".join(values) + b"]")
        if len(found) == len(values):  # `{..},{..}` in one record would read as two
            return found
    except ValueError:
        pass
    if len(values) == 1:
        return []
    half = len(values) // 2
    return valid(values[:half]) + valid(values[half:])


async def hand() -> None:
    """The job on aiokafka alone. Its windows are lost when it ends."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    bootstrap = os.environ["FACTORYSTREAM_BOOTSTRAP"]
    consumer = AIOKafkaConsumer(
        os.environ["BENCH_SOURCE"], bootstrap_servers=bootstrap, group_id=f"hand-{os.environ['BENCH_RUN']}",
        auto_offset_reset="earliest", enable_auto_commit=False,
    )  # fmt: skip
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=20)
    await consumer.start()
    await producer.start()
    assets: dict[str, Open] = {}
    committed = time.monotonic()
    while not stop.is_set():
        sends = []
        for found in (await consumer.getmany(timeout_ms=200)).values():
            say_first()
            for event in valid([r.value for r in found]):
                own = assets.get(event.asset)
                if own is None:
                    own = assets[event.asset] = Open(event.asset)
                if own.add(event.event_time, event.value) and own.top >= own.due:
                    records = map(encode, own.take())
                    sends += [await producer.send(r.topic, key=r.key, value=r.value, headers=r.headers) for r in records]
        await asyncio.gather(*sends)
        if time.monotonic() - committed > 1:
            await consumer.commit()
            committed = time.monotonic()
    await consumer.stop()
    await producer.stop()


async def reader() -> None:
    """Reads so many records."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=os.environ["FACTORYSTREAM_BOOTSTRAP"], auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    consumer.assign([TopicPartition(os.environ["BENCH_SOURCE"], p) for p in range(PARTITIONS)])
    left = int(os.environ["BENCH_RECORDS"])
    while left > 0:
        for found in (await consumer.getmany(timeout_ms=200)).values():
            say_first()
            left -= len(found)
    print(f"LAST {time.time()}", flush=True)
    await consumer.stop()


def main() -> None:
    """Run one of them."""
    role = sys.argv[1]
    gc.set_threshold(GC_THRESHOLD, 50, 100)  # the same for all
    {"streams": streams, "hand": partial(_run, hand), "reader": partial(_run, reader)}[role]()


def _run(work_of: Callable[[], Any]) -> None:
    asyncio.run(work_of())


if __name__ == "__main__":
    main()
