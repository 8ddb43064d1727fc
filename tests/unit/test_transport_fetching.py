"""A fetch cut into batches, and what a recovery makes of assignments and offsets."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.transport import lanes as lanes_module
from streams.transport.fetching import Fetched, batches
from streams.transport.lanes import Lanes
from streams.transport.record_batch import RecordBatch
from streams.transport.recovery import Inconsistent, co_partitioned, start_offset
from streams.transport.unpacking import Columns


@given(
    gaps=st.lists(st.integers(1, 5), min_size=1, max_size=40),
    sizes=st.lists(st.integers(0, 30), min_size=40, max_size=40),
    records=st.integers(1, 10),
    size=st.integers(1, 60),
    behind=st.integers(0, 20),
    parts=st.integers(1, 40),
)
def test_batches_cover_a_fetch_without_a_hole(
    gaps: list[int], sizes: list[int], records: int, size: int, behind: int, parts: int
) -> None:
    offsets = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    rows = Columns(offsets, [b"k"] * len(offsets), [b"x" * n for _, n in zip(offsets, sizes, strict=False)], [1] * len(offsets))
    end = offsets[-1] + 3
    fetched = Fetched(1, 0, end, end, [rows.cut(i, i + parts) for i in range(0, len(rows), parts)])
    wanted = min(behind, offsets[-1])
    cut = list(batches(("t", 2), fetched, wanted, records, size))
    assert [o for b in cut for o in b.offsets] == [o for o in offsets if o >= wanted]
    assert [len(v or b"") for b in cut for v in b.values] == [n for o, n in zip(offsets, sizes, strict=False) if o >= wanted]
    assert cut[0].start == wanted
    assert cut[-1].end == end
    assert all(a.end == b.start for a, b in itertools.pairwise(cut))
    assert all(len(b) <= records for b in cut)
    assert all(len(b) == 1 or b.size <= size for b in cut)
    assert all((b.topic, b.partition) == ("t", 2) for b in cut)


def test_a_fetch_that_is_all_behind_gives_nothing() -> None:
    fetched = Fetched(1, 0, 10, 10, [Columns([1], [None], [b""], [1])])
    assert list(batches(("t", 0), fetched, 5, 10, 10)) == []


def test_a_batch_refuses_offsets_that_it_does_not_cover() -> None:
    with pytest.raises(ValueError, match="outside"):
        RecordBatch("t", 0, 5, 6, [4], [None], [None], [0])
    with pytest.raises(ValueError, match="same length"):
        RecordBatch("t", 0, 5, 6, [5], [], [None], [0])


def test_the_same_partitions_of_every_topic() -> None:
    assert co_partitioned({TP("a", 1), TP("b", 1), TP("a", 3), TP("b", 3)}, ["a", "b"]) == [1, 3]
    assert co_partitioned(set(), ["a", "b"]) == []
    with pytest.raises(Inconsistent, match="different partitions"):
        co_partitioned({TP("a", 1), TP("b", 2)}, ["a", "b"])
    with pytest.raises(Inconsistent, match="different partitions"):
        co_partitioned({TP("a", 1)}, ["a", "b"])


@pytest.mark.parametrize(("mark", "begin", "start"), [(-1, 0, 0), (-1, 7, 7), (4, 0, 5), (4, 5, 5), (9, 0, 10)])
def test_reading_goes_on_behind_the_mark(mark: int, begin: int, start: int) -> None:
    assert start_offset(("t", 0), mark, begin, 10) == start


def test_deleted_records_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    assert start_offset(("t", 0), 4, 8, 10) == 8
    assert "the offsets 5 to 7 were deleted before they were read" in caplog.text


def test_a_mark_beyond_the_end_is_no_start() -> None:
    with pytest.raises(Inconsistent, match="truncated or made anew"):
        start_offset(("t", 0), 10, 0, 10)


class Ended(BaseException):
    """Stands for the end of the process."""


class Recorder:
    """Holds each batch until it is let go."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self.done: list[int] = []
        self.gate = asyncio.Event()

    async def run(self, batch: RecordBatch) -> None:
        self.started.append(batch.start)
        await self.gate.wait()
        if batch.start == 13:
            raise ZeroDivisionError("bug")
        self.done.append(batch.start)


def one(start: int, partition: int = 0) -> RecordBatch:
    return RecordBatch("t", partition, start, start + 1, [start], [None], [None], [0])


async def test_a_drain_finishes_what_is_in_hand_and_gives_up_the_rest() -> None:
    lanes, runner, other = Lanes(), Recorder(), Recorder()
    lanes.begin({("s", 0): runner, ("s", 1): other})
    for start in range(3):
        lanes.put("s", one(start))
    lanes.put("s", one(0, 1))
    await asyncio.sleep(0)
    draining = asyncio.create_task(lanes.drain())
    await asyncio.sleep(0)
    lanes.put("s", one(3))
    assert not draining.done()
    runner.gate.set()
    other.gate.set()
    await draining
    await asyncio.sleep(0)
    assert (runner.started, runner.done, other.done) == ([0], [0], [0])
    lanes.close()


async def test_an_error_ends_the_process_before_anything_else_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[str] = []

    def ended(reason: str, cause: BaseException | None = None) -> None:
        ends.append(f"{reason} {type(cause).__name__}")
        raise Ended

    monkeypatch.setattr(lanes_module, "end_process", ended)
    lanes, runner = Lanes(), Recorder()
    runner.gate.set()
    lane = asyncio.create_task(lanes._drive(runner, queue := asyncio.Queue()))
    queue.put_nowait(one(13))
    queue.put_nowait(one(14))
    with pytest.raises(Ended):
        await lane
    assert ends == ["the batch t/0 [13, 14) could not be applied: bug ZeroDivisionError"]
    assert runner.started == [13]
