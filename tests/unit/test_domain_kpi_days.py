"""Shifts, days and parts: what lies in them is summed over assets and hours, and they end when every asset has."""

from typing import Any

import pytest
from inmemory_pipeline import InMemoryPipeline
from kpi_lab import fold, newest, of, rolling_up
from machine_facts import at, elapsed, measure, minutes, named, us

from schemas.events.kpi_value import Kpi
from schemas.events.measure import Measure, Quantity
from schemas.time_element import TimeElement
from streams.agents import kpi

DAY, EARLY, LATE = "2026-11-24", "2026-11-24/early", "2026-11-24/late"
#: early 06:00 |------| 14:30 |------| 22:00 late; the day from midnight to midnight
EARLY_BOUNDS, LATE_BOUNDS = ("06:00", "14:30"), ("14:30", "22:00")


@pytest.fixture
def line() -> InMemoryPipeline:
    return rolling_up()


def day_window(name: str = DAY, start: str = "00:00", end: str = "+1 00:00") -> Any:
    return named("day", name, us(start), us(end))


def shift_window(name: str, bounds: tuple[str, str]) -> Any:
    return named("shift", name, us(bounds[0]), us(bounds[1]))


def in_shift(hour: str, shift: str, bounds: tuple[str, str], *args: Any, delay: int = 0, **fields: Any) -> Measure:
    """An hour in one shift: production, and so many minutes of delay."""
    elements = [elapsed(us(hour), TimeElement.PRODUCTION, minutes(60 - delay), shift=shift)]
    elements += [elapsed(us(hour), TimeElement.DELAY, minutes(delay), shift=shift)] if delay else []
    return measure(hour, *args, elements=elements, windows=[day_window(), shift_window(shift, bounds)], **fields)


def units(part: str | None, produced: int, scrap: int = 0, day: str = DAY) -> Quantity:
    return Quantity(day=day, shift=None, order=None, part=part, produced=produced, scrap=scrap, rework=0)


def test_a_shift_is_summed_over_its_hours_and_names_its_bounds(line: InMemoryPipeline) -> None:
    values = fold(
        line,
        in_shift("06:00", EARLY, EARLY_BOUNDS, delay=15),
        in_shift("07:00", EARLY, EARLY_BOUNDS),
        in_shift("15:00", LATE, LATE_BOUNDS),
    )
    (last,) = of(values, "asset", window=EARLY)[-1:]
    assert (last.numerator, last.denominator, last.window_kind, last.scope.id) == (minutes(105), minutes(120), "shift", "m1")
    assert (last.window.start, last.window.end, last.event_time) == (at("06:00"), at("14:30"), at("08:00"))
    (day,) = of(values, "asset", window=DAY)[-1:]
    assert (day.numerator, day.denominator) == (minutes(165), minutes(180))


def test_an_hour_in_which_shifts_change_counts_in_both(line: InMemoryPipeline) -> None:
    elements = [
        elapsed(us("14:00"), TimeElement.PRODUCTION, minutes(20), shift=EARLY),
        elapsed(us("14:00"), TimeElement.DELAY, minutes(10), shift=EARLY),
        elapsed(us("14:00"), TimeElement.PRODUCTION, minutes(30), shift=LATE),
    ]
    windows = [day_window(), shift_window(EARLY, EARLY_BOUNDS), shift_window(LATE, LATE_BOUNDS)]
    values = fold(line, measure("14:00", elements=elements, windows=windows))
    (early,), (late,) = of(values, "line", window=EARLY), of(values, "line", window=LATE)
    assert (early.numerator, early.denominator, early.event_time) == (minutes(20), minutes(30), at("14:30"))
    assert (late.numerator, late.denominator, late.event_time) == (minutes(30), minutes(30), at("15:00"))


# 06 07 08 09 10 11 12 13 14:30
def test_a_shift_is_final_when_the_hour_of_its_end_is(line: InMemoryPipeline) -> None:
    hours = [in_shift(f"{h:02}:00", EARLY, EARLY_BOUNDS) for h in range(6, 15)]
    for hour in hours[:-1]:
        assert {v.status for v in of(fold(line, hour), "line", window=EARLY)} <= {"provisional"}
    values = fold(line, hours[-1])
    assert [v.status for v in of(values, "line", window=EARLY)] == ["final"]
    assert [v.status for v in of(values, "line", window=DAY)] == ["provisional"]


def test_a_shift_of_a_line_waits_for_each_of_its_assets(line: InMemoryPipeline) -> None:
    bounds = ("06:00", "08:00")
    fold(line, in_shift("06:00", EARLY, bounds, asset="m1"), in_shift("06:00", EARLY, bounds, asset="m2"))
    values = fold(line, in_shift("07:00", EARLY, bounds, asset="m1"))
    assert [v.status for v in of(values, "line", window=EARLY)] == ["provisional"]
    assert [v.status for v in of(values, "asset", window=EARLY)] == ["final"]
    values = fold(line, in_shift("07:00", EARLY, bounds, asset="m2"))
    assert [v.status for v in of(values, "line", window=EARLY)] == ["final"]


def test_a_late_fact_restates_the_day_and_says_by_how_much(line: InMemoryPipeline) -> None:
    fold(line, *(measure(f"{h:02}:00") for h in range(24)))
    restated = measure("03:00", 2, "restated", {(None, "READY"): 60}, reason="gw/m1/9 came out of order")
    (value,) = of(fold(line, restated), "line", window=DAY)
    assert (value.status, value.value, value.restated_hours) == ("restated", 23 / 24, 1)
    assert value.delta == pytest.approx(-1 / 24)
    assert value.reason == "m1, hour 2026-11-24T03:00Z: gw/m1/9 came out of order"


# m1 |06-ACTIVE-07-ACTIVE-08|        m2 |06-ACTIVE-07| silent
def test_an_asset_that_fell_silent_lowers_the_coverage_of_its_line(line: InMemoryPipeline) -> None:
    values = fold(line, measure("06:00", asset="m1"), measure("06:00", asset="m2"), measure("07:00", asset="m1"))
    (last,) = of(values, "line", window=DAY)[-1:]
    assert (last.value, last.coverage) == (1.0, 0.75)


def test_a_part_of_a_day_is_that_of_its_line(line: InMemoryPipeline) -> None:
    values = fold(
        line,
        measure("06:00", asset="m1").model_copy(update={"quantities": [units("P-1", 10, 1), units("P-2", 5)]}),
        measure("06:00", asset="m2").model_copy(update={"quantities": [units("P-1", 10)]}),
    )
    found = [v for v in of(values, "part", Kpi.QUALITY_RATIO, "day") if v.scope.id == "P-1"][-1]
    assert (found.numerator, found.denominator, found.window_id) == (19, 20, f"{DAY}/l1")
    assert (found.window.start, found.window.end, found.status) == (at("00:00"), at("+1 00:00"), "provisional")


def test_the_same_part_on_two_lines_has_two_values(line: InMemoryPipeline) -> None:
    made = [
        measure("06:00", asset=a, line=on).model_copy(update={"quantities": [units("P-1", 4)]})
        for a, on in (("m1", "l1"), ("m2", "l2"))
    ]
    values = of(fold(line, *made), "part", Kpi.QUALITY_RATIO, "day")
    assert len({v.id for v in values}) == len({v.window_id for v in values}) == 2


def test_a_part_that_a_restatement_took_away_has_no_value_any_more(line: InMemoryPipeline) -> None:
    fold(line, measure("06:00").model_copy(update={"quantities": [units("P-1", 4)]}))
    values = fold(line, measure("06:00", 2, "restated").model_copy(update={"quantities": [units("P-2", 4)]}))
    found = {v.scope.id: v.value for v in of(values, "part", Kpi.QUALITY_RATIO, "day")}
    assert found == {"P-1": None, "P-2": 1.0}


def test_an_hour_that_moved_to_another_shift_leaves_the_first(line: InMemoryPipeline) -> None:
    # the calendar was corrected: what was early is late, and the hour goes on naming both
    fold(line, in_shift("06:00", EARLY, EARLY_BOUNDS), in_shift("14:00", EARLY, EARLY_BOUNDS))
    moved = in_shift("14:00", LATE, ("14:00", "22:00"), 2, calendar_version=2)
    windows = [day_window(), shift_window(EARLY, ("06:00", "14:00")), shift_window(LATE, ("14:00", "22:00"))]
    values = fold(line, moved.model_copy(update={"windows": windows}))
    (early,), (late,) = of(values, "line", window=EARLY), of(values, "line", window=LATE)
    assert (early.denominator, late.denominator) == (minutes(60), minutes(60))
    assert (early.window.end, late.window.start, late.calendar_version) == (at("14:00"), at("14:00"), 2)


def test_a_day_of_a_zone_begins_within_an_hour_of_utc(line: InMemoryPipeline) -> None:
    # India: 18:30 UTC is midnight
    windows = [day_window("2026-11-24", "-1 18:30", "18:30"), day_window("2026-11-25", "18:30", "+1 18:30")]
    elements = [
        elapsed(us("18:00"), TimeElement.PRODUCTION, minutes(30), day="2026-11-24"),
        elapsed(us("18:00"), TimeElement.DELAY, minutes(30), day="2026-11-25"),
    ]
    values = fold(line, measure("18:00", elements=elements, windows=windows))
    assert {v.window_id: (v.value, v.status) for v in of(values, "line", window="day")} == {
        "2026-11-24": (1.0, "final"),
        "2026-11-25": (0.0, "provisional"),
    }


def test_days_are_dropped_when_no_measure_restates_them(line: InMemoryPipeline) -> None:
    fold(line, measure("10:00"), measure("+1 10:00"), measure("+31 10:00"))
    line.restart()
    days = {key.split("/")[2] for _, _, key in line.stored if not key.startswith("hour/")}
    assert days == {"2026-11-25", "2026-12-25"}


def test_the_state_of_a_busy_day_stays_small(line: InMemoryPipeline) -> None:
    # 10 assets, 24 hours, each in a shift of its own and on two parts
    for hour in range(24):
        shift = f"{DAY}/s{hour // 8}"
        for asset in (f"m{n}" for n in range(10)):
            made = in_shift(f"{hour:02}:00", shift, ("00:00", "+1 00:00"), asset=asset, delay=7)
            line.send(made.model_copy(update={"quantities": [units(f"P-{hour}", 3), units("P-all", 9)]}))
    line.run()
    sizes = {key[2].split("/")[0]: len(kpi.STEP.logic.dump(state) or b"") for key, state in line.states.items()}
    assert sizes["day"] < 150_000
    assert sizes["asset"] < 25_000
    assert sizes["hour"] < 25_000


def test_an_open_hour_is_in_no_shift_and_no_day(line: InMemoryPipeline) -> None:
    values = fold(line, measure("06:00"), measure("07:00", 1, "provisional", until="07:30", quantities={None: (5, 0, 0)}))
    (day,) = of(values, "line", window=DAY)
    assert (day.denominator, day.event_time) == (minutes(60), at("07:00"))
    assert of(values, "line", Kpi.QUALITY_RATIO, DAY) == []


def test_any_order_of_the_measures_gives_the_same_last_values() -> None:
    bounds = ("06:00", "08:00")
    measures = [
        in_shift("06:00", EARLY, bounds, 1, "provisional", asset="m1", until="06:30"),
        in_shift("06:00", EARLY, bounds, 2, asset="m1", delay=10),
        in_shift("07:00", EARLY, bounds, 1, asset="m1", delay=20),
        in_shift("06:00", EARLY, bounds, 1, asset="m2"),
        in_shift("07:00", EARLY, bounds, 1, "provisional", asset="m2", until="07:40"),
    ]
    measures[0] = measures[0].model_copy(update={"elements": [elapsed(us("06:00"), TimeElement.DELAY, minutes(30), shift=EARLY)]})
    measures[4] = measures[4].model_copy(update={"elements": [elapsed(us("07:00"), TimeElement.DELAY, minutes(40), shift=EARLY)]})
    found = []
    for order in (measures, measures[::-1], measures[2:] + measures[:2]):
        values = newest(fold(rolling_up(), *order, *order))
        found.append({key: (v.numerator, v.denominator, v.value, v.coverage, v.window, v.flags) for key, v in values.items()})
    assert found[0] == found[1] == found[2]
