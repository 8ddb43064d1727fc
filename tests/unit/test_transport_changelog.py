"""A changelog read back: states, marks, fences, and what a replaced worker wrote."""

from __future__ import annotations

import pytest

from streams.transport.changelog import Entry, Replay, Restored, claim, mark_entry, state_entry, tombstone


def restored(*entries: Entry, compacted: frozenset[int] = frozenset()) -> Restored:
    """Read entries as they would lie in the log from offset 0; ``compacted`` offsets are gone."""
    replay = Replay()
    for offset, entry in enumerate(entries):
        if offset not in compacted:
            replay.feed(offset, entry.key, entry.value, entry.headers)
    return replay.result()


def test_the_last_state_of_a_key_and_the_mark() -> None:
    first = [state_entry("k", b"1", 0, {"t": 4}), mark_entry("t", 4, 0)]
    second = [state_entry("k", b"2", 0, {"t": 9}), mark_entry("t", 9, 0)]
    found = restored(claim("w"), *first, *second)
    assert (found.states, found.marks, found.fences, found.void) == ({"k": b"2"}, {"t": 9}, {}, 0)


def test_a_state_without_its_mark_is_fenced() -> None:
    found = restored(claim("w"), mark_entry("t", 4, 0), state_entry("k", b"2", 0, {"t": 9}), state_entry("old", b"", 0, {"t": 4}))
    assert found.marks == {"t": 4}
    assert found.fences == {"k": {"t": 9}}


def test_a_state_that_is_gone_keeps_its_fence_until_the_mark() -> None:
    without = restored(claim("w"), state_entry("k", b"1", 0, {"t": 4}), mark_entry("t", 4, 0), state_entry("k", None, 0, {"t": 9}))
    assert (without.states, without.fences) == ({}, {"k": {"t": 9}})
    whole = restored(claim("w"), state_entry("k", None, 0, {"t": 9}), mark_entry("t", 9, 0), tombstone("k", 0))
    assert (whole.states, whole.fences) == ({}, {})


def test_an_empty_state_is_a_state() -> None:
    assert restored(claim("w"), state_entry("k", b"", 0, {"t": 1})).states == {"k": b""}


def test_a_mark_never_goes_back() -> None:
    assert restored(claim("w"), mark_entry("t", 9, 0), mark_entry("t", 4, 0), mark_entry("u", 1, 0)).marks == {"t": 9, "u": 1}


def test_what_a_replaced_worker_still_writes_is_void() -> None:
    log = [
        claim("old"),
        state_entry("k", b"old", 0, {"t": 4}),
        claim("new"),
        state_entry("k", b"new", 2, {"t": 3}),
        mark_entry("t", 3, 2),
        state_entry("k", b"stale", 0, {"t": 8}),  # higher offsets, and later in the log
        mark_entry("t", 8, 0),
        tombstone("k", 0),
    ]
    found = restored(*log)
    assert (found.states, found.marks, found.void) == ({"k": b"new"}, {"t": 3}, 3)
    assert restored(*log, compacted=frozenset({0, 2})).states == {"k": b"new"}  # the new records bear the epoch themselves


def test_what_was_written_before_the_claim_counts() -> None:
    assert restored(claim("old"), state_entry("k", b"1", 0, {"t": 4}), claim("new")).states == {"k": b"1"}


def test_a_foreign_record_is_refused() -> None:
    with pytest.raises(ValueError, match="not a changelog record"):
        restored(Entry(b"k", b"v"))
    with pytest.raises(ValueError, match="kept for marks"):
        state_entry("#k", b"", 0, {})
