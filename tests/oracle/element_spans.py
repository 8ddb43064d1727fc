"""Batch oracle for time elements of ISO 22400-2: every span of every asset, by the calendar and the loss model of its line.

:func:`element_spans` gives spans [start, end) that tile the time of an asset from the hour of its first record to its newest one;
:func:`hourly` adds them up. Nothing is imported from the streams. Times are integers, microseconds since 1970.
"""

import itertools
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from oracle.calendar_days import (
    NOT_PLANNED,
    PLANNED,
    PLANNED_DOWNTIME,
    CalendarPiece,
    LineCalendar,
    Record,
    in_force,
    line_calendar,
    versions,
)
from oracle.loss_rules import BREAKDOWN, DELAY, MINOR_STOP, NO_ORDER, SET_UP, UNKNOWN, ruled, threshold
from oracle.machine_records import HOUR, micros
from oracle.machine_timeline import (
    RUN,
    STOP,
    Piece,
    Stretch,
    changes,
    facts_of,
    orders_begun,
    pieces,
    stretches,
    value_at,
    with_reasons,
    without_short_runs,
)

Key = tuple[str, str | None, str | None, str | None, str, str | None]
Edges = tuple[int, int]


@dataclass(frozen=True)
class Plant:
    """Everything that was ever said, as decoded JSON in the order of each topic's log."""

    machine: Sequence[Record] = ()
    inspection: Sequence[Record] = ()
    asset: Sequence[Record] = ()
    order: Sequence[Record] = ()
    calendar: Sequence[Record] = ()
    loss_model: Sequence[Record] = ()
    lines: dict[str, str] = field(init=False)
    parts: dict[str, Record] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", {a: r["line"] for a, r in _newest(self.asset, "asset").items()})
        object.__setattr__(self, "parts", _newest(self.order, "order"))

    def part_of(self, order: str | None) -> str | None:
        """The part of an order; None while no record tells it."""
        record = None if order is None else self.parts.get(order)
        return None if record is None else str(record["part"])


class Span(NamedTuple):
    """One element of one asset. ``begun``: the element began here, and not in a span before that joins it."""

    asset: str
    start: int
    end: int
    day: str
    shift: str | None
    order: str | None
    part: str | None
    element: str
    reason: str | None
    begun: bool


def observed(plant: Plant) -> dict[str, Edges]:
    """Per asset the start of the hour of its first record and the time of its newest."""
    out = {}
    for asset, records in facts_of((*plant.machine, *plant.inspection)).items():
        times = [micros(r["event_time"]) for r in records]
        out[asset] = (min(times) // HOUR * HOUR, max(times))
    return out


def calendars(plant: Plant) -> dict[str, LineCalendar]:
    """The calendar of each line around everything that was observed."""
    seen = observed(plant).values()
    first, last = min((a for a, _ in seen), default=0), max((b for _, b in seen), default=0)
    return {line: line_calendar(plant.calendar, line, first, last) for line in set(plant.lines.values())}


def element_spans(plant: Plant) -> list[Span]:
    """The spans of all assets, by asset and time."""
    records, known = facts_of(plant.machine), calendars(plant)
    out: list[Span] = []
    for asset, (start, end) in sorted(observed(plant).items()):
        line = plant.lines[asset]
        out += _spans(plant, asset, records.get(asset, []), known[line], (start, end))
    return out


def hourly(spans: Iterable[Span]) -> dict[tuple[str, int], dict[Key, int]]:
    """(asset, hour) -> (day, shift, order, part, element, reason) -> microseconds."""
    out: dict[tuple[str, int], dict[Key, int]] = defaultdict(lambda: defaultdict(int))
    for s in by_hour(spans):
        out[s.asset, s.start // HOUR * HOUR][s.day, s.shift, s.order, s.part, s.element, s.reason] += s.end - s.start
    return {hour: dict(account) for hour, account in out.items()}


def state_accounts(plant: Plant) -> dict[tuple[str, int], dict[tuple[str | None, str], int]]:
    """(asset, hour) -> (order, state) -> microseconds, as the machine said it: with UNAVAILABLE, and with short runs."""
    out: dict[tuple[str, int], dict[tuple[str | None, str], int]] = defaultdict(lambda: defaultdict(int))
    for asset, records in facts_of(plant.machine).items():
        states, orders = changes(records, "state", "execution", "packml", "ending"), changes(records, "order", "order")
        end = observed(plant)[asset][1]
        edges = sorted({end, *(t for t, _ in (*states, *orders))})
        for a, b in itertools.pairwise(edges):
            state = value_at(states, a)
            for hour in range(a // HOUR * HOUR, b, HOUR) if state is not None else ():
                out[asset, hour][value_at(orders, a), state] += min(b, hour + HOUR) - max(a, hour)
    return {hour: dict(account) for hour, account in out.items()}


def by_hour(spans: Iterable[Span]) -> Iterator[Span]:
    """The spans cut at every hour."""
    for span in spans:
        cuts = [span.start, *range(span.start // HOUR * HOUR + HOUR, span.end, HOUR), span.end]
        for a, b in itertools.pairwise(cuts):
            yield span._replace(start=a, end=b, begun=span.begun and a == span.start)


def _spans(plant: Plant, asset: str, records: Sequence[Record], calendar: LineCalendar, edges: Edges) -> Iterator[Span]:
    models = versions(plant.loss_model, plant.lines[asset])
    found = without_short_runs(stretches(pieces(records, models, *edges)))
    found = with_reasons(found, records)
    set_ups = list(_set_ups(found, records, models))
    gaps = list(_break_gaps(found, calendar, models))
    planned = calendar.pieces(*edges)
    cuts = {edge for pair in (*set_ups, *gaps) for edge in pair} | {p.start for p in planned}
    before: tuple[str, int] | None = None
    for stretch in found:
        for piece in _cut(stretch.pieces, sorted(cuts)):
            there = planned[bisect_right(planned, piece.start, key=lambda p: p.start) - 1]
            element = _element(stretch, piece, there, _inside(set_ups, piece.start), _inside(gaps, piece.start))
            begun = before != (element, piece.start)
            before = (element, piece.end)
            reason = piece.reason if there.kind == PLANNED else None  # what the calendar decides has no loss to explain
            yield Span(
                asset, piece.start, piece.end, there.day, there.shift, piece.order, plant.part_of(piece.order), element,
                reason, begun,
            )  # fmt: skip


def _element(stretch: Stretch, piece: Piece, there: CalendarPiece, in_set_up: bool, in_gap: bool) -> str:
    """The rules in the order in which they apply: calendar, knowledge, loss rules, micro stop, set-up, break gap."""
    if there.kind in (NOT_PLANNED, PLANNED_DOWNTIME):
        return there.kind
    if piece.state is None:
        return UNKNOWN
    element = ruled(piece.model, piece.state, piece.mode, piece.order, piece.reason)
    if stretch.phase == RUN:
        return element
    short = stretch.end - stretch.start < threshold(stretch.pieces[0].model, "micro_stop_us")
    if short and piece.reason is None and element in (DELAY, BREAKDOWN):
        element = MINOR_STOP
    if in_set_up and piece.reason is None and element in (DELAY, NO_ORDER, MINOR_STOP):
        element = SET_UP
    if in_gap and element in (DELAY, MINOR_STOP, NO_ORDER):
        element = PLANNED_DOWNTIME
    return element


def _set_ups(found: Sequence[Stretch], records: Sequence[Record], models: Sequence[Record]) -> Iterator[Edges]:
    """From each change of order until the next run begins, at most the limit."""
    for at in orders_begun(records):
        until = at + threshold(in_force(models, at), "set_up_limit_us")
        end = min([until, *(s.start for s in found if s.phase == RUN and s.start >= at)])
        if at < end:
            yield at, end


def _break_gaps(found: Sequence[Stretch], calendar: LineCalendar, models: Sequence[Record]) -> Iterator[Edges]:
    """The parts of stops that lie within the gap before or after a break that they touch."""
    for start, end in calendar.downtimes():
        gap = threshold(in_force(models, start), "break_gap_us")
        for stop in found:
            if stop.phase == STOP and stop.start < start <= stop.end:
                yield max(stop.start, start - gap), start
            if stop.phase == STOP and stop.start <= end < stop.end:
                yield end, min(stop.end, end + gap)


def _cut(found: Iterable[Piece], cuts: Sequence[int]) -> Iterator[Piece]:
    """The pieces cut at these instants."""
    for piece in found:
        edges = [piece.start, *(c for c in cuts if piece.start < c < piece.end), piece.end]
        for a, b in itertools.pairwise(edges):
            yield replace(piece, start=a, end=b)


def _inside(spans: Iterable[Edges], at: int) -> bool:
    return any(a <= at < b for a, b in spans)


def _newest(records: Iterable[Record], name: str) -> Mapping[str, Record]:
    """The highest version of each key; of equal versions the last."""
    out: dict[str, Record] = {}
    for record in records:
        if record[name] not in out or record["version"] >= out[record[name]]["version"]:
            out[record[name]] = record
    return out
