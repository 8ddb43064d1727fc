"""The keyed state of one step and one source partition: in memory, with a changelog that says everything.

Not a Faust table. What a table adds over a dict with a changelog (recovery, windows, partitioner, standby) is what loses data
or is in the way here; the decision record "batch transport" has the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic

from streams.domain.fold import Logic, S
from streams.transport.changelog import Entry, Restored, mark_entry, state_entry, tombstone


class PartitionState(Generic[S]):
    """States by key, the mark of each source topic and the fences of batches that a crash cut in two.

    ``epoch`` is the offset of the claim by which this worker owns the changelog partition.
    """

    def __init__(self, logic: Logic[S], restored: Restored, epoch: int) -> None:
        self._logic = logic
        self._stored = restored.states  # bytes of states that no event has touched since the restore
        self._live: dict[str, S] = {}
        self._marks = restored.marks
        self._fences = restored.fences
        self.epoch = epoch

    def mark(self, topic: str) -> int:
        """The last offset of ``topic`` of which everything is applied; -1 for none."""
        return self._marks.get(topic, -1)

    @property
    def fences(self) -> int:
        """How many keys hold records that the mark does not cover: 0 but for the first batches after a crash."""
        return len(self._fences)

    def fenced(self, key: str, topic: str, offset: int) -> bool:
        """True when the state of ``key`` holds this record already, though the mark does not say so."""
        fence = self._fences.get(key)
        return fence is not None and offset <= fence.get(topic, -1)

    def state(self, key: str) -> S:
        """The state of a key, ready to be folded into; a new one when there is none."""
        state = self._live.get(key)
        if state is None:
            state = self._live[key] = self._logic.load(key, self._stored.pop(key, None))
        return state

    def entries(self, topic: str, last: int, touched: Iterable[str]) -> Iterator[Entry]:
        """The changelog records of a batch of ``topic`` that ends with the offset ``last``, in the order of writing.

        First the states, then the mark, then the tombstones: a prefix of them is always a state to go on from. Whoever
        takes them has to write them all or end the process, for the states in memory are ahead of the log until then.
        """
        gone = []
        for key in touched:
            data = self._logic.dump(self.state(key))
            offsets = self._offsets(key, topic, last)
            if data is None:
                del self._live[key]
                if offsets == {topic: last}:  # else a fence still needs the record of the key
                    gone.append(key)
            yield state_entry(key, data, self.epoch, offsets)
        yield mark_entry(topic, max(last, self.mark(topic)), self.epoch)
        for key in gone:
            yield tombstone(key, self.epoch)

    def advance(self, topic: str, last: int) -> None:
        """The batch is in the changelog: move the mark, never back, and drop the fences that it covers."""
        self._marks[topic] = max(last, self.mark(topic))
        for key in [k for k, f in self._fences.items() if topic in f]:
            self._drop_fence(key, topic)

    @property
    def keys(self) -> int:
        """How many keys have a state."""
        return len(self._stored) + len(self._live)

    def _drop_fence(self, key: str, topic: str) -> None:
        fence = self._fences[key]
        if fence[topic] <= self._marks[topic]:
            del fence[topic]
            if not fence:
                del self._fences[key]

    def _offsets(self, key: str, topic: str, last: int) -> Mapping[str, int]:
        # fences of other topics that still hold have to survive this newer record of the key
        kept = self._fences.get(key, {})
        return {**kept, topic: max(last, kept.get(topic, -1))}
