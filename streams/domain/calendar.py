"""Planned time of a line: its shifts, breaks, planned downtimes and days, as pieces of time.

A shift, with its end, breaks and planned downtimes, is what the version in force at its start says. Where no version is in
force, all time is planned and a day is a date in UTC.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import date
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from schemas.events.calendar import Calendar
from streams.domain.timetable import ShiftRun, Timetable, first_instant, shift_runs


class Plan(StrEnum):
    """What is planned for a time."""

    PLANNED = "planned"
    DOWNTIME = "planned downtime"
    OFF = "not planned"


class Span(NamedTuple):
    """A shift (``2026-11-24/night``) or a day (``2026-11-24``): [start, end) in microseconds since 1970 UTC."""

    id: str
    start: int
    end: int


class Piece(NamedTuple):
    """[start, end) within one shift, or outside of shifts (null), and one day. ``version`` is that of the calendar which decides
    it: in a shift the one in force at its start, else the one in force now; null for none."""

    start: int
    end: int
    plan: Plan
    shift: Span | None
    day: Span
    version: int | None


def pieces(versions: Sequence[Calendar], start: int, end: int) -> list[Piece]:
    """The planned time of [start, end), microseconds since 1970 UTC: in order, without gap or overlap, no two neighbours alike.

    ``versions`` are those of one line in any order. What they say about a day is worked out once and kept for as long as the
    same objects come again, whatever sequence they are in.
    """
    if start >= end:
        return []
    table = _timetable(_Versions(versions))
    out: list[Piece] = []
    day, at = _day_at(table, start), start
    while at < end:
        found = _day(table, day)
        first = max(bisect_right(found, at, key=_START) - 1, 0)
        for piece in found[first : bisect_left(found, end, key=_START)]:
            out.append(piece)
            at = piece.end
        day += 1
    if out[0].start < start:
        out[0] = out[0]._replace(start=start)
    if out[-1].end > end:
        out[-1] = out[-1]._replace(end=end)
    return out


_START = attrgetter("start")


class _Versions:
    """Calendars as a key: the same objects in the same order. Calendars are immutable, so the same object says the same; the key
    holds them, so that no other object can take the place of one in memory."""

    __slots__ = ("_ids", "calendars")

    def __init__(self, calendars: Sequence[Calendar]) -> None:
        self.calendars = tuple(calendars)
        self._ids = tuple(map(id, self.calendars))

    def __hash__(self) -> int:
        return hash(self._ids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Versions) and self._ids == other._ids


@lru_cache(maxsize=256)
def _timetable(versions: _Versions) -> Timetable:
    return Timetable(versions.calendars)


def _day_at(table: Timetable, instant: int) -> int:
    """The day that an instant lies in: near its local date, but a shift may hold on to the day before."""
    day = table.date_at(instant)
    while first_instant(table, day) > instant:
        day -= 1
    while first_instant(table, day + 1) <= instant:
        day += 1
    return day


@lru_cache(maxsize=2048)
def _day(table: Timetable, day: int) -> tuple[Piece, ...]:
    """The pieces of a whole day; none for a date that the zone has skipped."""
    start, end = first_instant(table, day), first_instant(table, day + 1)
    if start >= end:
        return ()
    span = Span(date.fromordinal(day).isoformat(), start, end)
    out: list[Piece] = []
    at = start
    for run in _runs_within(table, day, start, end):
        out += _outside(table, span, at, run.start)
        out += _inside(span, run)
        at = run.end
    return (*out, *_outside(table, span, at, end))


def _runs_within(table: Timetable, day: int, start: int, end: int) -> list[ShiftRun]:
    near = (run for date_ in range(day - 2, day + 3) for run in shift_runs(table, date_))
    return sorted(run for run in near if start <= run.start and run.end <= end)


def _inside(day: Span, run: ShiftRun) -> Iterator[Piece]:
    shift = Span(f"{date.fromordinal(run.day).isoformat()}/{run.name}", run.start, run.end)
    at = run.start
    for since, until in run.downtimes:
        if at < since:
            yield Piece(at, since, Plan.PLANNED, shift, day, run.version)
        yield Piece(since, until, Plan.DOWNTIME, shift, day, run.version)
        at = until
    if at < run.end:
        yield Piece(at, run.end, Plan.PLANNED, shift, day, run.version)


def _outside(table: Timetable, day: Span, start: int, end: int) -> Iterator[Piece]:
    if start >= end:
        return
    for reign in table.within(start, end):
        plan, version = (Plan.PLANNED, None) if reign.calendar is None else (Plan.OFF, reign.calendar.version)
        yield Piece(max(start, reign.start), min(end, reign.end), plan, None, day, version)
