"""The step measure: facts of a machine to time and quantity accounts per hour, exact to the microsecond.

When a measure is told depends on the records alone. ``known until`` is the highest event time of an asset on this topic.
- provisional: known until crosses a multiple of five minutes inside the hour, or a source ends;
- final: the watermark (known until minus the allowed disorder, or the time at which a source ended) reaches the hour's end;
- restated: a fact changes an hour that was final, or the hours after it through what it carries over.
A fact older than the horizon behind the watermark changes nothing and is named late. Of a silence longer than the horizon
only the hours within it are told, so that one record never means more than a horizon's work.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.envelope import Event, InputRange, Status, Window
from schemas.events.heartbeat import Heartbeat
from schemas.events.machine_event import Execution, ExecutionChanged, MachineEvent, OrderAssigned, UnitProduced
from schemas.events.measure import AccountEntry, ElementEntry, Measure, NamedWindow, Quantity
from schemas.identity import derived_id
from schemas.instant import HOUR_US, SECOND_US, from_micros, to_micros
from schemas.time_element import TimeElement
from streams.domain.fold import Folded, Origin, Outcome, References
from streams.domain.hour_record import ENDED, AccountKey, Counts, Entry, Units, entry, from_body
from streams.domain.lateness import late_event
from streams.domain.sequences import Sequences
from streams.domain.state_bytes import unpack
from streams.domain.time_elements import default_element
from streams.domain.timeline import Timeline, hour_of

NAME = "measure"
VERSION = 1
DISORDER_US = 5 * SECOND_US
PROVISIONAL_US = 300 * SECOND_US
HORIZON_US = 7 * 24 * HOUR_US
NO_LINE = "unassigned"  # the asset's description was withdrawn

Content = tuple[dict[AccountKey, int], dict[str | None, Counts]]


@dataclass(slots=True)
class MeasureState:
    """One asset. Hours before ``closed_until`` (the start of an hour) are final."""

    asset: str
    sequences: Sequences = field(default_factory=Sequences)
    known_until: int = -1
    closed_until: int = -1
    timeline: Timeline = field(default_factory=Timeline)


class Place(NamedTuple):
    """Where a record lies, and to which line and site its asset belongs now."""

    origin: Origin
    line: str
    site: str | None


class MeasureLogic:
    """``horizon_us`` is how far behind the watermark facts still count; hours are those of UTC."""

    def __init__(self, horizon_us: int = HORIZON_US, provisional_us: int = PROVISIONAL_US, disorder_us: int = DISORDER_US) -> None:
        self._horizon = horizon_us
        self._provisional = provisional_us
        self._disorder = disorder_us

    def route(self, event: Event) -> Sequence[str]:
        """One state per asset."""
        return (event.asset,) if isinstance(event, MachineEvent | Heartbeat) else ()

    def load(self, key: str, data: bytes | None) -> MeasureState:
        """The state of an asset."""
        state = MeasureState(key)
        if data is not None:
            head, hours = unpack(data, VERSION, NAME, key)
            state.sequences.last, state.known_until, state.closed_until, floor, execution, order = head
            records = {int(start): from_body(int(start), body) for start, body in hours.items()}
            size = sum(r.size for r in records.values())
            state.timeline = Timeline(floor, _loaded(execution), _loaded(order), records, size)
        return state

    def dump(self, state: MeasureState) -> bytes | None:
        """The layout of ``state_bytes.pack``, put together from the text that each hour keeps."""
        t = state.timeline
        head = [state.sequences.last, state.known_until, state.closed_until, t.floor, t.execution, t.order]
        hours = ",".join(f'"{start}":{record.text()}' for start, record in t.hours.items())
        return f"[{VERSION},[{json.dumps(head, separators=(',', ':'))},{{{hours}}}]]".encode()

    def fold(self, state: MeasureState, event: Event, origin: Origin, references: References) -> Folded:
        """Take a fact or a heartbeat, and tell what is due."""
        assert isinstance(event, MachineEvent | Heartbeat)
        if not state.sequences.is_news(event):
            return Folded(Outcome.DUPLICATE)
        described = references.asset(event.asset)
        place = Place(origin, described.line, described.site) if described else Place(origin, NO_LINE, None)
        time, ending = to_micros(event.event_time), isinstance(event, Heartbeat) and event.phase == "ending"
        if _counts(event) and time < state.timeline.floor:
            return Folded(Outcome.LATE, (late_event(NAME, event, origin, state.timeline.floor - time),))
        out = list(self._insert(state, event, time, place))
        out += self._advance(state, time, ending, place)
        return Folded(Outcome.APPLIED, out)

    def _insert(self, state: MeasureState, event: MachineEvent | Heartbeat, time: int, place: Place) -> Iterator[Measure]:
        """Insert a fact; tell the closed hours that it changes."""
        if not _counts(event):
            return
        moved = self._moved(state, event, time)
        before = [_content(state.timeline, start) for start in moved]
        _take(state.timeline, event, time, place.origin.offset)
        for start, content in zip(moved, before, strict=True):
            if _content(state.timeline, start) != content:
                told = state.timeline.record(start).revision > 0
                yield _measure(state, start, "restated" if told else "final", place, f"{event.event_id} came out of order")

    def _moved(self, state: MeasureState, event: MachineEvent | Heartbeat, time: int) -> range:
        """The closed hours that a fact may change."""
        start = hour_of(time)
        if start >= state.closed_until:
            return range(0)
        last = start
        if isinstance(event, Heartbeat):
            last = state.timeline.last_hour_moved(_entry(event, time, ENDED, 0), by_state=True)
        elif not isinstance(event.fact, UnitProduced):
            by_state = isinstance(event.fact, ExecutionChanged)
            last = state.timeline.last_hour_moved(_entry(event, time, None, 0), by_state)
        return range(start, min(last + HOUR_US, state.closed_until), HOUR_US)

    def _advance(self, state: MeasureState, time: int, ending: bool, place: Place) -> Iterator[Measure]:
        """Move the time on; tell hours that are complete and, where it is due, the open ones so far."""
        before, known = state.known_until, max(state.known_until, time)
        state.known_until = known
        mark = max(known - self._disorder, time if ending else 0, 0)
        if before < 0:
            state.closed_until = hour_of(mark)
        horizon = hour_of(max(0, known - self._horizon))
        closed, state.closed_until = state.closed_until, max(state.closed_until, hour_of(mark))
        silent = max(closed, hour_of(max(before, 0)) + HOUR_US)  # from here on nothing was known until now
        for start in (*range(closed, silent, HOUR_US), *range(max(silent, horizon), state.closed_until, HOUR_US)):
            if start < state.closed_until:
                yield from self._told(state, start, "final", place)
        step = known // self._provisional * self._provisional
        crossed = 0 <= before < step and step > hour_of(known)
        if ending or crossed:
            first = state.closed_until if ending else max(state.closed_until, hour_of(known))
            for start in range(first, known + 1, HOUR_US):
                yield from self._told(state, start, "provisional", place)
        state.timeline.settle(horizon)
        state.timeline.trim(state.closed_until)

    def _told(self, state: MeasureState, start: int, status: Status, place: Place) -> Iterator[Measure]:
        """A measure, unless nothing is known of the hour and nothing was told of it."""
        record = state.timeline.hours.get(start)
        if (record is not None and record.revision) or any(_content(state.timeline, start, state.known_until)):
            yield _measure(state, start, status, place, None)


def _counts(event: MachineEvent | Heartbeat) -> bool:
    """Whether the event is a fact of an account; others only tell the time."""
    if isinstance(event, Heartbeat):
        return event.phase == "ending"
    return isinstance(event.fact, ExecutionChanged | OrderAssigned | UnitProduced)


def _take(timeline: Timeline, event: MachineEvent | Heartbeat, time: int, offset: int) -> None:
    if isinstance(event, Heartbeat):
        timeline.state(_entry(event, time, ENDED, offset))
        return
    match event.fact:
        case ExecutionChanged(state=state):
            timeline.state(_entry(event, time, state.value, offset))
        case OrderAssigned(order=order):
            timeline.assign(_entry(event, time, order, offset))
        case UnitProduced() as fact:
            timeline.produce(Units(time, fact.produced, fact.scrap, fact.rework), fact.order, offset)


def _content(timeline: Timeline, start: int, known_until: int = 2**63) -> Content:
    return timeline.account(start, min(start + HOUR_US, known_until)), timeline.quantities(start)


def _measure(state: MeasureState, start: int, status: Status, place: Place, reason: str | None) -> Measure:
    """The next revision of an hour. An order that an earlier one named stays, with zeros, so that sums by order learn of it."""
    until = min(start + HOUR_US, state.known_until)
    account, quantities = _content(state.timeline, start, until)
    record = state.timeline.record(start)
    orders = {o for o in (*(order for order, _ in account), *quantities) if o is not None}
    for gone in set(record.orders) - orders:
        quantities[gone] = [0, 0, 0]
    record.told(record.revision + 1, record.line or place.line, sorted({*record.orders, *orders}))
    origin, day = place.origin, _date(start)
    return Measure(
        event_time=from_micros(until),
        id=derived_id(Measure.TYPE, state.asset, start, record.revision),
        asset=state.asset,
        line=record.line,
        site=place.site,
        window=Window(start=from_micros(start), end=from_micros(start + HOUR_US)),
        revision=record.revision,
        status=status,
        observed_until=from_micros(until),
        account=[
            AccountEntry(order=order, state=Execution(execution), duration_us=time)
            for (order, execution), time in sorted(account.items(), key=lambda item: (item[0][0] or "", item[0][1]))
        ],
        quantities=[
            Quantity(day=day, shift=None, order=order, part=None, produced=n[0], scrap=n[1], rework=n[2])
            for order, n in sorted(quantities.items(), key=lambda item: item[0] or "")
        ],
        elements=_elements(state.timeline, start, until, account),
        windows=[NamedWindow(kind="day", id=day, window=_day(start))],
        inputs=[
            InputRange(topic=origin.topic, partition=origin.partition, first_offset=first, last_offset=last)
            for first, last in state.timeline.offsets(start)
        ],
        reason=reason,
    )


def _elements(timeline: Timeline, start: int, until: int, account: dict[AccountKey, int]) -> list[ElementEntry]:
    """The elements of [start, until), within one hour."""
    time: dict[tuple[str | None, TimeElement], int] = defaultdict(int)
    begun: dict[tuple[str | None, TimeElement], int] = defaultdict(int)
    at = max(start, timeline.floor)
    for (order, state), spent in account.items():
        time[order, default_element(state, order)] += spent
    order_before, state_before = (e and e.value for e in (timeline.in_force(at, False), timeline.in_force(at, True)))
    before = default_element(state_before, order_before)
    for begin, end, held, found in timeline.spans(at, until):
        element = default_element(found, held)
        if element is not before:
            begun[held, element] += 1
        if found is None:
            time[held, element] += end - begin
        before = element
    rest = until - start - sum(time.values())  # of a part that is settled
    if rest > 0:
        time[None, TimeElement.UNKNOWN] += rest
    day = _date(start)
    return [
        ElementEntry(day=day, shift=None, order=o, part=None, element=e, duration_us=spent, begun=begun[o, e])
        for (o, e), spent in sorted(time.items(), key=lambda item: (item[0][0] or "", item[0][1]))
    ]


def _date(time: int) -> str:
    return from_micros(time).date().isoformat()


def _day(time: int) -> Window:
    start = time // (24 * HOUR_US) * 24 * HOUR_US
    return Window(start=from_micros(start), end=from_micros(start + 24 * HOUR_US))


def _entry(event: MachineEvent | Heartbeat, time: int, value: str | None, offset: int) -> Entry:
    return entry(time, event.sequence, event.source, value, offset)


def _loaded(row: list[Any] | None) -> Entry | None:
    return None if row is None else Entry(*row)
