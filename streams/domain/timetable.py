"""What the calendars of a line say in instants: whose calendar is in force, when shifts run, where days begin.

Times are microseconds since 1970 UTC, dates are day numbers of the proleptic Gregorian calendar (``date.toordinal``).
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.events.calendar import Calendar, Shift
from schemas.instant import HOUR_US, from_micros, to_micros

DAY_US = 24 * HOUR_US
BEFORE, BEHIND = -(2**63), 2**63  # before and behind all time
DAY_MINUTES = 24 * 60
REACH = 4  # dates back on which a shift may have begun that still runs: its own day, a skipped one, and zones up to a day apart
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Spell = tuple[int, int]


class Reign(NamedTuple):
    """[start, end) in which one calendar, or none, is in force."""

    start: int
    end: int
    calendar: Calendar | None
    zone: tzinfo
    downtimes: tuple[Spell, ...] = ()
    holidays: frozenset[int] = frozenset()


class ShiftRun(NamedTuple):
    """One run of a shift: [start, end) with its planned downtimes, in order and apart. ``day`` is its local start date; ``clock``
    is when it was to start, before ``start`` if another shift ran then."""

    start: int
    end: int
    clock: int
    day: int
    name: str
    version: int
    downtimes: tuple[Spell, ...]


class Timetable:
    """The reigns of the calendars of one line. Two timetables are equal only if they are the same object."""

    def __init__(self, versions: Sequence[Calendar]) -> None:
        self.reigns = _reigns(versions)
        self._starts = [r.start for r in self.reigns]

    def at(self, instant: int) -> int:
        """The index of the reign that an instant lies in."""
        return bisect_right(self._starts, instant) - 1

    def within(self, start: int, end: int) -> Sequence[Reign]:
        """The reigns that have a part of [start, end)."""
        return self.reigns[self.at(start) : self.at(end - 1) + 1]

    def date_at(self, instant: int) -> int:
        """The local date of an instant, whatever shift runs."""
        return from_micros(instant).astimezone(self.reigns[self.at(instant)].zone).toordinal()

    def opening(self, day: int, since: int = BEFORE) -> int:
        """The first instant from ``since`` on with this local date or a later one."""
        midnight = instant_of(day, 0, UTC)
        for reign in self.reigns[self.at(midnight - 2 * DAY_US) :]:
            found = max(since, reign.start, instant_of(day, 0, reign.zone))
            if found < reign.end:
                return found
        raise AssertionError("the last reign has no end")


@lru_cache(maxsize=4096)
def first_instant(table: Timetable, day: int) -> int:
    """Where a day begins: at local midnight, or when the shifts of earlier dates are over that run then.

    A shift whose start a gap of the zone moves over midnight counts with them, so that it stays in the day of its date.
    """
    runs = [r for date_ in range(day - REACH, day) for r in shift_runs(table, date_)]
    found = table.opening(day)
    while True:
        calendar = table.reigns[table.at(found)].calendar
        version = None if calendar is None else calendar.version
        over = max([found, *(r.end for r in runs if r.clock < found or r.version == version)])
        if over == found:
            return found
        found = table.opening(day, over)  # later than ``over`` where another version's zone is a date behind by then


@lru_cache(maxsize=4096)
def shift_runs(table: Timetable, day: int) -> tuple[ShiftRun, ...]:
    """The shifts that start on a local date, each after the end of those that started earlier and still run."""
    nominal = sorted(
        (run.start, run.day, place, run)
        for date_ in range(day - REACH, day + 3)
        for place, run in enumerate(_nominal_runs(table, date_))
    )
    found, busy_until = [], BEFORE
    for start, date_, _, run in nominal:
        begin = max(start, busy_until)
        if date_ == day and begin < run.end:
            downtimes = tuple((max(s, begin), e) for s, e in run.downtimes if e > begin)
            found.append(run._replace(start=begin, downtimes=downtimes))
        busy_until = max(busy_until, run.end)
    return tuple(found)


@lru_cache(maxsize=4096)
def _nominal_runs(table: Timetable, day: int) -> tuple[ShiftRun, ...]:
    """The shifts of a local date as the calendar in force at the start of each says, whether or not they overlap."""
    midnight = instant_of(day, 0, UTC)
    return tuple(
        run
        for reign in table.within(midnight - 2 * DAY_US, midnight + 3 * DAY_US)
        if reign.calendar is not None and _works(reign, day)
        for shift in reign.calendar.shifts
        if WEEKDAYS[date.fromordinal(day).weekday()] in shift.days and (run := _run(reign, reign.calendar.version, shift, day))
    )


def _works(reign: Reign, day: int) -> bool:
    """Whether shifts start on a date: it is no holiday, and not one that the zone has skipped (Apia, 2011-12-30)."""
    return day not in reign.holidays and instant_of(day, 0, reign.zone) < instant_of(day + 1, 0, reign.zone)


def _run(reign: Reign, version: int, shift: Shift, day: int) -> ShiftRun | None:
    first, last = minutes(shift.start), minutes(shift.end)
    start = instant_of(day, first, reign.zone)
    end = instant_of(day, last + DAY_MINUTES * (last <= first), reign.zone)
    if start >= end or not reign.start <= start < reign.end:
        return None
    breaks = (_pause(reign.zone, day, shift, *pause) for pause in shift.breaks)
    return ShiftRun(start, end, start, day, shift.name, version, tuple(_merged([*breaks, *reign.downtimes], start, end)))


def _pause(zone: tzinfo, day: int, shift: Shift, begin: str, end: str) -> Spell:
    """A break in instants. In a shift over midnight a clock earlier than the shift's start is one of the next date, and so is the
    end of a break with which a shift of 24 hours ends."""
    since, until, first, last = map(minutes, (begin, end, shift.start, shift.end))
    if last <= first:
        since += DAY_MINUTES * (since < first)
        until += DAY_MINUTES * (until < first or (until == last != minutes(begin)))
    return instant_of(day, since, zone), instant_of(day, until, zone)


def _merged(spells: Sequence[Spell], start: int, end: int) -> list[Spell]:
    """The parts of spells within [start, end), in order, those that meet joined."""
    out: list[Spell] = []
    for since, until in sorted((max(s, start), min(e, end)) for s, e in spells):
        if since >= until:
            continue
        if out and since <= out[-1][1]:
            out[-1] = (out[-1][0], max(until, out[-1][1]))
        else:
            out.append((since, until))
    return out


def instant_of(day: int, minute: int, zone: tzinfo) -> int:
    """The instant of a local wall time. One that does not exist is moved forward by the gap; of two the first counts (PEP 495)."""
    days, rest = divmod(minute, DAY_MINUTES)
    wall = datetime.combine(date.fromordinal(day + days), time(rest // 60, rest % 60), tzinfo=zone)
    return to_micros(wall)


def minutes(clock: str) -> int:
    """Minutes since midnight of ``HH:MM``."""
    return int(clock[:2]) * 60 + int(clock[3:])


def _reigns(versions: Sequence[Calendar]) -> list[Reign]:
    """Of the versions that are valid at an instant the highest is in force; before the first there is none."""
    found = [Reign(BEFORE, BEHIND, None, UTC)]
    for calendar in sorted(versions, key=lambda c: (c.valid_from, c.version)):
        current = found[-1].calendar
        if current is not None and calendar.version <= current.version:
            continue
        start = to_micros(calendar.valid_from)
        if found[-1].start == start:
            found.pop()
        downtimes = tuple((to_micros(d.start), to_micros(d.end)) for d in calendar.planned_downtimes)
        holidays = frozenset(date.fromisoformat(d).toordinal() for d in calendar.holidays)
        found.append(Reign(start, BEHIND, calendar, ZoneInfo(calendar.zone), downtimes, holidays))
    return [a._replace(end=b.start) for a, b in pairwise(found)] + found[-1:]
