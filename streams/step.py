"""A step of the pipeline, and the runner that takes the batches of one source partition through it.

The order within a batch is what makes a crash harmless: fold, send the outputs and wait for them, write the states of the
touched keys and the mark and wait for them, call the batch finished. A crash before the mark is in the log repeats work
and loses none; what a key's state holds already is skipped by its fence.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from schemas.codec import Rejection, decode, encode
from schemas.envelope import Event
from schemas.events.dead_letter import MAX_ORIGINAL, MAX_ORIGINAL_KEY, DeadLetter
from schemas.identity import derived_id
from schemas.instant import from_micros
from schemas.metric import EventClass
from schemas.registry import ASSET, changelog_name
from schemas.topic import Topic
from streams.domain.fold import Logic, Origin, Outcome, References
from streams.metrics import StreamMetrics
from streams.transport.producer import Outgoing
from streams.transport.progress import Partition
from streams.transport.record_batch import RecordBatch
from streams.transport.state_store import PartitionState

log = logging.getLogger(__name__)

SLICE = 512  # records decoded at once, and bytes: what pydantic needs 10 ms for at its slowest
SLICE_BYTES = 256 * 1024
HOLD_S = 0.02  # the event loop is given back after this long
UNKNOWN_ASSET = "unknown asset"
_RANK = {Outcome.APPLIED: 2, Outcome.LATE: 1, Outcome.DUPLICATE: 0}
_CLASS = {o: EventClass(o.value) for o in Outcome}


@dataclass(frozen=True, slots=True)
class FoldedSlice:
    """What became of the events of a slice: how many ended in each way, which states were touched, outputs in order."""

    outcomes: Mapping[Outcome, int]
    touched: Iterable[str]
    outputs: Sequence[Event] = ()


@runtime_checkable
class SliceLogic(Protocol):
    """A logic that can also fold many events in one call, for steps where the calls per event are most of the work.

    It has to come to what its ``route`` and ``fold`` come to, event by event: where a fence is to be kept, those are used.
    The events of a slice are plain: they have the fields, properties and methods of their contract and may be no models.
    """

    def fold_slice(
        self, state: Callable[[str], Any], events: Sequence[tuple[int, Event]], batch: RecordBatch, references: References
    ) -> FoldedSlice:
        """Fold events, each with its index in ``batch``, into the states that ``state`` gives for their keys."""
        ...


@dataclass(frozen=True)
class Step:
    """One step: what it reads and writes, the reference topics it looks things up in, and its pure logic."""

    name: str
    reads: tuple[Topic, ...]
    writes: tuple[Topic, ...]
    references: tuple[Topic, ...]
    logic: Logic[Any]


def guards(steps: Sequence[Step]) -> dict[str, str]:
    """For each topic the step that writes its dead letters: the first that reads it."""
    found: dict[str, str] = {}
    for step in steps:
        for topic in step.reads:
            found.setdefault(topic.name, step.name)
    return found


def asset_guards(steps: Sequence[Step]) -> dict[str, str]:
    """For each topic the step that writes the dead letters of unknown assets: the first reader that looks assets up."""
    return guards([s for s in steps if ASSET in s.references])


class View(References, Protocol):
    """Reference data that can be brought up to the present."""

    async def catch_up(self) -> None:
        """Return when everything has been read that was written before the call."""
        ...


class Reader(Protocol):
    """What a runner says to the consumer."""

    def finish(self, step: str, batch: RecordBatch) -> None:
        """Every effect of the batch is in the log."""
        ...

    async def go_back(self, partition: Partition) -> None:
        """Read the partition again from what is finished."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What runners share: how to send (returning the first offset per partition), who reads, what to look up and count."""

    deliver: Callable[[Iterable[Outgoing]], Awaitable[Mapping[Partition, int]]]
    reader: Reader
    references: View
    metrics: StreamMetrics
    claimed: Callable[[Partition, int, int], Awaitable[bool]]
    guards: Mapping[str, str]
    asset_guards: Mapping[str, str]


class Fault(Exception):
    """The surroundings contradict what a runner relies on; the process has to end."""


@dataclass(slots=True)
class _Work:
    """What a batch has led to so far."""

    classes: Counter[EventClass] = field(default_factory=Counter)
    outputs: list[Outgoing] = field(default_factory=list)
    touched: dict[str, None] = field(default_factory=dict)  # ordered, so that a replay writes in the same order


class StepRunner:
    """Runs one step for one source partition; batches of all its topics come one after the other."""

    def __init__(self, step: Step, partition: int, state: PartitionState[Any], around: Surroundings) -> None:
        self.step = step
        self.partition = partition
        self.state = state
        self._around = around
        self._topics = {t.name: t for t in step.reads}
        self._changelog = (changelog_name(step.name), partition)
        self._log_end = state.epoch + 1
        self._gaps: set[tuple[str, int]] = set()
        self._yielded = 0.0

    async def run(self, batch: RecordBatch) -> None:
        """Take a batch through the step. Any exception means that the process must end."""
        mark = self.state.mark(batch.topic)
        if batch.start > mark + 1:
            await self._go_back(batch, mark)
            return
        began = self._yielded = time.perf_counter()
        ledger = self._around.metrics.ledger
        ledger.receive(self.step.name, batch.topic, len(batch))
        work = _Work()
        if batch.end - 1 > mark:
            await self._fold(batch, mark, work)
            await self._make_durable(batch, work)
        else:
            work.classes[EventClass.DEDUPLICATED] = len(batch)
        self._around.reader.finish(self.step.name, batch)
        ledger.end(self.step.name, batch.topic, work.classes)
        self._around.metrics.batch_seconds.labels(self.step.name, batch.topic).observe(time.perf_counter() - began)

    async def _make_durable(self, batch: RecordBatch, work: _Work) -> None:
        await self._send(work.outputs)
        await self._store(batch.topic, batch.end - 1, work.touched)

    async def _send(self, outputs: Sequence[Outgoing]) -> None:
        if outputs:
            await self._around.deliver(outputs)

    async def _store(self, topic: str, last: int, touched: Iterable[str]) -> None:
        name, number = self._changelog
        entries = []
        for e in self.state.entries(topic, last, touched):
            entries.append(Outgoing(name, e.key, e.value, e.headers, number))
            await self._breathe_in_time()
        first = (await self._around.deliver(entries))[self._changelog]
        if first != self._log_end and await self._around.claimed(self._changelog, self._log_end, first):
            raise Fault(f"another worker has claimed {name}/{number}: what this one writes no longer counts")
        self._log_end = first + len(entries)
        self.state.advance(topic, last)

    async def _go_back(self, batch: RecordBatch, mark: int) -> None:
        where = (batch.topic, batch.start)
        if where in self._gaps:
            raise Fault(f"the records between {mark} and {batch.start} of {batch.topic}/{self.partition} are not to be had")
        self._gaps.add(where)
        log.error("%s read %s/%d from %d on, wanted %d: reading again", self.step.name, *where, self.partition, mark + 1)
        await self._around.reader.go_back((batch.topic, batch.partition))

    async def _fold(self, batch: RecordBatch, mark: int, work: _Work) -> None:
        """Decode and fold slice by slice; what lies behind the mark is applied already."""
        topic = self._topics[batch.topic]
        first = next((i for i, offset in enumerate(batch.offsets) if offset > mark), len(batch))
        work.classes[EventClass.DEDUPLICATED] += first
        logic = self.step.logic
        fold_slice = logic.fold_slice if isinstance(logic, SliceLogic) and not self.state.fences else None
        for begin, end in slices(batch.values, first):
            decoded = decode(topic, batch.values[begin:end], plain=fold_slice is not None)
            work.classes[EventClass.APPLIED] += len(decoded.tombstones)  # a key was withdrawn: nothing to fold
            for rejection in decoded.rejections:
                self._reject(batch, begin + rejection.index, rejection, work, self._around.guards)
            events = [(begin + index, event) for index, event in decoded.events] if begin else decoded.events
            await self._breathe_in_time()
            events = await self._known(batch, events, work)
            if fold_slice is not None:
                self._take(fold_slice(self.state.state, events, batch, self._around.references), work)
                await self._breathe_in_time()
                continue
            for index, event in events:
                self._apply(event, Origin(batch.topic, batch.partition, batch.offsets[index]), work)
                await self._breathe_in_time()

    def _take(self, folded: FoldedSlice, work: _Work) -> None:
        for outcome, count in folded.outcomes.items():
            work.classes[_CLASS[outcome]] += count
        work.touched.update(dict.fromkeys(folded.touched))
        work.outputs.extend(_outgoing(folded.outputs))

    async def _known(self, batch: RecordBatch, events: list[tuple[int, Event]], work: _Work) -> list[tuple[int, Event]]:
        """The events of assets that have a description. One that is not there yet gets a second look at the present."""
        if ASSET not in self.step.references:
            return events
        view = self._around.references
        named = {a for _, e in events if (a := getattr(e, "asset", None)) is not None}
        if any(view.asset(a) is None for a in named):
            await view.catch_up()
        unknown = {a for a in named if view.asset(a) is None}
        if not unknown:
            return events
        known = []
        for index, event in events:
            if getattr(event, "asset", None) in unknown:
                rejection = Rejection(index, UNKNOWN_ASSET, "asset")
                self._reject(batch, index, rejection, work, self._around.asset_guards)
            else:
                known.append((index, event))
        return known

    def _apply(self, event: Event, origin: Origin, work: _Work) -> None:
        logic, references = self.step.logic, self._around.references
        best: Outcome | None = None
        for key in logic.route(event):
            if self.state.fenced(key, origin.topic, origin.offset):
                outcome = Outcome.DUPLICATE
            else:
                folded = logic.fold(self.state.state(key), event, origin, references)
                outcome = folded.outcome
                if folded.touched:
                    work.touched[key] = None
                if folded.outputs:
                    work.outputs.extend(_outgoing(folded.outputs))
            if best is None or _RANK[outcome] > _RANK[best]:
                best = outcome
        work.classes[_CLASS[best or Outcome.APPLIED]] += 1  # an event that touches no state is done with, too

    def _reject(self, batch: RecordBatch, index: int, rejection: Rejection, work: _Work, by_topic: Mapping[str, str]) -> None:
        """Count the record as dead-lettered; the guard of its topic also keeps it, before the mark passes it."""
        work.classes[EventClass.DEAD_LETTERED] += 1
        if by_topic.get(batch.topic) == self.step.name:
            letter = dead_letter(self._topics[batch.topic], batch, index, self.step.name, rejection)
            work.outputs.extend(_outgoing([letter]))

    async def _breathe_in_time(self) -> None:
        """Give the event loop back when it has been held for HOLD_S: heartbeats, commits and the other lanes wait for it."""
        if time.perf_counter() - self._yielded > HOLD_S:
            await asyncio.sleep(0)
            self._yielded = time.perf_counter()


def slices(values: Sequence[bytes | None], first: int) -> Iterator[tuple[int, int]]:
    """The records from ``first`` on as [begin, end) of at most SLICE records and SLICE_BYTES. A larger record stands alone."""
    begin, count = first, len(values)
    while begin < count:
        end = min(begin + SLICE, count)
        while end - begin > 1 and sum(map(len, filter(None, values[begin:end]))) > SLICE_BYTES:
            end = begin + (end - begin) // 2
        yield begin, end
        begin = end


def dead_letter(topic: Topic, batch: RecordBatch, index: int, stage: str, rejection: Rejection) -> DeadLetter:
    """The record at ``index`` as a dead letter: its id depends on its place in the log alone."""
    offset, key = batch.offsets[index], batch.keys[index]
    return DeadLetter(
        event_time=from_micros(batch.timestamps[index] * 1000),
        id=derived_id(DeadLetter.TYPE, batch.topic, batch.partition, offset),
        topic=batch.topic,
        partition=batch.partition,
        offset=offset,
        stage=stage,
        reason=rejection.reason[:500],
        field=rejection.field[:200],
        dead_letter_topic=topic.dead_letter_name,
        original_key=key and key[:MAX_ORIGINAL_KEY],
        original=(batch.values[index] or b"")[:MAX_ORIGINAL],
    )


def _outgoing(events: Iterable[Event]) -> Iterator[Outgoing]:
    for event in events:
        record = encode(event)
        yield Outgoing(record.topic, record.key, record.value, record.headers)
