"""The facts of one asset within the horizon, and the time account of any of its hours.

An execution state holds until the next one, over hours and days, or until the source that stated it stops watching; time
before the first known state, and after a source stopped, is in no account. An order holds until the next assignment.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from schemas.instant import HOUR_US
from streams.domain.hour_record import ENDED, AccountKey, Counts, Entry, HourRecord, Units

MOST_FACTS = 20_000  # kept one by one; more of them are settled early, so that a state stays well below a record's limit


def hour_of(time: int) -> int:
    """Start of the hour that ``time`` lies in."""
    return time // HOUR_US * HOUR_US


@dataclass(slots=True)
class Timeline:
    """Facts at or after ``floor`` can still be inserted; ``execution`` and ``order`` are what was in force there."""

    floor: int = 0
    execution: Entry | None = None
    order: Entry | None = None
    hours: dict[int, HourRecord] = field(default_factory=dict)
    size: int = 0

    def record(self, start: int) -> HourRecord:
        """The record of an hour, made when there is none."""
        found = self.hours.get(start)
        if found is None:
            found = self.hours[start] = HourRecord(start)
        return found

    def state(self, entry: Entry) -> None:
        """Insert an execution state, or ENDED."""
        self.record(hour_of(entry.time)).state(entry)
        self._grown()

    def assign(self, entry: Entry) -> None:
        """Insert the assignment of an order."""
        self.record(hour_of(entry.time)).assign(entry)
        self._grown()

    def produce(self, units: Units, order: str | None, offset: int) -> None:
        """Insert units."""
        self.record(hour_of(units.time)).produce(units, order, offset)
        self._grown(order is None)

    def last_hour_moved(self, entry: Entry, by_state: bool) -> int:
        """The last hour whose account a new entry can change: it holds up to the next of its kind."""
        start = hour_of(entry.time)
        record = self.hours.get(start)
        entries = _of_kind(record, by_state)
        if any(e.value != ENDED for e in entries[bisect_right(entries, entry) :]):
            return start
        later = [k for k, r in self.hours.items() if k > start and any(e.value != ENDED for e in _of_kind(r, by_state))]
        return min(later, default=2**63)

    def in_force(self, time: int, by_state: bool) -> Entry | None:
        """The execution state or assignment just before the facts at ``time``."""
        found = self.execution if by_state else self.order
        for entry in self._before(time, by_state):
            found = _next(found, entry)
        return found

    def account(self, start: int, until: int) -> dict[AccountKey, int]:
        """Microseconds per order and execution state of [start of the hour, until), where a state is known."""
        record = self.hours.get(start)
        out = dict(record.settled) if record else {}
        at = max(start, self.floor)
        execution, order = self.in_force(at, True), self.in_force(at, False)
        for entry, by_state in _merged(record):
            if entry.time >= until:
                break
            _add(out, order, execution, entry.time - at)
            at = entry.time
            if by_state:
                execution = _next(execution, entry)
            else:
                order = entry
        _add(out, order, execution, until - at)
        return out

    def quantities(self, start: int) -> dict[str | None, Counts]:
        """Produced, scrap and rework per order of the hour; units that name no order are of the order in work then."""
        record = self.hours.get(start)
        if record is None:
            return {}
        out = {order: list(counts) for order, counts in record.named.items()}
        for units in record.units:
            total = out.setdefault(self._order_at(record, units.time), [0, 0, 0])
            for i, n in enumerate(units[1:]):
                total[i] += n
        return out

    def offsets(self, start: int) -> list[tuple[int, int]]:
        """First and last offset of the ranges in which the facts behind an hour lie, ascending and apart."""
        record = self.hours.get(start)
        at = max(start, self.floor)
        carried = [e.offset for e in (self.in_force(at, True), self.in_force(at, False)) if e is not None]
        ranges = [(o, o) for o in carried]
        if record is not None and record.first_offset >= 0:
            ranges.append((record.first_offset, record.last_offset))
        out: list[tuple[int, int]] = []
        for first, last in sorted(ranges):
            if out and first <= out[-1][1] + 1:
                out[-1] = (out[-1][0], max(last, out[-1][1]))
            else:
                out.append((first, last))
        return out

    def settle(self, until: int) -> None:
        """Facts before ``until`` can't be inserted any more: forget the hours before, and the facts of the hour up to there."""
        if until <= self.floor:
            return
        start = hour_of(until)
        record = self.hours.get(start)
        if record is not None and until > start:
            account = self.account(start, until)
            for units in record.units[: bisect_left(record.units, (until,))]:
                record.count(self._order_at(record, units.time), units)
        execution, order = self.in_force(until, True), self.in_force(until, False)
        if record is not None and until > start:
            record.settle(account, until)
        self.hours = {k: r for k, r in self.hours.items() if k >= start}
        self.floor, self.execution, self.order = until, execution, order
        self.size = sum(r.size for r in self.hours.values())

    def _grown(self, by_one: bool = True) -> None:
        self.size += by_one
        if self.size > MOST_FACTS:
            times = sorted(t for r in self.hours.values() for t in r.times())
            self.settle(max(times[len(times) // 4], self.floor + 1))

    def _before(self, time: int, by_state: bool) -> Iterator[Entry]:
        """The entries that can matter to what is in force at ``time``: from the last hour on that states anything."""
        starts = sorted(k for k in self.hours if k <= time)
        first = len(starts)
        for first in range(len(starts) - 1, -1, -1):
            if any(e.value != ENDED and e.time < time for e in _of_kind(self.hours[starts[first]], by_state)):
                break
        for start in starts[first:]:
            entries = _of_kind(self.hours[start], by_state)
            yield from entries[: bisect_left(entries, (time,))]  # a shorter tuple sorts before its equals

    def _order_at(self, record: HourRecord, time: int) -> str | None:
        at = bisect_left(record.assignments, (time + 1,))
        entry = record.assignments[at - 1] if at else self.in_force(max(record.start, self.floor), False)
        return None if entry is None else entry.value


def _of_kind(record: HourRecord | None, by_state: bool) -> list[Entry]:
    if record is None:
        return []
    return record.executions if by_state else record.assignments


def _next(held: Entry | None, entry: Entry) -> Entry | None:
    """A source that stops takes its own state with it and nobody else's."""
    if entry.value != ENDED:
        return entry
    return None if held is not None and held.source == entry.source else held


def _merged(record: HourRecord | None) -> list[tuple[Entry, bool]]:
    if record is None:
        return []
    both = [(e, True) for e in record.executions] + [(e, False) for e in record.assignments]
    return sorted(both, key=lambda pair: pair[0].time)  # a stable sort keeps the order within a kind


def _add(account: dict[AccountKey, int], order: Entry | None, execution: Entry | None, time: int) -> None:
    if execution is not None and time > 0:
        key = (None if order is None else order.value, execution.value or "")
        account[key] = account.get(key, 0) + time
