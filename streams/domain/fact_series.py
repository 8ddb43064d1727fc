"""Facts of one kind about an asset, ascending in time: what is the case, from when on."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from enum import IntEnum
from operator import itemgetter
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
_FIRST = itemgetter(0)


def first_at(series: Series, time: int) -> int:
    """The index of the first entry at or after ``time``."""
    return bisect_left(series, (time,))  # a shorter tuple sorts before its equals


def before(series: Series, time: int) -> Entry | None:
    """The newest entry before ``time``."""
    at = first_at(series, time)
    return series[at - 1] if at else None


def value_at(series: Series, time: int) -> str | None:
    """What is the case at ``time``; None for nothing, or when nobody watches."""
    at = first_at(series, time + 1)
    return (series[at - 1].value or None) if at else None


def stretches(
    series: Sequence[Series], start: int, end: int, marks: Sequence[int] = ()
) -> Iterator[tuple[int, int, list[str | None]]]:
    """(from, to, value of each series) over [start, end), gapless: cut where a value changes and at ``marks``. The list of values
    is the same one each time."""
    values = [value_at(one, start) for one in series]
    changes: list[tuple[int, int, str | None]] = [(mark, -1, None) for mark in marks if start < mark < end]
    for i, one in enumerate(series):
        changes += [(e.time, i, e.value or None) for e in one[first_at(one, start + 1) : first_at(one, end)]]
    changes.sort(key=_FIRST)  # a stable sort keeps the order within a series
    at = start
    for time, i, value in changes:
        if i >= 0 and values[i] == value:
            continue
        if time > at:
            yield at, time, values
            at = time
        if i >= 0:
            values[i] = value
    if at < end:
        yield at, end, values


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
