"""Batch oracle for factory.calendar.v1: which time of a line is planned, and which day and shift an instant belongs to.

Plain code over decoded JSON, without any import from the streams. Every shift that starts near the span that is asked for is
written down, overlaps are settled from the earliest on, and an instant is looked up in the list. Times are integers,
microseconds since 1970.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from oracle.machine_records import micros

Record = Mapping[str, Any]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PLANNED, PLANNED_DOWNTIME, NOT_PLANNED = "planned", "planned downtime", "not planned"
ONE_DAY = timedelta(days=1)


def versions(records: Iterable[Record], line: str) -> list[Record]:
    """The versions of a line's calendar or loss model; of records of one version the last in the log counts."""
    found = {r["version"]: r for r in records if r["line"] == line}
    return list(found.values())


def in_force(known: Sequence[Record], at: int) -> Record | None:
    """Of the versions with valid_from <= at the highest; None when there is none."""
    valid = [r for r in known if micros(r["valid_from"]) <= at]
    return max(valid, key=lambda r: r["version"], default=None)


class ShiftSpan(NamedTuple):
    """One shift on one date, [start, end), without what an earlier shift took of it. ``down`` are its breaks and downtimes."""

    start: int
    end: int
    day: str
    name: str
    down: list[tuple[int, int]]

    @property
    def id(self) -> str:
        return f"{self.day}/{self.name}"


class CalendarPiece(NamedTuple):
    """A span in which kind, day and shift (None: outside of shifts) are the same."""

    start: int
    end: int
    kind: str
    day: str
    shift: str | None


@dataclass(frozen=True)
class LineCalendar:
    """The calendar of one line around a span; :func:`line_calendar` makes it."""

    known: Sequence[Record]
    shifts: Sequence[ShiftSpan]

    def shift_at(self, at: int) -> ShiftSpan | None:
        """The shift that an instant lies in."""
        return next((s for s in self.shifts if s.start <= at < s.end), None)

    def zone_at(self, at: int) -> ZoneInfo:
        """The zone in which dates are read."""
        calendar = in_force(self.known, at)
        return ZoneInfo("UTC" if calendar is None else calendar["zone"])

    def day_at(self, at: int) -> str:
        """The start date of the shift that an instant lies in, else its local date."""
        shift = self.shift_at(at)
        return shift.day if shift is not None else local_date(at, self.zone_at(at)).isoformat()

    def kind_at(self, at: int) -> str:
        """planned, planned downtime or not planned. Without a calendar all time is planned."""
        shift = self.shift_at(at)
        if shift is not None:
            return PLANNED_DOWNTIME if any(a <= at < b for a, b in shift.down) else PLANNED
        return PLANNED if in_force(self.known, at) is None else NOT_PLANNED

    def day_window(self, at: int) -> tuple[int, int]:
        """Bounds of the day of an instant: from midnight to midnight, but every shift of a date lies in it whole."""
        day, zone = date.fromisoformat(self.day_at(at)), self.zone_at(at)
        start, end = wall(day, "00:00", zone), wall(day + ONE_DAY, "00:00", zone)
        before = [s.end for s in self.shifts if s.day < day.isoformat()]
        own = [s.end for s in self.shifts if s.day == day.isoformat()]
        return max([start, *before]), max([end, *own])

    def pieces(self, start: int, end: int) -> list[CalendarPiece]:
        """[start, end) cut wherever kind, day or shift may change."""
        cuts = {start, end, *(micros(r["valid_from"]) for r in self.known)}
        for shift in self.shifts:
            cuts |= {shift.start, shift.end, *(edge for pair in shift.down for edge in pair)}
        for zone in {ZoneInfo("UTC"), *(ZoneInfo(r["zone"]) for r in self.known)}:
            cuts |= {wall(day, "00:00", zone) for day in dates(start, end)}
        edges = sorted(c for c in cuts if start <= c <= end)
        out = []
        for a, b in itertools.pairwise(edges):
            there = self.shift_at(a)
            out.append(CalendarPiece(a, b, self.kind_at(a), self.day_at(a), None if there is None else there.id))
        return out

    def downtimes(self) -> list[tuple[int, int]]:
        """Every break and planned downtime inside of shifts, those that touch or overlap as one."""
        out: list[tuple[int, int]] = []
        for a, b in sorted(pair for shift in self.shifts for pair in shift.down):
            if out and a <= out[-1][1]:
                out[-1] = (out[-1][0], max(b, out[-1][1]))
            else:
                out.append((a, b))
        return out


def line_calendar(records: Iterable[Record], line: str, start: int, end: int) -> LineCalendar:
    """The calendar of a line with every shift that can matter to [start, end)."""
    known = versions(records, line)
    begun = []
    for calendar in known:
        for day in dates(start, end):
            for place, shift in enumerate(calendar["shifts"]):
                found = _on(calendar, shift, day)
                if found is not None and in_force(known, found.start) is calendar:
                    begun.append((found.start, found.day, place, found))
    shifts, taken = [], 0
    for *_, span in sorted(begun, key=lambda row: row[:3]):
        begin = max(span.start, taken)  # the shift before goes on to its end
        if begin < span.end:
            shifts.append(ShiftSpan(begin, span.end, span.day, span.name, _clipped(span.down, begin, span.end)))
            taken = span.end
    return LineCalendar(known, shifts)


def dates(start: int, end: int) -> list[date]:
    """All dates that can have to do with [start, end), in any zone."""
    first, last = local_date(start, UTC) - 3 * ONE_DAY, local_date(end, UTC) + 3 * ONE_DAY
    return [first + n * ONE_DAY for n in range((last - first).days + 1)]


def local_date(at: int, zone: Any) -> date:
    """The date that a clock in the zone shows."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(zone).date()


def wall(day: date, clock: str, zone: ZoneInfo) -> int:
    """The instant of a wall time: the first where it comes twice, later by the gap where it never comes."""
    local = datetime.combine(day, time.fromisoformat(clock), tzinfo=zone).replace(fold=0)
    return (local - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _on(calendar: Record, shift: Record, day: date) -> ShiftSpan | None:
    """The shift on a date; None when it does not start there or lasts no time."""
    if WEEKDAYS[day.weekday()] not in shift["days"] or day.isoformat() in calendar.get("holidays", []):
        return None
    zone, over_midnight = ZoneInfo(calendar["zone"]), shift["end"] <= shift["start"]
    start = wall(day, shift["start"], zone)
    end = wall(day + ONE_DAY if over_midnight else day, shift["end"], zone)

    def clock(text: str, ends_at_last: bool = False) -> int:
        return wall(day + ONE_DAY if over_midnight and (text < shift["start"] or ends_at_last) else day, text, zone)

    # a break up to the end of a shift of 24 hours ends on the next date, though its clock is not before the shift's start
    down = [(clock(a), clock(b, b == shift["end"] != a)) for a, b in shift.get("breaks", [])]
    down += [(micros(d["start"]), micros(d["end"])) for d in calendar.get("planned_downtimes", [])]
    return ShiftSpan(start, end, day.isoformat(), shift["name"], down) if start < end else None


def _clipped(spans: list[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    """The parts of spans that lie in [start, end)."""
    cut = [(max(a, start), min(b, end)) for a, b in spans]
    return [(a, b) for a, b in cut if a < b]
