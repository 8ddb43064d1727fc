"""The facts of one asset within the horizon, and the time account of any of its hours.

A state holds until the next one, over hours and days, or until an end: then nobody watches the machine, and what it does is
unknown until somebody states it again; so is its mode. Unknown time is in no account. An order holds until the next assignment, for
it is a decision and not an observation.
"""

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.instant import HOUR_US
from streams.domain.fact_series import ENDED, Entry, Kind, before, first_at, stretches, verdict_of
from streams.domain.hour_record import Account, Content, HourRecord, Units
from streams.domain.time_elements import Facts

MOST_FACTS = 16_000  # kept one by one; more of them are settled early, so that a state stays well below a record's limit


def hour_of(time: int) -> int:
    """Start of the hour that ``time`` lies in."""
    return time // HOUR_US * HOUR_US


def _empty() -> list[list[Entry]]:
    return [[] for _ in Kind]


@dataclass(slots=True)
class Timeline:
    """Facts at or after ``floor`` can still be inserted. ``carried`` are older ones that still have a say.

    ``series`` are all facts by kind, ``verdicts`` those of each unit, ascending.
    """

    floor: int = 0
    carried: list[list[Entry]] = field(default_factory=_empty)
    hours: dict[int, HourRecord] = field(default_factory=dict)
    series: list[list[Entry]] = field(default_factory=_empty)
    verdicts: dict[str, list[Entry]] = field(default_factory=dict)
    size: int = 0

    def __post_init__(self) -> None:
        self._gather()

    def record(self, start: int) -> HourRecord:
        """The record of an hour, made when there is none."""
        found = self.hours.get(start)
        if found is None:
            found = self.hours[start] = HourRecord(start)
        return found

    def facts(self, known: int) -> Facts:
        """Everything that is known up to ``known``."""
        return Facts(self.series, known, whole=not self.carried[Kind.ORDER])

    def insert(self, kind: Kind, fact: Entry) -> None:
        """Insert a fact that is not of units."""
        self.record(hour_of(fact.time)).insert(kind, fact)
        insort(self.series[kind], fact)
        if kind is Kind.VERDICT:
            insort(self.verdicts.setdefault(verdict_of(fact).unit, []), fact)
        self.size += 1

    def produce(self, units: Units, offset: int) -> None:
        """Insert units."""
        self.record(hour_of(units.time)).produce(units, offset)
        self.size += 1

    def next_time(self, kind: Kind, fact: Entry, known: int) -> int:
        """When the next fact of the kind after ``fact`` counts; ``known`` when there is none."""
        one = self.series[kind]
        at = first_at(one, fact.time)
        while at < len(one) and one[at] <= fact:
            at += 1
        return one[at].time if at < len(one) else max(known, fact.time)

    def account(self, start: int, until: int) -> Account:
        """Microseconds per order and state of [start of the hour, until), where a state is known."""
        record = self.hours.get(start)
        out = dict(record.settled.account) if record else {}
        at = max(start, self.floor)
        if at < until:
            for since, end, (state, order) in stretches((self.series[Kind.STATE], self.series[Kind.ORDER]), at, until):
                if state is not None:
                    out[order, state] = out.get((order, state), 0) + end - since
        return out

    def offsets(self, start: int) -> list[tuple[int, int, int]]:
        """Topic, first and last offset of the ranges in which the facts behind an hour lie, ascending and apart."""
        record = self.hours.get(start)
        at = max(start, self.floor)
        in_force = [before(self.series[kind], at) for kind in (Kind.STATE, Kind.ORDER)]
        ranges = [(0, e.offset, e.offset) for e in in_force if e is not None and not e.ends and e.offset >= 0]
        if record is not None:
            ranges += [(topic, first, last) for topic, (first, last) in enumerate(record.offsets) if first >= 0]
        out: list[tuple[int, int, int]] = []
        for topic, first, last in sorted(ranges):
            if out and out[-1][0] == topic and first <= out[-1][2] + 1:
                out[-1] = (topic, out[-1][1], max(last, out[-1][2]))
            else:
                out.append((topic, first, last))
        return out

    def settle(self, until: int, carried: list[list[Entry]], content: Content | None) -> None:
        """Facts before ``until`` can't be inserted any more: forget the hours before, and the facts of the hour up to there, of
        which ``content`` is what remains."""
        start = hour_of(until)
        if content is not None:
            self.record(start).settle(content, until)
        self.hours = {k: r for k, r in self.hours.items() if k >= start}
        self.floor, self.carried = until, carried
        self._gather()

    def early_floor(self, newest: int) -> int:
        """Where to settle when there are too many facts: behind a quarter of them, before ``newest``; else the floor."""
        if self.size <= MOST_FACTS:
            return self.floor
        times = sorted(t for record in self.hours.values() for t in record.times())
        return max(min(max(times[len(times) // 4], self.floor + 1), newest), self.floor)

    def _gather(self) -> None:
        """Put the series together from what is carried and the hours."""
        self.series = [list(one) for one in self.carried]
        for start in sorted(self.hours):
            for one, part in zip(self.series, self.hours[start].series, strict=True):
                one += part
        self.verdicts = _by_unit(self.series[Kind.VERDICT])
        self.size = sum(r.size for r in self.hours.values())


def _by_unit(verdicts: Iterable[Entry]) -> dict[str, list[Entry]]:
    out: dict[str, list[Entry]] = {}
    for fact in verdicts:
        out.setdefault(verdict_of(fact).unit, []).append(fact)
    return out


def ended(time: int, sequence: int, source: str, offset: int) -> Entry:
    """From ``time`` on nobody watches."""
    return Entry(time, True, sequence, source, ENDED, offset)
