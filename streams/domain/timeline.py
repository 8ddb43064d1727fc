"""The facts of one asset within the horizon, and the time account of any of its hours.

An execution state holds until the next one, over hours and days, or until an end: then nobody watches the machine, and what it
does is unknown until somebody states it again. Unknown time is in no account. An order holds until the next assignment, for
it is a decision and not an observation.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from schemas.instant import HOUR_US
from streams.domain.hour_record import AccountKey, Counts, Entry, HourRecord, Units

END = 2**63  # behind every hour
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

    def state(self, fact: Entry) -> None:
        """Insert an execution state, or ENDED."""
        self.record(hour_of(fact.time)).state(fact)
        self.size += 1

    def assign(self, fact: Entry) -> None:
        """Insert the assignment of an order."""
        self.record(hour_of(fact.time)).assign(fact)
        self.size += 1

    def produce(self, units: Units, order: str | None, offset: int) -> None:
        """Insert units."""
        self.record(hour_of(units.time)).produce(units, order, offset)
        self.size += order is None

    def last_hour_moved(self, fact: Entry, by_state: bool) -> int:
        """The last hour whose account a new entry can change: it holds up to the next of its kind."""
        start = hour_of(fact.time)
        entries = _of_kind(self.hours.get(start), by_state)
        if entries and fact < entries[-1]:
            return start
        return min((k for k, record in self.hours.items() if k > start and _of_kind(record, by_state)), default=END)

    def in_force(self, time: int, by_state: bool) -> Entry | None:
        """The execution state or assignment just before the facts at ``time``; None when there is none or it ended."""
        found = self.execution if by_state else self.order
        for start in sorted((k for k in self.hours if k <= time), reverse=True):
            entries = _of_kind(self.hours[start], by_state)
            before = bisect_left(entries, (time,))  # a shorter tuple sorts before its equals
            if before:
                found = entries[before - 1]
                break
        return None if found is None or found.ends else found

    def account(self, start: int, until: int) -> dict[AccountKey, int]:
        """Microseconds per order and execution state of [start of the hour, until), where a state is known."""
        record = self.hours.get(start)
        out = dict(record.settled) if record else {}
        at = max(start, self.floor)
        execution, order = self.in_force(at, True), self.in_force(at, False)
        for fact, by_state in _merged(record):
            if fact.time >= until:
                break
            _add(out, order, execution, fact.time - at)
            at = fact.time
            if by_state:
                execution = None if fact.ends else fact
            else:
                order = fact
        _add(out, order, execution, until - at)
        return out

    def spans(self, start: int, until: int) -> Iterator[tuple[int, int, str | None, str | None]]:
        """(start, end, order, execution state) of [start, until), gapless, in time order; state None: nobody watches.

        ``start`` lies at or after the floor and in one hour with ``until``.
        """
        execution, order = self.in_force(start, True), self.in_force(start, False)
        at = start
        for fact, by_state in _merged(self.hours.get(hour_of(start))):
            if fact.time >= until:
                break
            if fact.time > at:
                yield at, fact.time, order and order.value, execution and execution.value
                at = fact.time
            if by_state:
                execution = None if fact.ends else fact
            else:
                order = fact
        if until > at:
            yield at, until, order and order.value, execution and execution.value

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

    def trim(self, open_hour: int) -> None:
        """Settle a quarter of the facts when there are too many; ``open_hour``, the first that is not final, is not forgotten."""
        if self.size > MOST_FACTS:
            times = sorted(t for record in self.hours.values() for t in record.times())
            self.settle(min(max(times[len(times) // 4], self.floor + 1), open_hour + HOUR_US - 1))

    def _order_at(self, record: HourRecord, time: int) -> str | None:
        at = bisect_left(record.assignments, (time + 1,))
        fact = record.assignments[at - 1] if at else self.in_force(max(record.start, self.floor), False)
        return None if fact is None else fact.value


def _of_kind(record: HourRecord | None, by_state: bool) -> list[Entry]:
    if record is None:
        return []
    return record.executions if by_state else record.assignments


def _merged(record: HourRecord | None) -> list[tuple[Entry, bool]]:
    if record is None:
        return []
    both = [(e, True) for e in record.executions] + [(e, False) for e in record.assignments]
    return sorted(both, key=lambda pair: pair[0].time)  # a stable sort keeps the order within a kind


def _add(account: dict[AccountKey, int], order: Entry | None, execution: Entry | None, time: int) -> None:
    if execution is not None and time > 0:
        key = (None if order is None else order.value, execution.value or "")
        account[key] = account.get(key, 0) + time
