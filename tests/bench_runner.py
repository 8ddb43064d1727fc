"""The steps' own runners on a log in memory: what an event costs without a broker, and how much is written for it.

The runner, the codec, the logic and the packing of states are the product's; sending takes a list. CPU time of the thread is
taken, so that other work on the machine distorts it little.
"""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.codec import Encoded, decode
from schemas.events.asset import Asset
from schemas.registry import ASSET
from streams.__main__ import GC_THRESHOLD
from streams.metrics import StreamMetrics
from streams.step import Step, StepRunner, Surroundings
from streams.transport.changelog import Restored
from streams.transport.producer import Outgoing
from streams.transport.progress import Partition
from streams.transport.record_batch import RecordBatch
from streams.transport.state_store import PartitionState

BATCH = 500
Record = tuple[bytes | None, bytes | None]


@dataclass
class Cost:
    """What a step has taken in, what it cost, and what it wrote. ``by_batch`` is (records, CPU seconds) in order."""

    records: int = 0
    outputs: int = 0
    changelog_bytes: int = 0
    by_batch: list[tuple[int, float]] = field(default_factory=list)

    @property
    def cpu_s(self) -> float:
        """CPU seconds."""
        return sum(seconds for _, seconds in self.by_batch)

    @property
    def per_event(self) -> float:
        """CPU microseconds for a record."""
        return 1e6 * self.cpu_s / max(1, self.records)

    def part(self, begin: float, end: float) -> float:
        """CPU microseconds for a record, of a part of the batches."""
        some = self.by_batch[int(begin * len(self.by_batch)) : max(1, int(end * len(self.by_batch)))]
        return 1e6 * sum(s for _, s in some) / max(1, sum(n for n, _ in some))


class MemoryLog:
    """One partition of every topic, and runners that read and write it. Stands for reader, producer and reference data."""

    def __init__(self, assets: Iterable[Encoded] = ()) -> None:
        self.topics: dict[str, list[Record]] = defaultdict(list)
        self.costs: dict[str, Cost] = {}
        known = decode(ASSET, [r.value for r in assets if r.topic == ASSET.name])
        self._assets = {a.asset: a for _, a in known.events if isinstance(a, Asset)}
        self._around = Surroundings(self._deliver, self, self, StreamMetrics(), self._claimed, {}, {})
        self._cost = Cost()

    def put(self, records: Iterable[Encoded]) -> None:
        """Append records."""
        for r in records:
            self.topics[r.topic].append((r.key, r.value))

    async def run(self, step: Step) -> Cost:
        """Take the step through all that its topics hold, batches of the topics in turn; what it sends is appended."""
        cost = self._cost = self.costs[step.name] = Cost()
        gc.set_threshold(GC_THRESHOLD, 50, 100)  # as a worker does
        runner = StepRunner(step, 0, PartitionState(step.logic, Restored(), 0), self._around)
        for batch in _in_turn({t.name: self.topics[t.name] for t in step.reads}):
            began = time.thread_time()
            await runner.run(batch)
            cost.by_batch.append((len(batch), time.thread_time() - began))
            cost.records += len(batch)
        return cost

    async def _deliver(self, records: Iterable[Outgoing]) -> Mapping[Partition, int]:
        sent = list(records)
        first: dict[Partition, int] = {}
        for r in sent:
            log = self.topics[r.topic]
            first.setdefault((r.topic, r.partition or 0), len(log) + 1)
            log.append((r.key, r.value))
        if sent[0].partition is None:
            self._cost.outputs += len(sent)
        else:
            headers = sum(len(k) + len(v) for r in sent for k, v in r.headers)
            self._cost.changelog_bytes += headers + sum(len(r.key or b"") + len(r.value or b"") for r in sent)
        return first

    async def _claimed(self, partition: Partition, begin: int, end: int) -> bool:
        del partition, begin, end
        return False

    def finish(self, step: str, batch: RecordBatch) -> None:
        """Nothing is committed."""

    async def go_back(self, partition: Partition) -> None:
        """The log has no holes."""
        raise AssertionError(partition)

    def asset(self, asset_id: str) -> Asset | None:
        """The description of an asset."""
        return self._assets.get(asset_id)

    async def catch_up(self) -> None:
        """All is known from the start."""


def _in_turn(topics: Mapping[str, Sequence[Record]]) -> Iterable[RecordBatch]:
    for begin in range(0, max(map(len, topics.values()), default=0), BATCH):
        for name, log in topics.items():
            if part := log[begin : begin + BATCH]:
                end = begin + len(part)
                keys, values = zip(*part, strict=True)
                yield RecordBatch(name, 0, begin, end, range(begin, end), keys, values, [0] * len(part))
