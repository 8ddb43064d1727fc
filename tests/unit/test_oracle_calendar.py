"""The oracle's calendar against dates and clocks that were worked out by hand."""

import pytest
from oracle.calendar_days import LineCalendar, line_calendar
from oracle.drawn_timeline import calendar, clock, shift, text

DAY_US = 86_400_000_000


def around(day: str, *records: dict[str, object]) -> LineCalendar:
    """The calendar of line l1 around a date."""
    noon = clock(f"{day}T12:00:00Z")
    return line_calendar(records, "l1", noon - DAY_US, noon + DAY_US)


def named(known: LineCalendar, day: str) -> dict[str, tuple[str, str]]:
    """Name -> start and end of the shifts of a date, as UTC."""
    return {s.name: (text(s.start)[5:16], text(s.end)[5:16]) for s in known.shifts if s.day == day}


def test_without_a_calendar_all_time_is_planned_and_days_are_those_of_utc() -> None:
    known = around("2026-11-24")
    (piece,) = known.pieces(clock("00:00"), clock("23:59"))
    assert (piece.kind, piece.day, piece.shift) == ("planned", "2026-11-24", None)


# 06:00      09:00 09:15        14:00            22:00
#   | planned  | down | planned   | not planned    |
def test_a_shift_is_planned_less_its_breaks_and_the_rest_is_not_planned() -> None:
    known = around("2026-11-24", calendar(shift("early", "06:00", "14:00", ("09:00", "09:15"))))
    pieces = known.pieces(clock("05:00"), clock("15:00"))
    assert [(text(p.start)[11:16], p.kind, p.shift) for p in pieces] == [
        ("05:00", "not planned", None),
        ("06:00", "planned", "2026-11-24/early"),
        ("09:00", "planned downtime", "2026-11-24/early"),
        ("09:15", "planned", "2026-11-24/early"),
        ("14:00", "not planned", None),
    ]


def test_a_shift_over_midnight_belongs_to_its_start_date_with_its_break_after_midnight() -> None:
    known = around("2026-11-24", calendar(shift("night", "22:00", "06:00", ("02:00", "02:30"))))
    assert named(known, "2026-11-24") == {"night": ("11-24T22:00", "11-25T06:00")}
    assert known.day_at(clock("2026-11-25T05:59:00Z")) == "2026-11-24"
    assert known.day_at(clock("2026-11-25T06:00:00Z")) == "2026-11-25"
    assert known.kind_at(clock("2026-11-25T02:29:00Z")) == "planned downtime"


#        24th                         25th
# 00:00  06:00          22:00  00:00  06:00
#   |-23rd-|-------24th---------------|---25th
def test_days_tile_the_time_and_every_shift_lies_in_its_day_whole() -> None:
    known = around("2026-11-24", calendar(shift("night", "22:00", "06:00")))
    assert known.day_window(clock("12:00")) == (clock("06:00"), clock("2026-11-25T06:00:00Z"))
    assert known.day_window(clock("05:00")) == (clock("2026-11-23T06:00:00Z"), clock("06:00"))


def test_a_line_in_shanghai_has_its_day_from_sixteen_hours_utc() -> None:
    known = around("2026-11-24", calendar(shift("early", "06:00", "14:00"), zone="Asia/Shanghai"))
    assert known.day_at(clock("15:59")) == "2026-11-24"
    assert known.day_at(clock("16:00")) == "2026-11-25"
    assert named(known, "2026-11-24") == {"early": ("11-23T22:00", "11-24T06:00")}


# Berlin, 29 March 2026: 02:00 becomes 03:00; the day has 23 h. 25 October: 03:00 becomes 02:00; it has 25 h.
@pytest.mark.parametrize(
    ("day", "shift_utc", "hours"),
    [
        ("2026-03-29", ("03-29T01:30", "03-29T04:00"), 23),  # 02:30 never comes and is 03:30 summer time
        ("2026-10-25", ("10-25T00:30", "10-25T05:00"), 25),  # 02:30 comes twice and is the first
    ],
)
def test_a_wall_time_that_never_or_twice_comes(day: str, shift_utc: tuple[str, str], hours: int) -> None:
    known = around(day, calendar(shift("early", "02:30", "06:00"), zone="Europe/Berlin"))
    assert named(known, day) == {"early": shift_utc}
    start, end = known.day_window(clock(f"{day}T12:00:00Z"))
    assert end - start == hours * 3_600_000_000


def test_no_shift_starts_on_a_holiday_but_one_of_the_day_before_goes_on() -> None:
    known = around("2026-11-25", calendar(shift("night", "22:00", "06:00"), holidays=["2026-11-25"]))
    assert named(known, "2026-11-25") == {}
    assert known.kind_at(clock("2026-11-25T05:00:00Z")) == "planned"
    assert known.kind_at(clock("2026-11-25T23:00:00Z")) == "not planned"


def test_a_shift_is_worked_on_its_weekdays_alone() -> None:
    known = around("2026-11-24", calendar(shift("early", "06:00", "14:00", days="tue")))
    assert {s.day for s in known.shifts} == {"2026-11-24"}


# a  06----------14
# b           13------16
# c        12-13           taken by a whole
def test_of_two_shifts_that_overlap_the_earlier_goes_on_to_its_end() -> None:
    shifts = (shift("b", "13:00", "16:00"), shift("a", "06:00", "14:00"), shift("c", "12:00", "13:00"))
    known = around("2026-11-24", calendar(*shifts))
    assert named(known, "2026-11-24") == {"a": ("11-24T06:00", "11-24T14:00"), "b": ("11-24T14:00", "11-24T16:00")}


def test_of_two_shifts_that_start_together_the_first_in_the_list_goes_on() -> None:
    known = around("2026-11-24", calendar(shift("b", "06:00", "08:00"), shift("a", "06:00", "14:00")))
    assert named(known, "2026-11-24") == {"b": ("11-24T06:00", "11-24T08:00"), "a": ("11-24T08:00", "11-24T14:00")}


# version 1  06----------14          the shift that began under it goes on
# version 2      from 10:00  12------------18
def test_a_shift_belongs_to_the_version_in_force_at_its_start() -> None:
    known = around(
        "2026-11-24",
        calendar(shift("early", "06:00", "14:00")),
        calendar(shift("day", "12:00", "18:00"), version=2, valid_from="2026-11-24T10:00:00Z"),
    )
    assert named(known, "2026-11-24") == {"early": ("11-24T06:00", "11-24T14:00"), "day": ("11-24T14:00", "11-24T18:00")}
    assert named(known, "2026-11-25") == {"day": ("11-25T12:00", "11-25T18:00")}


def test_of_the_versions_in_force_the_highest_counts_though_it_is_valid_from_earlier() -> None:
    known = around(
        "2026-11-24",
        calendar(shift("old", "06:00", "14:00"), version=1, valid_from="2026-11-01T00:00:00Z"),
        calendar(shift("new", "07:00", "15:00"), version=2, valid_from="2026-10-01T00:00:00Z"),
    )
    assert set(named(known, "2026-11-24")) == {"new"}


def test_before_the_first_version_all_time_is_planned_without_shifts() -> None:
    known = around("2026-11-24", calendar(shift("early", "06:00", "14:00"), valid_from="2026-11-24T10:00:00Z"))
    assert (known.kind_at(clock("09:59")), known.shift_at(clock("09:59"))) == ("planned", None)
    assert known.kind_at(clock("10:00")) == "not planned"  # the shift of that day began before there was a calendar


def test_planned_downtimes_count_within_shifts_alone() -> None:
    downtime = {"start": "2026-11-24T13:00:00Z", "end": "2026-11-24T15:00:00Z", "reason": "trial"}
    known = around("2026-11-24", calendar(shift("early", "06:00", "14:00"), planned_downtimes=[downtime]))
    assert known.kind_at(clock("13:59")) == "planned downtime"
    assert known.kind_at(clock("14:00")) == "not planned"


def test_breaks_that_touch_or_overlap_are_one_downtime() -> None:
    known = around("2026-11-24", calendar(shift("a", "06:00", "14:00", ("09:00", "09:15"), ("09:15", "09:30"), ("09:20", "09:40"))))
    assert (clock("09:00"), clock("09:40")) in known.downtimes()


def test_a_break_may_last_to_the_end_of_a_shift_of_a_whole_day() -> None:
    known = around("2026-11-24", calendar(shift("all", "06:00", "06:00", ("05:00", "06:00"))))
    assert (clock("2026-11-25T05:00:00Z"), clock("2026-11-25T06:00:00Z")) in known.downtimes()
