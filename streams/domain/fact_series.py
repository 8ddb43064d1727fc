"""Facts of one kind about an asset, ascending in time: what is the case, from when on."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from enum import IntEnum
from operator import attrgetter
from typing import NamedTuple

ENDED = ""  # in place of a state or a mode: nobody watches any more
AFTER_ALL = (2**63,)  # sorts behind every entry


class Kind(IntEnum):
    """What a series says. Values: a state or mode or ENDED; an order or None; the reason of the stop that the time lies in; a
    counter in Wh as a decimal; a verdict on a unit (see :class:`Verdict`)."""

    STATE = 0
    MODE = 1
    ORDER = 2
    CODE = 3
    ENERGY = 4
    VERDICT = 5


class Entry(NamedTuple):
    """From ``time`` (microseconds since 1970) on ``value`` is the case. Of equal times the later sequence wins, and an end."""

    time: int
    ends: bool
    sequence: int
    source: str
    value: str | None
    offset: int


def entry(time: int, sequence: int, source: str, value: str | None, offset: int) -> Entry:
    """An entry in its place."""
    return Entry(time, value == ENDED, sequence, source, value, offset)


class Verdict(NamedTuple):
    """One result of the first inspection of a unit; ``order`` is empty where it names none. Ids contain no slash."""

    unit: str
    verdict: str
    order: str

    @property
    def value(self) -> str:
        """As the value of an entry."""
        return "/".join(self)


def verdict_of(fact: Entry) -> Verdict:
    """The verdict that an entry holds."""
    return Verdict(*(fact.value or "//").split("/"))


Series = Sequence[Entry]
_TIME = attrgetter("time")


def first_at(series: Series, time: int) -> int:
    """The index of the first entry at or after ``time``."""
    return bisect_left(series, (time,))  # a shorter tuple sorts before its equals


def before(series: Series, time: int) -> Entry | None:
    """The newest entry before ``time``."""
    at = first_at(series, time)
    return series[at - 1] if at else None


def value_at(series: Series, time: int) -> str | None:
    """What is the case at ``time``; None for nothing, or when nobody watches."""
    at = bisect_right(series, time, key=_TIME)
    return (series[at - 1].value or None) if at else None


def stretches(
    series: Sequence[Series], start: int, end: int, marks: Sequence[int] = ()
) -> Iterator[tuple[int, int, list[str | None]]]:
    """(from, to, value of each series) over [start, end), gapless: cut at every entry and at ``marks``."""
    cuts = {start, *marks}
    for one in series:
        cuts.update(e.time for e in one[first_at(one, start) : first_at(one, end)])
    times = sorted(t for t in cuts if start <= t < end)
    positions = [first_at(one, start) for one in series]
    for t, until in zip(times, [*times[1:], end], strict=True):
        for i, one in enumerate(series):
            at = positions[i]
            while at < len(one) and one[at].time <= t:
                at += 1
            positions[i] = at
        yield t, until, [(one[at - 1].value or None) if at else None for one, at in zip(series, positions, strict=True)]


def row_of_entries(start: int, place: dict[str | None, int], series: Series) -> list[int]:
    """Five integers an entry; time, sequence and offset as steps from the entry before, which are short."""
    row: list[int] = []
    time, sequence, offset = start, 0, 0
    for e in series:
        row += (e.time - time, e.sequence - sequence, place[e.source], place[e.value], e.offset - offset)
        time, sequence, offset = e.time, e.sequence, e.offset
    return row


def entries_of_row(start: int, words: Sequence[str | None], row: Sequence[int]) -> Iterator[Entry]:
    """The entries of :func:`row_of_entries`."""
    time, sequence, offset = start, 0, 0
    for i in range(0, len(row), 5):
        time, sequence, offset = time + row[i], sequence + row[i + 1], offset + row[i + 4]
        yield entry(time, sequence, words[row[i + 2]] or "", words[row[i + 3]], offset)
