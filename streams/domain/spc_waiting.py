"""Readings that wait for their turn: they are handed out in the order of event time, once nothing earlier can come in time.

The mark of an asset is the time before which everything has been handed out: the newest event time of its records less the
allowed disorder, judged record by record. A reading before the mark is late. What is handed out is in the order of
(time, source, sequence, row), so any order of records in which no reading is late leads to the same points.

At most MOST_WAITING values wait. Beyond it the mark moves on until they are so few: a channel of more than 2,000 readings a
second is allowed less disorder, and the state stays small.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.events.sensor_frame import SensorFrame
from schemas.instant import SECOND_US, to_micros

DISORDER_US = 5 * SECOND_US
MOST_WAITING = 10_000  # values of one asset


class Reading(NamedTuple):
    """One reading whose turn has come; ``event`` is the fact that holds it."""

    time: int
    source: str
    sequence: int
    row: int
    channel: str
    value: float

    @property
    def event_of(self) -> tuple[str, int]:
        """Source and sequence of the fact."""
        return self.source, self.sequence


@dataclass(slots=True)
class Tail:
    """The rows of a frame that wait: ``row`` is the number of the first, ``times`` their event times, a column per channel."""

    source: str
    sequence: int
    row: int
    times: list[int]
    columns: dict[str, list[float | None]]

    def cut(self, mark: int) -> Iterator[Reading]:
        """Hand out what lies before the mark."""
        count = bisect_left(self.times, mark)
        for i, time in enumerate(self.times[:count]):
            for channel, column in self.columns.items():
                value = column[i]
                if value is not None:
                    yield Reading(time, self.source, self.sequence, self.row + i, channel, value)
        self.row += count
        del self.times[:count]
        for column in self.columns.values():
            del column[:count]

    @property
    def values(self) -> int:
        """How many values wait, silent ones among them."""
        return len(self.times) * len(self.columns)


class Late(NamedTuple):
    """How many readings of a frame were in time and how many late, and the time of the oldest late one."""

    in_time: int
    late: int
    oldest: int


@dataclass(slots=True)
class Waiting:
    """The mark and what waits behind it."""

    mark: int = 0
    tails: list[Tail] = field(default_factory=list)

    def take(self, frame: SensorFrame, channels: Collection[str]) -> Late:
        """Let the readings of ``channels`` wait, but for those that are late."""
        begin = to_micros(frame.event_time)
        first = bisect_left(frame.times_us, self.mark - begin)
        columns = {name: frame.columns[name] for name in sorted(frame.columns) if name in channels}
        late = sum(v is not None for column in columns.values() for v in column[:first])
        in_time = sum(v is not None for column in columns.values() for v in column[first:])
        if in_time:
            times = [begin + t for t in frame.times_us[first:]]
            rest = {name: column[first:] for name, column in columns.items()}
            self.tails.append(Tail(frame.source, frame.sequence, first, times, rest))
        return Late(in_time, late, begin + frame.times_us[0] if late else self.mark)

    def advance(self, mark: int) -> list[Reading]:
        """Move the mark, never back, and hand out in order what lies before it."""
        self.mark = max(self.mark, mark, self._crowded())
        readings = [r for tail in self.tails for r in tail.cut(self.mark)]
        self.tails = [t for t in self.tails if t.times]
        readings.sort()
        return readings

    def rows(self) -> list[list[Any]]:
        """For the state's bytes."""
        return [[t.source, t.sequence, t.row, t.times, t.columns] for t in self.tails]

    def _crowded(self) -> int:
        """The mark that leaves MOST_WAITING values at most; 0 when they are no more than that."""
        crowd = sum(t.values for t in self.tails)
        if crowd <= MOST_WAITING:
            return 0
        for time, width in sorted((time, len(tail.columns)) for tail in self.tails for time in tail.times):
            crowd -= width
            if crowd <= MOST_WAITING:
                return time + 1
        return 0
