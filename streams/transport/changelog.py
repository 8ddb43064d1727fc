"""The records of a step's changelog, and how a log of them is read back to states.

The changelog partition of a step has the number of the source partition. Its records:

- a claim: key ``##``. A worker that takes the partition over writes one before it reads anything; the claim's own offset
  is the worker's epoch, so epochs grow with the log and need no other authority.
- a state: key = the state's key, value = its bytes, header ``at`` = epoch and the source offsets that are in it. A state
  that was given up has the header ``gone`` and an empty value, so that its offsets still fence a replay.
- a mark: key ``#`` + source topic: every record of that topic up to the offset in the header is in the states before it.
- a tombstone: key = the state's key, no value; follows the mark behind a state that is gone.

A record counts when no claim lies between its epoch and itself. So what a worker that was frozen, replaced and resumed
still appends is void, wherever in the log it lands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

CLAIM_KEY = b"##"
MARK_PREFIX = "#"
AT = "at"
GONE = "gone"

Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One changelog record to write."""

    key: bytes
    value: bytes | None
    headers: Headers = ()


@dataclass(slots=True)
class Restored:
    """What a changelog partition says: states by key, the last applied offset per topic, fences of unfinished batches."""

    states: dict[str, bytes] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)
    fences: dict[str, dict[str, int]] = field(default_factory=dict)
    void: int = 0  # records of workers that had been replaced when they wrote them


def claim(owner: str) -> Entry:
    """The record by which ``owner`` (for people: host and process) takes a partition over."""
    return Entry(CLAIM_KEY, owner.encode())


def state_entry(key: str, state: bytes | None, epoch: int, offsets: Mapping[str, int]) -> Entry:
    """The state of a key, or that it has none any more, with the source offsets that are in it."""
    if key.startswith(MARK_PREFIX):
        raise ValueError(f"state key {key!r} begins with {MARK_PREFIX!r}, which is kept for marks")
    at = (AT, _position(epoch, offsets))
    if state is None:
        return Entry(key.encode(), b"", (at, (GONE, b"")))
    return Entry(key.encode(), state, (at,))


def mark_entry(topic: str, offset: int, epoch: int) -> Entry:
    """Everything of ``topic`` up to ``offset`` is applied."""
    return Entry(f"{MARK_PREFIX}{topic}".encode(), b"", ((AT, _position(epoch, {topic: offset})),))


def tombstone(key: str, epoch: int) -> Entry:
    """Removes a key from the log. To be written behind the mark that covers its last state."""
    return Entry(key.encode(), None, ((AT, _position(epoch, {})),))


class Replay:
    """Reads the records of one changelog partition in log order."""

    def __init__(self) -> None:
        self._epoch = -1
        self._offsets: dict[str, dict[str, int]] = {}
        self._restored = Restored()

    def feed(self, offset: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Take one record. Raises ValueError when it is not ours: the topic holds something else."""
        if key == CLAIM_KEY:
            self._epoch = offset
            return
        found = dict(headers)
        if key is None or AT not in found:
            raise ValueError(f"the record at offset {offset} is not a changelog record of this platform")
        epoch, offsets = _parse(found[AT])
        if epoch < self._epoch:
            self._restored.void += 1
            return
        self._epoch = epoch  # the claim itself may have been compacted away
        name = key.decode()
        if name.startswith(MARK_PREFIX):
            self._mark(offsets)
        else:
            self._state(name, value, GONE in found, offsets)

    def result(self) -> Restored:
        """The states at the end of what was read. Fences are kept only where they reach beyond the mark."""
        marks = self._restored.marks
        for key, offsets in self._offsets.items():
            if ahead := {t: o for t, o in offsets.items() if o > marks.get(t, -1)}:
                self._restored.fences[key] = ahead
        return self._restored

    def _mark(self, offsets: Mapping[str, int]) -> None:
        for topic, offset in offsets.items():
            self._restored.marks[topic] = max(offset, self._restored.marks.get(topic, -1))

    def _state(self, key: str, value: bytes | None, gone: bool, offsets: dict[str, int]) -> None:
        if value is None or gone:
            self._restored.states.pop(key, None)
        else:
            self._restored.states[key] = value
        if value is None:
            self._offsets.pop(key, None)
        else:
            self._offsets[key] = offsets


def _position(epoch: int, offsets: Mapping[str, int]) -> bytes:
    return json.dumps([epoch, offsets], separators=(",", ":")).encode()


def _parse(at: bytes) -> tuple[int, dict[str, int]]:
    epoch, offsets = json.loads(at)
    return int(epoch), {str(t): int(o) for t, o in offsets.items()}
