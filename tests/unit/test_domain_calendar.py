"""When a line is planned to work, worked out by hand on drawn timelines."""

from datetime import datetime
from typing import Any

import pytest

from schemas.events.calendar import Calendar
from schemas.instant import HOUR_US, from_micros, rfc3339, to_micros
from streams.domain.calendar import Piece, Plan, pieces

MINUTE_US = HOUR_US // 60
ALL_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def us(text: str) -> int:
    """Microseconds of ``2026-11-24 08:00`` (UTC)."""
    return to_micros(datetime.fromisoformat(text + "+00:00"))


def shift(name: str, start: str, end: str, *breaks: tuple[str, str], days: list[str] = ALL_DAYS) -> dict[str, Any]:
    return {"name": name, "days": days, "start": start, "end": end, "breaks": [list(b) for b in breaks]}


def calendar(
    *shifts: dict[str, Any], version: int = 1, since: str = "2000-01-01 00:00", zone: str = "UTC", **more: Any
) -> Calendar:
    body = {"event_time": rfc3339(from_micros(us(since))), "version": version, "line": "l1", "zone": zone, "shifts": list(shifts)}
    return Calendar.model_validate({**body, "valid_from": body["event_time"], **more}, strict=False)


def drawn(found: list[Piece]) -> list[str]:
    """Each piece as ``24 22:00 - 25 02:00 planned 2026-11-24/night of 2026-11-24 v1``, in UTC."""
    return [
        f"{from_micros(p.start):%d %H:%M} - {from_micros(p.end):%d %H:%M} {p.plan} "
        f"{p.shift.id if p.shift else '-'} of {p.day.id} v{p.version}"
        for p in found
    ]


# UTC    24 00:00        06:00              22:00      25 02:00 02:30      06:00    26 00:00
#        |     off      |       off         | night ... | break | ...       |  off   |
# day    |--------------------- 24 -----------------------------------------|-- 25 --
def test_a_night_shift_and_its_break_after_midnight_belong_to_the_date_it_starts_on() -> None:
    night = calendar(shift("night", "22:00", "06:00", ("02:00", "02:30"), days=["tue"]))
    found = pieces([night], us("2026-11-24 00:00"), us("2026-11-26 00:00"))
    assert drawn(found) == [
        "24 00:00 - 24 22:00 not planned - of 2026-11-24 v1",
        "24 22:00 - 25 02:00 planned 2026-11-24/night of 2026-11-24 v1",
        "25 02:00 - 25 02:30 planned downtime 2026-11-24/night of 2026-11-24 v1",
        "25 02:30 - 25 06:00 planned 2026-11-24/night of 2026-11-24 v1",
        "25 06:00 - 26 00:00 not planned - of 2026-11-25 v1",
    ]
    assert found[0].day == ("2026-11-24", us("2026-11-24 00:00"), us("2026-11-25 06:00"))
    assert found[1].shift == ("2026-11-24/night", us("2026-11-24 22:00"), us("2026-11-25 06:00"))


def test_without_a_calendar_all_time_is_planned_and_a_day_is_a_date_in_utc() -> None:
    found = pieces([], us("2026-11-24 23:00"), us("2026-11-25 01:00"))
    assert drawn(found) == [
        "24 23:00 - 25 00:00 planned - of 2026-11-24 vNone",
        "25 00:00 - 25 01:00 planned - of 2026-11-25 vNone",
    ]
    assert [p.plan for p in found] == [Plan.PLANNED] * 2


# Berlin  29 00:00   02:00=03:00   06:00        24:00        25 00:00  03:00=02:00  06:00         24:00
# UTC     28 23:00     01:00       04:00        22:00        24 22:00    01:00      05:00         23:00
#         |------------- 23 h ---------------------|         |--------------- 25 h ------------------|
@pytest.mark.parametrize(
    ("date", "start", "end", "night_ends", "night_hours"),
    [
        ("2026-03-29", "2026-03-28 23:00", "2026-03-29 22:00", "2026-03-29 04:00", 7),
        ("2026-10-25", "2026-10-24 22:00", "2026-10-25 23:00", "2026-10-25 05:00", 9),
        ("2026-11-24", "2026-11-23 23:00", "2026-11-24 23:00", "2026-11-24 05:00", 8),
    ],
)
def test_days_and_night_shifts_are_as_long_as_the_clock_change_makes_them(
    date: str, start: str, end: str, night_ends: str, night_hours: int
) -> None:
    day_off = calendar(zone="Europe/Berlin")
    assert drawn(pieces([day_off], us(start), us(end))) == [f"{start[8:]} - {end[8:]} not planned - of {date} v1"]
    assert pieces([day_off], us(start), us(end))[0].day == (date, us(start), us(end))
    night = calendar(shift("night", "22:00", "06:00"), zone="Europe/Berlin")
    found = pieces([night], us(night_ends) - 1, us(night_ends))[0].shift
    assert found is not None
    assert (found.end, found.end - found.start) == (us(night_ends), night_hours * HOUR_US)


# Berlin, 2026-03-29: 01:59 is followed by 03:00, so 02:30 is 03:30. 2026-10-25: 02:59 is followed by 02:00.
@pytest.mark.parametrize(
    ("date", "start", "end"),
    [
        ("2026-03-29", "2026-03-29 01:30", "2026-03-29 04:00"),  # 03:30 to 06:00, summer time
        ("2026-10-25", "2026-10-25 00:30", "2026-10-25 05:00"),  # the first 02:30, summer time, to 06:00, winter time
    ],
)
def test_a_missing_clock_time_is_moved_by_the_gap_and_of_a_double_one_the_first_counts(date: str, start: str, end: str) -> None:
    early = calendar(shift("early", "02:30", "06:00"), zone="Europe/Berlin")
    found = pieces([early], us(start), us(start) + 1)[0].shift
    assert found == (f"{date}/early", us(start), us(end))


def test_a_clock_change_of_half_an_hour_makes_a_day_of_23_hours_and_a_half() -> None:
    found = pieces([calendar(zone="Australia/Lord_Howe")], us("2026-10-04 00:00"), us("2026-10-04 00:01"))
    assert found[0].day == ("2026-10-04", us("2026-10-03 13:30"), us("2026-10-04 13:00"))  # UTC+10:30, then UTC+11


# Apia      29 22:00    24:00 = 31 00:00    31 06:00    12:00 13:00   24:00
# UTC       30 08:00     30 10:00             30 16:00    22:00 23:00   31 10:00
#           | night .......................... |           | noon |
def test_a_date_that_the_zone_skips_has_no_day_and_no_shift_and_a_night_over_it_ends_by_the_clock() -> None:
    shifts = shift("night", "22:00", "06:00"), shift("noon", "12:00", "13:00")
    found = pieces([calendar(*shifts, zone="Pacific/Apia")], us("2011-12-29 23:00"), us("2011-12-31 08:00"))
    assert drawn(found) == [
        "29 23:00 - 30 08:00 not planned - of 2011-12-29 v1",
        "30 08:00 - 30 16:00 planned 2011-12-29/night of 2011-12-29 v1",
        "30 16:00 - 30 22:00 not planned - of 2011-12-31 v1",
        "30 22:00 - 30 23:00 planned 2011-12-31/noon of 2011-12-31 v1",
        "30 23:00 - 31 08:00 not planned - of 2011-12-31 v1",
    ]


# 24   22:00   23:45   25 00:15       06:00
#      | night | break |     ...        |
def test_a_break_over_midnight_is_one_break() -> None:
    night = calendar(shift("night", "22:00", "06:00", ("23:45", "00:15"), days=["tue"]))
    assert drawn(pieces([night], us("2026-11-24 22:00"), us("2026-11-25 06:00"))) == [
        "24 22:00 - 24 23:45 planned 2026-11-24/night of 2026-11-24 v1",
        "24 23:45 - 25 00:15 planned downtime 2026-11-24/night of 2026-11-24 v1",
        "25 00:15 - 25 06:00 planned 2026-11-24/night of 2026-11-24 v1",
    ]


@pytest.mark.parametrize(
    ("pause", "minutes"),
    [
        (("05:30", "06:00"), 30),  # with it the shift ends
        (("06:00", "06:20"), 20),  # with it the shift begins
        (("06:00", "06:00"), 0),
        (("05:50", "05:50"), 0),
    ],
)
def test_breaks_at_both_ends_of_a_shift_of_24_hours(pause: tuple[str, str], minutes: int) -> None:
    found = pieces([calendar(shift("all", "06:00", "06:00", pause))], us("2026-11-24 06:00"), us("2026-11-25 06:00"))
    assert sum(p.end - p.start for p in found if p.plan is Plan.DOWNTIME) == minutes * MINUTE_US
    assert found[0].shift == ("2026-11-24/all", us("2026-11-24 06:00"), us("2026-11-25 06:00"))


# 24   22:00                25 06:00            22:00      26 06:00
#      | night (of a workday)   | holiday: off    | no shift starts
def test_on_a_holiday_no_shift_starts_but_the_one_of_the_evening_before_goes_on() -> None:
    night = calendar(shift("night", "22:00", "06:00"), holidays=["2026-11-25"])
    assert drawn(pieces([night], us("2026-11-24 22:00"), us("2026-11-26 22:00"))) == [
        "24 22:00 - 25 06:00 planned 2026-11-24/night of 2026-11-24 v1",
        "25 06:00 - 26 00:00 not planned - of 2026-11-25 v1",
        "26 00:00 - 26 22:00 not planned - of 2026-11-26 v1",
    ]


# 24   06:00     10:00  downtime   12:00    13:00  14:00     downtime    15:00
#      | early     |xxxxxxxxxxxxxxxx|         |xxxxxx| off
def test_a_planned_downtime_counts_only_within_shifts_and_joins_a_break_that_it_meets() -> None:
    early = calendar(
        shift("early", "06:00", "14:00", ("11:30", "12:00")),
        planned_downtimes=[
            {"start": "2026-11-24T10:00:00Z", "end": "2026-11-24T11:45:00Z", "reason": "maintenance"},
            {"start": "2026-11-24T13:00:00Z", "end": "2026-11-24T15:00:00Z", "reason": "training"},
        ],
    )
    assert drawn(pieces([early], us("2026-11-24 06:00"), us("2026-11-24 16:00"))) == [
        "24 06:00 - 24 10:00 planned 2026-11-24/early of 2026-11-24 v1",
        "24 10:00 - 24 12:00 planned downtime 2026-11-24/early of 2026-11-24 v1",
        "24 12:00 - 24 13:00 planned 2026-11-24/early of 2026-11-24 v1",
        "24 13:00 - 24 14:00 planned downtime 2026-11-24/early of 2026-11-24 v1",
        "24 14:00 - 24 16:00 not planned - of 2026-11-24 v1",
    ]


# list    24 06:00    08:00    10:00    12:00    14:00    18:00
# short               |--------x--------|                          swallowed whole
# early   |-----------------------------------------|
# late                         |........ waits .....|--------|
# twin    |........ starts with early, which comes before it in the list ..|-- 15:00
def test_of_shifts_that_overlap_the_one_that_starts_first_goes_on_to_its_end() -> None:
    found = pieces(
        [
            calendar(
                shift("short", "08:00", "12:00"),
                shift("early", "06:00", "14:00", ("07:00", "07:30")),
                shift("late", "10:00", "18:00", ("13:45", "14:15")),
                shift("twin", "06:00", "15:00"),
            )
        ],
        us("2026-11-24 06:00"),
        us("2026-11-24 19:00"),
    )
    assert drawn(found) == [
        "24 06:00 - 24 07:00 planned 2026-11-24/early of 2026-11-24 v1",
        "24 07:00 - 24 07:30 planned downtime 2026-11-24/early of 2026-11-24 v1",
        "24 07:30 - 24 14:00 planned 2026-11-24/early of 2026-11-24 v1",
        "24 14:00 - 24 15:00 planned 2026-11-24/twin of 2026-11-24 v1",
        "24 15:00 - 24 18:00 planned 2026-11-24/late of 2026-11-24 v1",
        "24 18:00 - 24 19:00 not planned - of 2026-11-24 v1",
    ]


# 23   22:00         24 00:00     05:00      06:00         08:00           13:00
# X     |-------------------------------------|
# Y             |................................ waits ....|
# Z                                 |................. waits ...............|
# day   |----------------------- 23 ----------------------|----- 24 ---------
def test_a_day_goes_on_until_every_shift_of_its_date_is_over() -> None:
    found = pieces(
        [calendar(shift("z", "05:00", "13:00"), shift("x", "22:00", "06:00"), shift("y", "23:00", "08:00"))],
        us("2026-11-24 05:30"),
        us("2026-11-24 09:00"),
    )
    assert drawn(found) == [
        "24 05:30 - 24 06:00 planned 2026-11-23/x of 2026-11-23 v1",
        "24 06:00 - 24 08:00 planned 2026-11-23/y of 2026-11-23 v1",
        "24 08:00 - 24 09:00 planned 2026-11-24/z of 2026-11-24 v1",
    ]
    assert found[2].shift == ("2026-11-24/z", us("2026-11-24 08:00"), us("2026-11-24 13:00"))
    assert found[2].day == ("2026-11-24", us("2026-11-24 08:00"), us("2026-11-25 08:00"))


# v1     24 06:00 early 14:00            22:00 night ...... 25 06:00
# v2                    valid from 25 00:00 |      04:00 dawn ..... 10:00
def test_a_shift_keeps_the_version_it_started_under_and_the_next_waits_for_its_end() -> None:
    old = calendar(shift("night", "22:00", "06:00", ("03:00", "03:30")))
    new = calendar(
        shift("dawn", "04:00", "10:00"),
        version=2,
        since="2026-11-25 00:00",
        planned_downtimes=[{"start": "2026-11-25T05:00:00Z", "end": "2026-11-25T07:00:00Z", "reason": "trial"}],
    )
    assert drawn(pieces([old, new], us("2026-11-24 21:00"), us("2026-11-25 11:00"))) == [
        "24 21:00 - 24 22:00 not planned - of 2026-11-24 v1",
        "24 22:00 - 25 03:00 planned 2026-11-24/night of 2026-11-24 v1",
        "25 03:00 - 25 03:30 planned downtime 2026-11-24/night of 2026-11-24 v1",
        "25 03:30 - 25 06:00 planned 2026-11-24/night of 2026-11-24 v1",
        "25 06:00 - 25 07:00 planned downtime 2026-11-25/dawn of 2026-11-25 v2",
        "25 07:00 - 25 10:00 planned 2026-11-25/dawn of 2026-11-25 v2",
        "25 10:00 - 25 11:00 not planned - of 2026-11-25 v2",
    ]


# v1     24 06:00 early                    14:00 | off
# v2     24 00:00 valid, known later; early 06:00 - 12:00
# v3     24 13:00 valid; no shifts (off)
def test_a_version_that_comes_late_changes_the_past_from_its_first_instant_on() -> None:
    first = calendar(shift("early", "06:00", "14:00"))
    late = calendar(shift("early", "06:00", "12:00"), version=2, since="2026-11-24 00:00")
    last = calendar(version=3, since="2026-11-24 13:00")
    span = us("2026-11-24 05:00"), us("2026-11-24 14:00")
    assert drawn(pieces([first, last], *span)) == [
        "24 05:00 - 24 06:00 not planned - of 2026-11-24 v1",
        "24 06:00 - 24 14:00 planned 2026-11-24/early of 2026-11-24 v1",
    ]
    assert drawn(pieces([first, last, late], *span)) == [
        "24 05:00 - 24 06:00 not planned - of 2026-11-24 v2",
        "24 06:00 - 24 12:00 planned 2026-11-24/early of 2026-11-24 v2",
        "24 12:00 - 24 13:00 not planned - of 2026-11-24 v2",
        "24 13:00 - 24 14:00 not planned - of 2026-11-24 v3",
    ]


def test_a_lower_version_with_a_later_beginning_never_counts() -> None:
    high = calendar(shift("a", "00:00", "00:00"), version=2, since="2026-11-24 00:00")
    low = calendar(version=1, since="2026-11-24 12:00")
    assert {p.version for p in pieces([low, high], us("2026-11-24 00:00"), us("2026-11-25 12:00"))} == {2}


def test_a_version_that_is_corrected_in_place_counts_at_once() -> None:
    wrong, right = calendar(shift("a", "00:00", "12:00")), calendar(shift("a", "00:00", "18:00"))
    span = us("2026-11-24 12:00"), us("2026-11-24 13:00")
    versions = [wrong]
    assert [p.plan for p in pieces(versions, *span)] == [Plan.OFF]
    versions[0] = right
    assert [p.plan for p in pieces(versions, *span)] == [Plan.PLANNED]


# UTC       31 00:00               16:00                        01 16:00
# day       |- 2026-12-31, 16 h -----|- 2027-01-01 (Shanghai) ------|
def test_the_first_calendar_of_a_line_ends_the_day_of_utc_where_its_own_day_begins() -> None:
    first = calendar(zone="Asia/Shanghai", since="2026-12-31 16:00")
    found = pieces([first], us("2026-12-31 15:00"), us("2026-12-31 17:00"))
    assert [p.day for p in found] == [
        ("2026-12-31", us("2026-12-31 00:00"), us("2026-12-31 16:00")),
        ("2027-01-01", us("2026-12-31 16:00"), us("2027-01-01 16:00")),
    ]
    assert [p.plan for p in found] == [Plan.PLANNED, Plan.OFF]


# UTC       24 16:00            20:00                      25 08:00
# zone      Shanghai: 25 00:00    Los Angeles: 24 12:00       25 00:00     26 00:00 (26 08:00)
# day       |- 2026-11-25 ------- goes on, days never go back -----------------|
def test_a_zone_further_west_makes_the_day_longer_and_never_goes_back_a_date() -> None:
    east = calendar(zone="Asia/Shanghai")
    west = calendar(shift("day", "14:00", "15:00"), zone="America/Los_Angeles", version=2, since="2026-11-24 20:00")
    found = pieces([east, west], us("2026-11-24 19:00"), us("2026-11-25 00:00"))
    assert {p.day for p in found} == {("2026-11-25", us("2026-11-24 16:00"), us("2026-11-26 08:00"))}
    assert [p.shift.id for p in found if p.shift] == ["2026-11-24/day"]


# UTC       24 08:00                20:00                  25 16:00
# zone      Los Angeles: 24 00:00     Shanghai: 25 04:00     26 00:00
# day       |- 2026-11-24, 12 h -------|- 2026-11-25, 20 h ----|
def test_a_zone_further_east_ends_the_day_at_the_change() -> None:
    west = calendar(zone="America/Los_Angeles")
    east = calendar(zone="Asia/Shanghai", version=2, since="2026-11-24 20:00")
    assert [p.day for p in pieces([west, east], us("2026-11-24 19:00"), us("2026-11-24 21:00"))] == [
        ("2026-11-24", us("2026-11-24 08:00"), us("2026-11-24 20:00")),
        ("2026-11-25", us("2026-11-24 20:00"), us("2026-11-25 16:00")),
    ]


# Nuuk, 2026-03-28: 22:59 is followed by the 29th, 00:00 (UTC 01:00). 23:30 is moved to 00:30.
def test_a_shift_that_a_gap_moves_over_midnight_stays_in_the_day_of_its_date() -> None:
    late = calendar(shift("late", "23:30", "01:00"), zone="America/Nuuk")
    found = pieces([late], us("2026-03-29 01:00"), us("2026-03-29 02:15"))
    assert [(p.shift and p.shift.id, p.day.id) for p in found] == [
        (None, "2026-03-28"),
        ("2026-03-28/late", "2026-03-28"),
        (None, "2026-03-29"),
    ]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"])
@pytest.mark.parametrize("start", ["1970-01-01 00:00", "9998-12-31 23:00"])
def test_the_first_and_the_last_hour_of_the_contracts_can_be_asked_for(zone: str, start: str) -> None:
    night = calendar(shift("night", "22:00", "06:00"), zone=zone, since="1970-01-01 00:00")
    found = pieces([night], us(start), us(start) + HOUR_US)
    assert (found[0].start, found[-1].end) == (us(start), us(start) + HOUR_US)
