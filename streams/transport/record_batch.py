"""The unit of work of the streams: the records that one fetch brought from one partition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records of one partition in offset order, covering the offsets [start, end) without a hole in what was read.

    ``start`` is the position before the fetch and ``end`` the position after it. ``offsets`` may be sparse inside, and
    the first may lie behind ``start``, because compaction removes records and transactions leave control records.
    ``timestamps`` are the broker's, in milliseconds since 1970; they date a dead letter and nothing else.
    """

    topic: str
    partition: int
    start: int
    end: int
    offsets: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    timestamps: Sequence[int]

    def __post_init__(self) -> None:
        if not len(self.offsets) == len(self.keys) == len(self.values) == len(self.timestamps):
            raise ValueError("offsets, keys, values and timestamps of a batch must have the same length")
        if self.offsets and not (self.start <= self.offsets[0] and self.offsets[-1] < self.end):
            raise ValueError(f"offsets {self.offsets[0]}..{self.offsets[-1]} lie outside [{self.start}, {self.end})")

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def size(self) -> int:
        """Bytes of the keys and values."""
        return sum(map(len, filter(None, self.values))) + sum(map(len, filter(None, self.keys)))
