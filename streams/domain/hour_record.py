"""What a log says about one asset in one hour, as facts in time order, and the record of what was told about it."""

import json
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from streams.domain.fact_series import Entry, Kind, entries_of_row, first_at, row_of_entries

TOPICS = 2  # the facts of machines and the verdicts


class Units(NamedTuple):
    """Units that left the asset; ``order`` and ``part`` are those that the fact names."""

    time: int
    produced: int
    scrap: int
    rework: int
    order: str
    part: str


AccountKey = tuple[str | None, str]  # order, state
Account = dict[AccountKey, int]  # microseconds
ElementKey = tuple[str, str | None, str | None, str | None, str, str | None]  # day, shift, order, part, element, reason
Elements = dict[ElementKey, list[int]]  # microseconds, how many begun
QuantityKey = tuple[str, str | None, str | None, str | None]  # day, shift, order, part
Quantities = dict[QuantityKey, list[int]]  # in the order of QUANTITIES
QUANTITIES = ("produced", "scrap", "rework", "planned_run_us", "unrated", "inspected", "passed", "energy_wh")


class Content(NamedTuple):
    """What is told of an hour, or of a part of it."""

    account: Account
    elements: Elements
    quantities: Quantities

    def __bool__(self) -> bool:
        """Whether anything is known: unknown and unplanned time alone is nothing."""
        return bool(self.account or self.quantities)


WindowName = tuple[str, str, int, int]  # day or shift, id, start, end


class Told(NamedTuple):
    """What was said of an hour. ``named`` are orders and parts, ``until`` is how far it was known, ``digest`` names the content.

    ``due`` is true from when it was told as final, or because a source had ended."""

    revision: int = 0
    line: str = ""
    named: list[tuple[str | None, str | None]] = []
    windows: list[WindowName] = []
    until: int = 0
    digest: str = ""
    due: bool = False


NOTHING_TOLD = Told()


@dataclass(slots=True)
class HourRecord:
    """``settled`` is the content of the part of the hour that facts can't change any more. ``offsets`` are the first and the last
    offset of its facts per topic, -1 for none."""

    start: int
    series: list[list[Entry]] = field(default_factory=lambda: [[] for _ in Kind])
    units: list[Units] = field(default_factory=list)
    settled: Content = field(default_factory=lambda: Content({}, {}, {}))
    offsets: list[list[int]] = field(default_factory=lambda: [[-1, -1] for _ in range(TOPICS)])
    told: Told = NOTHING_TOLD
    _text: str | None = None

    @property
    def size(self) -> int:
        """How many facts are kept one by one."""
        return sum(map(len, self.series)) + len(self.units)

    def times(self) -> list[int]:
        """The times of the facts that are kept one by one, unsorted."""
        return [e.time for one in self.series for e in one] + [u.time for u in self.units]

    def insert(self, kind: Kind, fact: Entry) -> None:
        """Take a fact."""
        insort(self.series[kind], fact)
        self._fact_at(fact.offset, int(kind is Kind.VERDICT))

    def produce(self, units: Units, offset: int) -> None:
        """Take units. Their time is kept: a late assignment or calendar can change where they count."""
        insort(self.units, units)
        self._fact_at(offset, 0)

    def settle(self, content: Content, until: int) -> None:
        """The content of the hour up to ``until`` is as given, for good: the facts before are dropped."""
        self.settled = content
        for one in self.series:
            del one[: first_at(one, until)]
        self.units = [u for u in self.units if u.time >= until]
        self._text = None

    def tell(self, told: Told) -> None:
        """A measure of the hour was sent."""
        self.told = told
        self._text = None

    def text(self) -> str:
        """The record as JSON. It is kept until a fact changes it, for most hours of a state never change again."""
        if self._text is None:
            words = list(dict.fromkeys(self._words()))
            place = {w: i for i, w in enumerate(words)}
            rows = [row_of_entries(self.start, place, one) for one in self.series]
            while rows and not rows[-1]:
                rows.pop()
            settled = [[[*key, value] for key, value in part.items()] for part in self.settled] if self.settled_any else []
            body = [words, rows, _unit_steps(self.start, place, self.units), settled, self.offsets, self.told]
            self._text = json.dumps(body, separators=(",", ":"))
        return self._text

    @property
    def settled_any(self) -> bool:
        """Whether a part of the hour is settled."""
        return any(self.settled[:])

    def _words(self) -> Iterator[str | None]:
        for one in self.series:
            for e in one:
                yield e.source
                yield e.value
        for u in self.units:
            yield u.order
            yield u.part

    def _fact_at(self, offset: int, topic: int) -> None:
        first, last = self.offsets[topic]
        self.offsets[topic] = [offset if first < 0 else min(first, offset), max(last, offset)]
        self._text = None


def from_body(start: int, body: list[Any]) -> HourRecord:
    """The record of :meth:`HourRecord.text`, parsed."""
    words, rows, units, settled, offsets, told = body
    record = HourRecord(start)
    for one, row in zip(record.series, rows, strict=False):
        one += entries_of_row(start, words, row)
    record.units = [*_units(start, words, units)]
    if settled:
        account, elements, quantities = ({tuple(k[:-1]): k[-1] for k in part} for part in settled)
        record.settled = Content(account, elements, quantities)
    record.offsets = offsets
    revision, line, named, windows, until, digest, due = told
    record.told = Told(revision, line, [(o, p) for o, p in named], [(a, b, c, d) for a, b, c, d in windows], until, digest, due)
    return record


def _unit_steps(start: int, place: dict[str | None, int], units: Sequence[Units]) -> list[int]:
    row: list[int] = []
    for u in units:
        row += (u.time - start, u.produced, u.scrap, u.rework, place[u.order], place[u.part])
        start = u.time
    return row


def _units(start: int, words: Sequence[str | None], row: Sequence[int]) -> Iterator[Units]:
    for i in range(0, len(row), 6):
        start += row[i]
        yield Units(start, row[i + 1], row[i + 2], row[i + 3], words[row[i + 4]] or "", words[row[i + 5]] or "")
