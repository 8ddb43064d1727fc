"""Planned time minute by minute, the slow way: every minute asks every shift of every date whether it runs.

Shares no code with the platform. A local wall time is found by looking through the local clock of every minute, so that missing and
double ones need no rule of the language. For zones whose offsets are whole minutes.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.events.calendar import Calendar, Shift

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
AROUND = 3  # days of context on either side
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Minute(NamedTuple):
    """What holds for one minute."""

    plan: str
    shift: str | None
    day: str
    version: int | None


class _Run(NamedTuple):
    start: datetime
    place: int
    end: datetime
    day: date
    shift: Shift
    calendar: Calendar
    pauses: list[tuple[datetime, datetime]]


class _LocalClock:
    """The naive local time of each minute of a stretch."""

    def __init__(self, zone: str, start: datetime, end: datetime) -> None:
        self.first: dict[datetime, datetime] = {}
        self.walls: list[tuple[datetime, datetime]] = []
        at = start
        while at < end:
            wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
            self.first.setdefault(wall, at)
            self.walls.append((at, wall))
            at += MINUTE

    def instant(self, wall: datetime) -> datetime:
        """The first instant with that wall time; without one, as many minutes after the jump as the wall time is after it."""
        if wall in self.first:
            return self.first[wall]
        for (_, before), (at, after) in zip(self.walls, self.walls[1:], strict=False):
            if before < wall < after:
                return at + (wall - before - MINUTE)
        raise AssertionError(f"{wall} is outside of the stretch")

    def has(self, day: date) -> bool:
        return any(wall.date() == day for _, wall in self.walls[::30])


def minutes(versions: Sequence[Calendar], start: datetime, end: datetime) -> list[Minute]:
    """Every minute of [start, end)."""
    clocks = {c.zone: _LocalClock(c.zone, start - 2 * AROUND * DAY, end + 2 * AROUND * DAY) for c in versions}
    runs = sorted(r for c in versions for r in _runs(c, versions, clocks[c.zone], start, end))
    out, label, at = [], "", start - AROUND * DAY
    while at < end:
        calendar = _in_force(versions, at)
        zone = UTC if calendar is None else ZoneInfo(calendar.zone)
        run = next((r for r in runs if r.start <= at < r.end), None)  # of those that run the one that started first
        label = max(label, str(run.day if run else at.astimezone(zone).date()))
        if at >= start:
            out.append(_minute(at, calendar, run, label))
        at += MINUTE
    return out


def _minute(at: datetime, calendar: Calendar | None, run: _Run | None, label: str) -> Minute:
    if run is None:
        return Minute("planned", None, label, None) if calendar is None else Minute("not planned", None, label, calendar.version)
    pauses = [*run.pauses, *((d.start, d.end) for d in run.calendar.planned_downtimes)]
    plan = "planned downtime" if any(s <= at < e for s, e in pauses) else "planned"
    return Minute(plan, f"{run.day}/{run.shift.name}", label, run.calendar.version)


def _in_force(versions: Sequence[Calendar], at: datetime) -> Calendar | None:
    return max((c for c in versions if c.valid_from <= at), key=lambda c: c.version, default=None)


def _runs(calendar: Calendar, versions: Sequence[Calendar], clock: _LocalClock, start: datetime, end: datetime) -> list[_Run]:
    out = []
    for back in range(2 - 2 * AROUND, (end - start).days + 2 * AROUND - 2):
        day = (start + back * DAY).date()
        for place, shift in enumerate(calendar.shifts):
            if WEEKDAYS[day.weekday()] not in shift.days or str(day) in calendar.holidays or not clock.has(day):
                continue
            overnight = shift.end <= shift.start
            begins = clock.instant(_wall(day, shift.start))
            ends = clock.instant(_wall(day + overnight * DAY, shift.end))
            if _in_force(versions, begins) is calendar:
                pauses = [_pause(clock, day, shift, *b) for b in shift.breaks]
                out.append(_Run(begins, place, ends, day, shift, calendar, pauses))
    return out


def _pause(clock: _LocalClock, day: date, shift: Shift, since: str, until: str) -> tuple[datetime, datetime]:
    overnight = shift.end <= shift.start
    next_date = until < shift.start or (until == shift.start == shift.end and until != since)  # up to the end of 24 h
    return (
        clock.instant(_wall(day + (overnight and since < shift.start) * DAY, since)),
        clock.instant(_wall(day + (overnight and next_date) * DAY, until)),
    )


def _wall(day: date, text: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{text}")
