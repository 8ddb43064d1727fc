"""States, marks and fences of one partition; whatever prefix of a batch's records is in the log, the replay is right."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.envelope import Event
from streams.domain.fold import Folded, Origin, Outcome, References
from streams.transport.changelog import Entry, Replay, Restored, claim
from streams.transport.state_store import PartitionState

KEYS = ("a", "b", "c")


class Sums:
    """A running number per key; a number that becomes 0 modulo 5 is forgotten."""

    def route(self, event: Event) -> Sequence[str]:
        del event
        return ()

    def load(self, key: str, data: bytes | None) -> list[int]:
        del key
        return [int(data or 0)]

    def dump(self, state: list[int]) -> bytes | None:
        return str(state[0]).encode() if state[0] % 5 else None

    def fold(self, state: list[int], event: Event, origin: Origin, references: References) -> Folded:
        del state, event, origin, references
        return Folded(Outcome.APPLIED)


class Log:
    """A changelog partition in memory and a worker that folds (topic, offset, key, number) into states."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.take_over()

    def take_over(self) -> None:
        self.entries.append(claim("w"))
        replay = Replay()
        for offset, entry in enumerate(self.entries):
            replay.feed(offset, entry.key, entry.value, entry.headers)
        self.state: PartitionState[list[int]] = PartitionState(Sums(), replay.result(), len(self.entries) - 1)

    def batch(self, topic: str, numbers: Sequence[tuple[str, int]], begin: int, end: int, written: int | None = None) -> None:
        """Fold the records [begin, end) of a topic; only ``written`` of the entries reach the log when that is given."""
        touched: dict[str, None] = {}
        for offset in range(max(begin, self.state.mark(topic) + 1), end):
            key, number = numbers[offset]
            if not self.state.fenced(key, topic, offset):
                self.state.state(key)[0] += number
                touched[key] = None
        made = list(self.state.entries(topic, end - 1, touched))
        self.entries += made if written is None else made[:written]
        if written is None:
            self.state.advance(topic, end - 1)

    def contents(self) -> dict[str, int]:
        return {k: v for k in KEYS if (v := self.state.state(k)[0])}


def residues(*topics: Sequence[tuple[str, int]]) -> dict[str, int]:
    """The sums modulo 5: a state is forgotten only where that changes nothing, wherever the batches were cut."""
    sums = dict.fromkeys(KEYS, 0)
    for numbers in topics:
        for key, number in numbers:
            sums[key] += number
    return {k: v % 5 for k, v in sums.items()}


NUMBERS = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from((0, 5, 10, 1, -1))), min_size=1, max_size=20)


@settings(max_examples=150, deadline=None)
@given(first=NUMBERS, second=NUMBERS, data=st.data())
def test_any_crash_in_the_writing_of_any_batch_leaves_the_right_states(
    first: list[tuple[str, int]], second: list[tuple[str, int]], data: st.DataObject
) -> None:
    topics = {"t": first, "u": second}
    log = Log()
    crashes = data.draw(st.integers(0, 10))
    while left := [t for t, numbers in topics.items() if log.state.mark(t) < len(numbers) - 1]:
        topic = data.draw(st.sampled_from(left))
        begin = log.state.mark(topic) + 1
        end = data.draw(st.integers(begin + 1, len(topics[topic])))
        if crashes and data.draw(st.booleans()):
            crashes -= 1
            log.batch(topic, topics[topic], begin, end, data.draw(st.integers(0, 7)))
            log.take_over()
        else:
            log.batch(topic, topics[topic], begin, end)
    assert {k: log.state.state(k)[0] % 5 for k in KEYS} == residues(first, second)


def test_a_batch_writes_states_then_the_mark_then_tombstones() -> None:
    log = Log()
    log.batch("t", [("a", 1), ("b", 5)], 0, 2)
    assert [(e.key, e.value) for e in log.entries[1:]] == [(b"a", b"1"), (b"b", b""), (b"#t", b""), (b"b", None)]
    assert log.state.keys == 1


def test_the_mark_never_goes_back() -> None:
    log = Log()
    log.batch("t", [("a", 1)] * 4, 0, 4)
    log.batch("t", [("a", 1)] * 4, 0, 2)
    assert log.state.mark("t") == 3
    log.take_over()
    assert log.state.mark("t") == 3
    assert log.contents() == {"a": 4}


def test_a_fence_of_one_topic_survives_a_batch_of_another() -> None:
    log = Log()
    log.batch("t", [("a", 1), ("a", 1)], 0, 2, written=1)  # the state, not the mark
    log.take_over()
    log.batch("u", [("a", 7)], 0, 1)
    log.take_over()
    assert log.state.fenced("a", "t", 1)
    log.batch("t", [("a", 1), ("a", 1)], 0, 2)
    assert log.contents() == {"a": 9}
    assert not log.state.fenced("a", "t", 1)  # the mark says it now


def test_a_key_that_is_gone_is_not_removed_from_the_log_while_a_fence_needs_its_record() -> None:
    log = Log()
    log.batch("t", [("a", 3), ("a", 1)], 0, 2, written=1)  # the state, not the mark
    log.take_over()
    log.batch("u", [("a", 1)], 0, 1)  # 5: forgotten
    assert log.entries[-1].key == b"#u"
    log.take_over()
    assert log.state.fenced("a", "t", 1)
    log.batch("t", [("a", 3), ("a", 1)], 0, 2)
    assert log.contents() == {}


def test_a_fresh_state_is_new_and_a_restored_one_is_loaded_once() -> None:
    state: PartitionState[list[int]] = PartitionState(Sums(), Restored(states={"a": b"3"}), epoch=0)
    assert state.state("a") == [3]
    assert state.state("a") is state.state("a")
    assert state.state("new") == [0]
