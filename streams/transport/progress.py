"""Which records are handed out, finished and committable: plain bookkeeping, no I/O.

A topic may be read by several steps of the same application. Each step finishes a batch for itself, so a partition may
be committed up to the LEAST of what its steps have finished, and a batch stops counting against the bounds when all of
them are done with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from streams.transport.record_batch import RecordBatch

Partition = tuple[str, int]


class Fit(Enum):
    """How fetched records lie to what was handed on before them."""

    JOINS = auto()
    BEHIND = auto()
    AHEAD = auto()


@dataclass(frozen=True, slots=True)
class Bounds:
    """At most this much may be handed out and unfinished; one batch more is let through so that work can go on."""

    records: int
    size: int


@dataclass(slots=True)
class _Outstanding:
    waiting: set[str]
    records: int
    size: int


class Progress:
    """The state of one assignment. ``readers`` names the steps that read each topic."""

    def __init__(self, readers: Mapping[str, Sequence[str]], bounds: Bounds) -> None:
        self._readers = {topic: frozenset(steps) for topic, steps in readers.items()}
        self._bounds = bounds
        self._finished: dict[Partition, dict[str, int]] = {}
        self._next: dict[Partition, int] = {}
        self._outstanding: dict[tuple[str, int, int], _Outstanding] = {}
        self._records = self._size = 0
        self.generation = -1

    def open(self, generation: int, positions: Mapping[Partition, Mapping[str, int]]) -> None:
        """Begin an assignment: for each partition the first offset that each reading step has not finished."""
        self.close()
        for (topic, _), steps in positions.items():
            if set(steps) != self._readers[topic]:
                raise ValueError(f"positions of {topic} name the steps {sorted(steps)}, not {sorted(self._readers[topic])}")
        self._finished = {tp: dict(steps) for tp, steps in positions.items()}
        self._next = {tp: min(steps.values()) for tp, steps in positions.items()}
        self.generation = generation

    def close(self) -> None:
        """End the assignment: nothing is handed out any more, and what was is nobody's."""
        self._finished, self._next, self._outstanding = {}, {}, {}
        self._records = self._size = 0
        self.generation = -1

    def fit(self, partition: Partition, start: int, end: int) -> Fit:
        """Whether records that cover [start, end) continue what was handed on. A partition that is not ours is BEHIND."""
        wanted = self._next.get(partition)
        if wanted is None or end <= wanted:
            return Fit.BEHIND
        return Fit.JOINS if start <= wanted else Fit.AHEAD

    def wanted(self, partition: Partition) -> int:
        """The offset at which the next batch has to begin. Raises KeyError for a partition that is not ours."""
        return self._next[partition]

    def hand_on(self, batch: RecordBatch) -> None:
        """Count a batch as handed out. Raises ValueError when it leaves a hole."""
        tp = (batch.topic, batch.partition)
        if self.fit(tp, batch.start, batch.end) is not Fit.JOINS:
            raise ValueError(f"batch [{batch.start}, {batch.end}) of {tp} does not join {self._next.get(tp)}")
        self._next[tp] = batch.end
        item = _Outstanding(set(self._readers[batch.topic]), len(batch), batch.size)
        self._outstanding[batch.topic, batch.partition, batch.end] = item
        self._records += item.records
        self._size += item.size

    def finish(self, step: str, batch: RecordBatch) -> None:
        """Every effect of ``batch`` in ``step`` is in the log. Of an assignment that has ended, this says nothing.

        Raises RuntimeError when an earlier batch of the partition is unfinished: the commit would skip it.
        """
        done = self._finished.get((batch.topic, batch.partition))
        if done is None:
            return
        if batch.start > done[step]:
            raise RuntimeError(f"{step} finished {batch.topic}/{batch.partition} [{batch.start}, {batch.end}) before {done[step]}")
        done[step] = max(done[step], batch.end)
        key = (batch.topic, batch.partition, batch.end)
        if (item := self._outstanding.get(key)) is not None:
            item.waiting.discard(step)
            if not item.waiting:
                self._forget(key)

    def go_back(self, partition: Partition) -> int:
        """What was handed out beyond the finished offsets is to be read again; returns where from."""
        self._next[partition] = min(self._finished[partition].values())
        for key in [k for k in self._outstanding if k[:2] == partition]:
            self._forget(key)
        return self._next[partition]

    def committable(self) -> dict[Partition, int]:
        """For each partition the offset before which every step has finished everything."""
        return {tp: min(steps.values()) for tp, steps in self._finished.items()}

    @property
    def full(self) -> bool:
        """True while no more may be handed out."""
        return self._records >= self._bounds.records or self._size >= self._bounds.size

    @property
    def outstanding(self) -> tuple[int, int]:
        """Records and bytes handed out and unfinished."""
        return self._records, self._size

    def _forget(self, key: tuple[str, int, int]) -> None:
        item = self._outstanding.pop(key)
        self._records -= item.records
        self._size -= item.size
