"""What a log says about one asset in one hour, as facts in time order, and the record of what was told about it."""

import json
from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

ENDED = ""  # in place of an execution state: nobody watches any more


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


class Units(NamedTuple):
    """Units that left the asset and that name no order."""

    time: int
    produced: int
    scrap: int
    rework: int


Counts = list[int]  # produced, scrap, rework
AccountKey = tuple[str | None, str]  # order, execution state


@dataclass(slots=True)
class HourRecord:
    """``named`` are units by the order they name. ``settled`` is time of the part of the hour that facts can't change any more.

    ``revision`` counts the measures told about the hour, ``line`` is the line they were told to, ``orders`` those they named.
    """

    start: int
    executions: list[Entry] = field(default_factory=list)
    assignments: list[Entry] = field(default_factory=list)
    units: list[Units] = field(default_factory=list)
    named: dict[str | None, Counts] = field(default_factory=dict)
    settled: dict[AccountKey, int] = field(default_factory=dict)
    first_offset: int = -1
    last_offset: int = -1
    revision: int = 0
    line: str = ""
    orders: list[str] = field(default_factory=list)
    _text: str | None = None

    @property
    def size(self) -> int:
        """How many facts are kept one by one."""
        return len(self.executions) + len(self.assignments) + len(self.units)

    def times(self) -> list[int]:
        """The times of the facts that are kept one by one, unsorted."""
        return [e.time for e in (*self.executions, *self.assignments)] + [u.time for u in self.units]

    def state(self, fact: Entry) -> None:
        """Take an execution state, or ENDED."""
        insort(self.executions, fact)
        self._fact_at(fact.offset)

    def assign(self, fact: Entry) -> None:
        """Take the assignment of an order."""
        insort(self.assignments, fact)
        self._fact_at(fact.offset)

    def produce(self, units: Units, order: str | None, offset: int) -> None:
        """Take units. Of those that name no order the time is kept: a late assignment can change whose they are."""
        if order is None:
            insort(self.units, units)
        else:
            self.count(order, units)
        self._fact_at(offset)

    def count(self, order: str | None, units: Units) -> None:
        """Add units to an order's, for good."""
        total = self.named.setdefault(order, [0, 0, 0])
        for i, n in enumerate(units[1:]):
            total[i] += n
        self._text = None

    def settle(self, account: dict[AccountKey, int], until: int) -> None:
        """The account of the hour up to ``until`` is as given, for good: the facts before are dropped."""
        self.settled = account
        for entries in (self.executions, self.assignments, self.units):
            del entries[: bisect_left(entries, (until,))]  # a shorter tuple sorts before its equals
        self._text = None

    def told(self, revision: int, line: str, orders: list[str]) -> None:
        """A measure of the hour was sent."""
        self.revision, self.line, self.orders = revision, line, orders
        self._text = None

    def text(self) -> str:
        """The record as JSON. It is kept until a fact changes it, for most hours of a state never change again."""
        if self._text is None:
            words = list(dict.fromkeys(self._words()))
            place = {w: i for i, w in enumerate(words)}
            rows = [_steps(self.start, place, entries) for entries in (self.executions, self.assignments)]
            units = [x for u in self.units for x in (u.time - self.start, *u[1:])]
            settled = [[*key, time] for key, time in self.settled.items()]
            told = [self.first_offset, self.last_offset, self.revision, self.line, self.orders]
            body = [words, *rows, units, list(self.named.items()), settled, told]
            self._text = json.dumps(body, separators=(",", ":"))
        return self._text

    def _words(self) -> Iterator[str | None]:
        for e in (*self.executions, *self.assignments):
            yield e.source
            yield e.value

    def _fact_at(self, offset: int) -> None:
        self.first_offset = offset if self.first_offset < 0 else min(self.first_offset, offset)
        self.last_offset = max(self.last_offset, offset)
        self._text = None


def from_body(start: int, body: list[Any]) -> HourRecord:
    """The record of :meth:`HourRecord.text`, parsed."""
    words, executions, assignments, units, named, settled, told = body
    record = HourRecord(start)
    record.executions = [*_entries(start, words, executions)]
    record.assignments = [*_entries(start, words, assignments)]
    record.units = [Units(start + units[i], *units[i + 1 : i + 4]) for i in range(0, len(units), 4)]
    record.named = dict(named)
    record.settled = {(order, state): time for order, state, time in settled}
    record.first_offset, record.last_offset, record.revision, record.line, record.orders = told
    return record


def _steps(start: int, place: dict[str | None, int], entries: list[Entry]) -> list[int]:
    """Five integers an entry; time, sequence and offset as steps from the entry before, which are short."""
    row: list[int] = []
    time, sequence, offset = start, 0, 0
    for e in entries:
        row += (e.time - time, e.sequence - sequence, place[e.source], place[e.value], e.offset - offset)
        time, sequence, offset = e.time, e.sequence, e.offset
    return row


def _entries(start: int, words: list[str | None], row: list[int]) -> Iterator[Entry]:
    time, sequence, offset = start, 0, 0
    for i in range(0, len(row), 5):
        time, sequence, offset = time + row[i], sequence + row[i + 1], offset + row[i + 4]
        yield entry(time, sequence, words[row[i + 2]] or "", words[row[i + 3]], offset)
