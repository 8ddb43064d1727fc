"""Pieces of planned time tile the time, whatever the calendar and the zone, and are what each minute says by itself."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from random import Random
from zoneinfo import available_timezones

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle.planned_minutes import Minute, minutes

from schemas.events.calendar import Calendar
from schemas.instant import HOUR_US, to_micros
from streams.domain.calendar import Piece, Plan, pieces

MINUTE_US = HOUR_US // 60
DAY_NAMES = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
#: zones with something odd, and a date on which it shows: half an hour, a skipped day, a change at midnight, a minute past it
ODD = {
    "Europe/Berlin": ["2026-03-29", "2026-10-25"],
    "America/Sao_Paulo": ["2018-11-04", "2019-02-17"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
    "Asia/Shanghai": ["1991-04-14", "2026-11-24"],
    "Pacific/Apia": ["2011-12-30"],
    "America/St_Johns": ["2010-11-07", "2011-03-13"],
    "Asia/Kathmandu": ["2026-01-05"],
    "UTC": ["2026-01-05"],
}
slow = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
wide = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
clocks = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 30, 0, 1, 45]))
offsets = st.integers(-3 * 1440, 4 * 1440).map(lambda m: timedelta(minutes=m)) | st.integers(-72, 96).map(
    lambda h: timedelta(hours=h)
)


@st.composite
def calendars(draw: st.DrawFn, zones: st.SearchStrategy[str], middle: datetime) -> list[Calendar]:
    """Up to three versions of a line around a day, mostly in one zone."""
    usual = draw(zones)
    return [
        draw(calendar(version, draw(st.sampled_from([usual, usual, draw(zones)])), middle))
        for version in draw(st.lists(st.integers(1, 5), max_size=3, unique=True))
    ]


@st.composite
def calendar(draw: st.DrawFn, version: int, zone: str, middle: datetime) -> Calendar:
    since = middle + draw(offsets | st.just(timedelta(days=-30)))
    shifts = [
        {
            "name": f"s{place}",
            "days": draw(st.just(DAY_NAMES) | st.lists(st.sampled_from(DAY_NAMES), min_size=1, max_size=7)),
            "start": draw(clocks),
            "end": draw(clocks),
            "breaks": draw(st.lists(st.tuples(clocks, clocks), max_size=2)),
        }
        for place in range(draw(st.integers(0, 4)))
    ]
    downtimes = [
        {"start": (at := middle + draw(offsets)), "end": at + timedelta(minutes=draw(st.integers(1, 2000))), "reason": "trial"}
        for _ in range(draw(st.integers(0, 2)))
    ]
    holidays = [str((middle + timedelta(days=d)).date()) for d in draw(st.lists(st.integers(-2, 3), max_size=2))]
    body = {"event_time": middle, "version": version, "line": "l1", "zone": zone, "valid_from": since, "shifts": shifts}
    return Calendar.model_validate({**body, "holidays": holidays, "planned_downtimes": downtimes}, strict=False)


@st.composite
def odd_times(draw: st.DrawFn, zone: str) -> tuple[list[Calendar], datetime, datetime]:
    """Versions of a line, most of them in this zone, and a stretch of time in which the zone does something odd."""
    middle = datetime.fromisoformat(draw(st.sampled_from(ODD[zone]))).replace(tzinfo=UTC)
    start = middle + draw(st.integers(-48, 12).map(lambda h: timedelta(hours=h)))
    zones = st.sampled_from([zone] * 8 + sorted(ODD))
    return draw(calendars(zones, middle)), start, start + draw(st.integers(1, 60).map(lambda h: timedelta(hours=h)))


@st.composite
def any_times(draw: st.DrawFn) -> tuple[list[Calendar], int, int]:
    """Versions of a line in any zones of the world, and any stretch."""
    middle = draw(st.datetimes(datetime(1970, 1, 10), datetime(2100, 1, 1), timezones=st.just(UTC)))
    start = to_micros(middle) + draw(st.integers(-3 * 24 * HOUR_US, 3 * 24 * HOUR_US))
    return (
        draw(calendars(st.sampled_from(sorted(available_timezones())), middle)),
        start,
        start + draw(st.integers(1, 90 * HOUR_US)),
    )


def by_minute(found: Sequence[Piece]) -> list[Minute]:
    return [
        Minute(p.plan, p.shift and p.shift.id, p.day.id, p.version) for p in found for _ in range((p.end - p.start) // MINUTE_US)
    ]


def joined(found: Sequence[Piece]) -> list[Piece]:
    runs = (list(run) for _, run in groupby(found, key=lambda p: p[2:]))
    return [run[0]._replace(end=run[-1].end) for run in runs]


@pytest.mark.parametrize("zone", sorted(ODD))
@slow
@given(st.data())
def test_pieces_are_what_each_minute_says(zone: str, data: st.DataObject) -> None:
    versions, start, end = data.draw(odd_times(zone))
    assert by_minute(pieces(versions, to_micros(start), to_micros(end))) == minutes(versions, start, end)


@wide
@given(any_times())
def test_pieces_tile_the_time_and_lie_in_their_day_and_shift(drawn: tuple[list[Calendar], int, int]) -> None:
    versions, start, end = drawn
    found = pieces(versions, start, end)
    assert [found[0].start, *(p.end for p in found)] == [*(p.start for p in found), end]
    assert found[0].start == start
    assert all(p.start < p.end for p in found)
    assert all(a[2:] != b[2:] for a, b in pairwise(found))
    for piece in found:
        assert piece.day.start <= piece.start < piece.end <= piece.day.end
        if piece.shift is None:
            assert piece.plan is (Plan.PLANNED if piece.version is None else Plan.OFF)
        else:
            assert piece.day.start <= piece.shift.start <= piece.start < piece.end <= piece.shift.end <= piece.day.end


@wide
@given(any_times(), st.sampled_from([HOUR_US, 7 * MINUTE_US + 1, 25 * HOUR_US]))
def test_asking_bit_by_bit_says_what_asking_at_once_says(drawn: tuple[list[Calendar], int, int], step: int) -> None:
    versions, start, end = drawn
    bits = [p for at in range(start, end, step) for p in pieces(versions, at, min(at + step, end))]
    assert joined(bits) == pieces(versions, start, end)


@wide
@given(any_times())
def test_days_tile_the_time_and_the_plans_of_a_day_add_up_to_its_length(drawn: tuple[list[Calendar], int, int]) -> None:
    versions, start, end = drawn
    days = list(dict.fromkeys(p.day for p in pieces(versions, start, end)))
    assert all(a.end == b.start and a.id < b.id for a, b in pairwise(days))
    for day in days:
        whole = pieces(versions, day.start, day.end)
        assert {p.day for p in whole} == {day}
        sums = {plan: sum(p.end - p.start for p in whole if p.plan is plan) for plan in Plan}
        assert sum(sums.values()) == day.end - day.start


@wide
@given(any_times(), st.randoms(use_true_random=False))
def test_the_order_of_the_versions_and_what_was_asked_before_change_nothing(
    drawn: tuple[list[Calendar], int, int], random: Random
) -> None:
    versions, start, end = drawn
    expected = pieces(versions, start, end)
    shuffled = [Calendar.model_validate_json(v.model_dump_json()) for v in versions]
    random.shuffle(shuffled)
    pieces(shuffled, end, end + HOUR_US)
    assert pieces(shuffled, start, end) == expected
