"""Handed out, finished, committable: one partition, several steps."""

from __future__ import annotations

import pytest

from streams.transport.progress import Bounds, Fit, Progress
from streams.transport.record_batch import RecordBatch

TP = ("t", 0)


def batch(start: int, end: int, topic: str = "t", size: int = 10) -> RecordBatch:
    rows = range(start, end)
    return RecordBatch(topic, 0, start, end, list(rows), [None] * len(rows), [b"x" * size] * len(rows), [0] * len(rows))


def progress(**bounds: int) -> Progress:
    limits = Bounds(bounds.get("records", 1_000), bounds.get("size", 1_000_000))
    opened = Progress({"t": ["a", "b"], "u": ["b"]}, limits)
    opened.open(1, {TP: {"a": 5, "b": 3}})
    return opened


def test_reading_begins_where_the_slowest_step_is() -> None:
    assert progress().wanted(TP) == 3
    assert progress().committable() == {TP: 3}


def test_the_commit_is_the_least_of_the_steps() -> None:
    p = progress()
    first, second = batch(3, 8), batch(8, 10)
    p.hand_on(first)
    p.hand_on(second)
    p.finish("a", first)
    p.finish("a", second)
    assert p.committable() == {TP: 3}
    p.finish("b", first)
    assert p.committable() == {TP: 8}
    p.finish("b", second)
    assert p.committable() == {TP: 10}


def test_a_batch_out_of_order_is_refused() -> None:
    p = progress()
    p.hand_on(batch(3, 8))
    p.hand_on(later := batch(8, 10))
    with pytest.raises(RuntimeError, match="before 5"):
        p.finish("a", later)
    assert p.committable() == {TP: 3}


def test_a_batch_is_outstanding_until_every_reader_has_finished_it() -> None:
    p = progress(records=6)
    p.hand_on(first := batch(3, 8))
    assert p.outstanding == (5, 50)
    assert not p.full
    p.hand_on(batch(8, 9))
    assert p.full
    p.finish("a", first)
    assert p.full
    p.finish("b", first)
    assert p.outstanding == (1, 10)
    assert not p.full


def test_bytes_are_bounded_too() -> None:
    p = progress(size=100)
    p.hand_on(batch(3, 4, size=100))
    assert p.full


@pytest.mark.parametrize(
    ("start", "end", "fit"),
    [(0, 3, Fit.BEHIND), (0, 4, Fit.JOINS), (3, 4, Fit.JOINS), (4, 9, Fit.AHEAD)],
)
def test_only_what_joins_is_handed_on(start: int, end: int, fit: Fit) -> None:
    p = progress()
    assert p.fit(TP, start, end) is fit
    assert p.fit(("elsewhere", 0), start, end) is Fit.BEHIND
    if fit is not Fit.JOINS:
        with pytest.raises(ValueError, match="does not join"):
            p.hand_on(batch(start, end))


def test_going_back_reads_what_is_unfinished_again() -> None:
    p = progress()
    p.hand_on(first := batch(3, 8))
    p.hand_on(batch(8, 20))
    p.finish("a", first)
    p.finish("b", first)
    assert p.go_back(TP) == 8
    assert p.outstanding == (0, 0)
    p.hand_on(batch(8, 12))
    assert p.wanted(TP) == 12


def test_an_assignment_that_is_over_says_nothing() -> None:
    p = progress()
    p.hand_on(first := batch(3, 8))
    p.close()
    p.finish("a", first)
    assert p.committable() == {}
    assert p.outstanding == (0, 0)
    assert p.generation == -1


def test_positions_must_name_the_readers() -> None:
    with pytest.raises(ValueError, match="name the steps"):
        progress().open(2, {TP: {"a": 1}})
