"""The runner of a step: the order of its effects, the class of each record, and when it refuses to go on."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from counting_worker import Counts, Sums, described
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import Decoded, decode, decode_dead_letter, to_json
from schemas.envelope import Event
from schemas.events.asset import Asset
from schemas.events.machine_event import MachineEvent, UnitProduced
from schemas.identity import derived_id
from schemas.registry import ASSET, HEALTH, LATE, MACHINE, changelog_name
from schemas.topic import Topic
from streams.domain.fold import Folded, Origin, Outcome, References
from streams.metrics import StreamMetrics
from streams.step import (
    SLICE,
    SLICE_BYTES,
    Fault,
    FoldedSlice,
    Step,
    StepRunner,
    Surroundings,
    asset_guards,
    guards,
    slices,
)
from streams.transport.changelog import Restored
from streams.transport.producer import Outgoing
from streams.transport.progress import Partition
from streams.transport.record_batch import RecordBatch
from streams.transport.state_store import PartitionState

COUNTS = Step("counts", (MACHINE,), (HEALTH,), (), Counts())
SUMS = Step("sums", (MACHINE,), (LATE,), (ASSET,), Sums("sums"))
CHANGELOG = changelog_name("counts")


def event(sequence: int, asset: str = "m", units: int = 1) -> bytes:
    made = MachineEvent(
        event_time=datetime(2026, 1, 1, tzinfo=UTC),
        source="lab",
        asset=asset,
        sequence=sequence,
        fact=UnitProduced(produced=units),
    )
    return to_json(made)


def batch(start: int, values: Sequence[bytes | None], end: int | None = None) -> RecordBatch:
    offsets = list(range(start, start + len(values)))
    return RecordBatch(
        MACHINE.name, 1, start, end or start + len(values), offsets, [b"m"] * len(values), list(values), [7] * len(values)
    )


class World:
    """Everything a runner can touch, and what it did, in order."""

    def __init__(self, step: Step = COUNTS, restored: Restored | None = None, known: Iterable[str] = ("m",)) -> None:
        self.did: list[str] = []
        self.sent: list[Outgoing] = []
        self.log_end = 1  # the claim lies at 0
        self.known = set(known)
        self.later: set[str] = set()
        self.foreign_claim = False
        self.metrics = StreamMetrics()
        both = [COUNTS, SUMS]
        around = Surroundings(self.deliver, self, self, self.metrics, self.claimed, guards(both), asset_guards(both))
        self.runner = StepRunner(step, 1, PartitionState(step.logic, restored or Restored(), 0), around)

    async def deliver(self, records: Iterable[Outgoing]) -> Mapping[Partition, int]:
        records = list(records)
        self.sent += records
        await asyncio.sleep(0)
        self.did.append("+".join(sorted({r.topic for r in records})))
        if records[0].partition is None:
            return {}
        first, self.log_end = self.log_end, self.log_end + len(records)
        return {(records[0].topic, records[0].partition): first}

    async def claimed(self, partition: Partition, begin: int, end: int) -> bool:
        self.did.append(f"looked at {partition[1]} [{begin}, {end})")
        return self.foreign_claim

    def finish(self, step: str, done: RecordBatch) -> None:
        self.did.append(f"{step} finished {done.end}")

    async def go_back(self, partition: Partition) -> None:
        self.did.append(f"went back in {partition[1]}")

    def asset(self, asset_id: str) -> Asset | None:
        return described(asset_id) if asset_id in self.known else None

    async def catch_up(self) -> None:
        self.did.append("caught up")
        self.known |= self.later

    def counts(self) -> dict[str, int]:
        return self.metrics.ledger.counts(self.runner.step.name, MACHINE.name)

    def to(self, topic: str) -> list[Outgoing]:
        return [r for r in self.sent if r.topic == topic]


async def test_outputs_then_states_then_finished() -> None:
    world = World()
    await world.runner.run(batch(0, [event(i) for i in range(1, 11)]))
    assert world.did == [HEALTH.name, CHANGELOG, "counts finished 10"]
    assert json.loads(world.to(HEALTH.name)[0].value or b"")["model"] == "10"
    assert {r.partition for r in world.to(CHANGELOG)} == {1}
    assert world.counts() == {"received": 10, "in_flight": 0, "applied": 10}


class Idle(Counts):
    """Applies everything and keeps nothing."""

    def fold(self, state: list[int], event: Event, origin: Origin, references: References) -> Folded:
        del state, event, origin, references
        return Folded(Outcome.APPLIED, touched=False)


async def test_a_state_that_stayed_empty_is_not_written() -> None:
    world = World(replace(COUNTS, logic=Idle()))
    await world.runner.run(batch(0, [event(1), event(2, "n")]))
    assert [r.key for r in world.to(CHANGELOG)] == [f"#{MACHINE.name}".encode()]  # the mark alone
    assert world.counts() == {"received": 2, "in_flight": 0, "applied": 2}


async def test_a_batch_without_outputs_still_moves_the_mark() -> None:
    world = World()
    await world.runner.run(batch(0, [event(1, "ignored")], end=9))
    assert [r.key for r in world.to(CHANGELOG)] == [f"#{MACHINE.name}".encode()]
    assert world.runner.state.mark(MACHINE.name) == 8
    assert world.counts() == {"received": 1, "in_flight": 0, "applied": 1}


async def test_what_lies_behind_the_mark_is_not_applied_again() -> None:
    world = World(restored=Restored(marks={MACHINE.name: 4}))
    await world.runner.run(batch(0, [event(i) for i in range(1, 6)]))
    assert world.did == ["counts finished 5"]
    await world.runner.run(batch(3, [event(i) for i in range(4, 8)]))
    assert world.runner.state.state("m") == [2, 2]
    assert world.counts() == {"received": 9, "in_flight": 0, "applied": 2, "deduplicated": 7}


async def test_a_fenced_key_is_skipped_and_another_is_not() -> None:
    world = World(restored=Restored({"m": b"[2, 2]"}, {MACHINE.name: -1}, {"m": {MACHINE.name: 1}}))
    await world.runner.run(batch(0, [event(1), event(2), event(1, "n"), event(3)]))
    assert (world.runner.state.state("m"), world.runner.state.state("n")) == ([3, 3], [1, 1])
    assert world.counts() == {"received": 4, "in_flight": 0, "applied": 2, "deduplicated": 2}


async def test_the_logic_may_call_a_record_a_duplicate() -> None:
    world = World(SUMS)
    await world.runner.run(batch(0, [event(1), event(1), event(2)]))
    assert world.counts() == {"received": 3, "in_flight": 0, "applied": 2, "deduplicated": 1}
    assert len(world.to(LATE.name)) == 2


async def test_the_guard_keeps_what_is_no_event_and_the_others_count_it() -> None:
    values = [event(1), b"{", None, event(2)]
    guard, other = World(COUNTS), World(SUMS)
    for world in (guard, other):
        await world.runner.run(batch(0, values))
        assert world.counts() == {"received": 4, "in_flight": 0, "applied": 2, "dead_lettered": 2}
    assert other.to(MACHINE.dead_letter_name) == []
    kept = [decode_dead_letter(r.topic, r.key, r.value, list(r.headers)) for r in guard.to(MACHINE.dead_letter_name)]
    assert [(x.topic, x.partition, x.offset, x.stage, x.original) for x in kept] == [
        (MACHINE.name, 1, 1, "counts", b"{"),
        (MACHINE.name, 1, 2, "counts", b""),
    ]
    assert kept[0].id == derived_id("factory.dead-letter.v1", MACHINE.name, 1, 1)
    assert guard.did[0] == MACHINE.dead_letter_name  # in the log before the mark passes it


async def test_an_unknown_asset_gets_a_second_look_and_is_then_dead_lettered_by_the_step_that_looks_assets_up() -> None:
    world = World(SUMS, known=["m"])
    world.later = {"late"}
    await world.runner.run(batch(0, [event(1), event(1, "late"), event(1, "never")]))
    assert world.did[0] == "caught up"
    assert world.counts() == {"received": 3, "in_flight": 0, "applied": 2, "dead_lettered": 1}
    (kept,) = world.to(MACHINE.dead_letter_name)
    assert decode_dead_letter(kept.topic, kept.key, kept.value, list(kept.headers)).reason == "unknown asset"
    await world.runner.run(batch(3, [event(2)]))
    assert world.did.count("caught up") == 1


async def test_a_gap_is_read_again_once_and_ends_the_worker_when_it_comes_back() -> None:
    world = World()
    await world.runner.run(batch(5, [event(1)]))
    assert world.did == ["went back in 1"]
    assert world.counts()["received"] == 0
    with pytest.raises(Fault, match="between -1 and 5"):
        await world.runner.run(batch(5, [event(1)]))


async def test_foreign_records_in_the_changelog_are_looked_at_and_a_claim_ends_the_worker() -> None:
    world = World()
    world.log_end = 4
    await world.runner.run(batch(0, [event(1)]))
    assert world.did == [CHANGELOG, "looked at 1 [1, 4)", "counts finished 1"]
    await world.runner.run(batch(1, [event(2)]))
    assert world.did[3:] == [CHANGELOG, "counts finished 2"]
    world.log_end += 1
    world.foreign_claim = True
    with pytest.raises(Fault, match="another worker has claimed"):
        await world.runner.run(batch(2, [event(3)]))
    assert world.counts() == {"received": 3, "in_flight": 1, "applied": 2}


async def test_the_event_loop_is_given_back_within_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100_000))
    monkeypatch.setattr("streams.step.time.perf_counter", lambda: next(clock))  # every look at it is a second later
    world, turns = World(), 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await world.runner.run(batch(0, [event(i) for i in range(1, 301)]))
    task.cancel()
    assert turns >= 300


class Clock:
    """A clock that only work moves: decoding, folding and packing states take so long, and nothing else takes any time."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


class Slow(Counts):
    """Counts, on a machine where a fold takes 1 ms and the bytes of a state 0.5 ms."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def fold(self, state: list[int], event: Event, origin: Origin, references: References) -> Folded:
        self.clock.now += 0.001
        return super().fold(state, event, origin, references)

    def dump(self, state: list[int]) -> bytes | None:
        self.clock.now += 0.0005
        return super().dump(state)


@pytest.mark.parametrize(
    ("records", "padding"), [(10_000, 0), (40, 100_000), (4, 1_000_000 - 400)], ids=["many small", "large", "as large as may be"]
)
async def test_no_batch_holds_the_event_loop_for_100_ms(monkeypatch: pytest.MonkeyPatch, records: int, padding: int) -> None:
    clock = Clock()
    monkeypatch.setattr("streams.step.time", clock)

    def slow_decode(topic: Topic, values: Sequence[bytes | None], plain: bool) -> Decoded:
        clock.now += sum(40e-9 * len(v) for v in values if v)  # 40 ns a byte: what pydantic needs on a slow core
        return decode(topic, values, plain)

    monkeypatch.setattr("streams.step.decode", slow_decode)
    world = World(Step("counts", (MACHINE,), (HEALTH,), (), Slow(clock)))
    last, longest = 0.0, 0.0

    async def watch() -> None:
        nonlocal last, longest
        while True:
            longest = max(longest, clock.now - last)
            last = clock.now
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    await world.runner.run(batch(0, [event(n, f"m{n % 5000}") + b" " * padding for n in range(1, records + 1)]))
    await asyncio.sleep(0)
    watching.cancel()
    assert world.counts()["applied"] == records
    assert clock.now > 0.1  # else there was nothing to hold it with
    assert longest <= 0.1


@given(st.lists(st.none() | st.integers(0, 400_000).map(bytes), max_size=1300), st.integers(0, 20))
@settings(max_examples=30, deadline=None)
def test_slices_cover_a_batch_within_their_bounds(values: list[bytes | None], first: int) -> None:
    cut = list(slices(values, first))
    assert [i for begin, end in cut for i in range(begin, end)] == list(range(first, len(values)))
    for begin, end in cut:
        assert end - begin <= SLICE
        assert end - begin == 1 or sum(len(v or b"") for v in values[begin:end]) <= SLICE_BYTES


class SlicedCounts(Counts):
    """Counts, a slice at a time."""

    slices = 0

    def fold_slice(
        self, state: Callable[[str], list[int]], events: Sequence[tuple[int, Event]], batch: RecordBatch, references: References
    ) -> FoldedSlice:
        self.slices += 1
        outcomes: Counter[Outcome] = Counter()
        touched, outputs = [], []
        for index, plain in events:
            one = MachineEvent.model_validate({f: getattr(plain, f) for f in MachineEvent.model_fields} | {"fact": _fact(plain)})
            for key in self.route(one):
                folded = self.fold(state(key), one, Origin(batch.topic, batch.partition, batch.offsets[index]), references)
                touched.append(key)
                outputs += folded.outputs
            outcomes[Outcome.APPLIED] += 1
        return FoldedSlice(outcomes, touched, outputs)


def _fact(plain: Any) -> UnitProduced:
    return UnitProduced(**{f: getattr(plain.fact, f) for f in UnitProduced.model_fields})


async def test_a_logic_that_folds_slices_has_the_same_effects_in_the_same_order() -> None:
    values = [*(event(n, f"m{n % 7}", n) for n in range(1, 1201)), b"{", event(1, "ignored")]
    logic = SlicedCounts()
    plain, sliced = World(), World(replace(COUNTS, logic=logic))
    for world in (plain, sliced):
        await world.runner.run(batch(0, values[:700]))
        await world.runner.run(batch(650, values[650:]))
    assert logic.slices > 2
    assert plain.sent == sliced.sent
    assert plain.did == sliced.did
    assert plain.counts() == sliced.counts()


async def test_while_a_fence_holds_events_are_folded_one_by_one() -> None:
    restored = Restored({"m": b"[2, 2]"}, {MACHINE.name: -1}, {"m": {MACHINE.name: 1}})
    logic = SlicedCounts()
    world = World(replace(COUNTS, logic=logic), restored=restored)
    await world.runner.run(batch(0, [event(1), event(2), event(1, "n"), event(3)]))
    assert (world.runner.state.state("m"), world.runner.state.state("n"), logic.slices) == ([3, 3], [1, 1], 0)
    await world.runner.run(batch(4, [event(4)]))
    assert (world.runner.state.state("m"), logic.slices) == ([4, 4], 1)


async def test_a_withdrawn_key_of_a_compacted_topic_is_applied() -> None:
    compacted = replace(MACHINE, compacted=True)
    step = replace(COUNTS, reads=(compacted,))
    world = World(step)
    await world.runner.run(batch(0, [event(1), None]))
    assert world.counts() == {"received": 2, "in_flight": 0, "applied": 2}


def test_who_guards_what() -> None:
    assert guards([COUNTS, SUMS]) == {MACHINE.name: "counts"}
    assert asset_guards([COUNTS, SUMS]) == {MACHINE.name: "sums"}
