"""The oracle's quantities and KPIs against figures worked out by hand."""

from fractions import Fraction

import pytest
from oracle.drawn_timeline import MINUTE, START, Log, calendar, clock, loss_model, order, plant, shift
from oracle.element_spans import Plant
from oracle.kpi_table import coverage_table, kpi_table
from oracle.machine_records import HOUR
from oracle.observed_windows import Scope
from oracle.unit_quantities import counts, hourly_counts

DAY = "2026-11-24"
SHIFT = f"{DAY}/early"
EARLY = [calendar(shift("early", "06:00", "14:00"))]
ORDERS = [order("A-1", "P-1", planned_run_time_us=MINUTE), order("B-2", "P-2")]


def counted(known: Plant) -> dict[tuple[str | None, ...], dict[str, int]]:
    """(shift, order, part) -> what is not 0, of the one hour and day that there is."""
    ((_, rows),) = hourly_counts(counts(known)).items()
    return {(s, o, p): {name: n for name, n in row.items() if n} for (_, s, o, p), row in rows.items()}


def test_units_count_for_the_named_order_and_part_else_for_those_in_work() -> None:
    log = Log().fact("10:00", "order", order="A-1").fact("10:10", "produced", produced=3, scrap=1)
    log.fact("10:10", "produced", produced=2, order="B-2", rework=1).fact("10:11", "produced", produced=1, part="Q-9").beat("10:20")
    assert counted(plant(log, order=ORDERS, calendar=EARLY)) == {
        (SHIFT, "A-1", "P-1"): {"produced": 3, "scrap": 1, "planned_run_us": 3 * MINUTE},
        (SHIFT, "B-2", "P-2"): {"produced": 2, "rework": 1, "unrated": 2},
        (SHIFT, "A-1", "Q-9"): {"produced": 1, "planned_run_us": MINUTE},
    }


def test_units_without_an_order_are_unrated_and_of_no_part() -> None:
    log = Log().fact("10:10", "produced", produced=3).fact("10:11", "order", order="A-1").beat("10:20")
    assert counted(plant(log, order=ORDERS)) == {(None, None, None): {"produced": 3, "unrated": 3}}


def test_the_highest_version_of_an_order_counts() -> None:
    log = Log().fact("10:10", "produced", produced=1, order="A-1").beat("10:20")
    records = [order("A-1", "new", 2, 7), order("A-1", "old", 1, 5)]
    assert counted(plant(log, order=records)) == {(None, "A-1", "new"): {"produced": 1, "planned_run_us": 7}}


# counter    100.0   101.5   99.0 (a new meter)   99.25
# rise               1500    0                    250
def test_the_rise_of_the_counter_counts_at_the_later_reading_and_a_fall_counts_nothing() -> None:
    log = Log()
    for time, kwh in (("10:01", 100.0), ("10:20", 99.0), ("10:10", 101.5), ("10:30", 99.25)):
        log.fact(time, "energy", counter_kwh=kwh)
    log.fact("10:15", "order", order="A-1").beat("10:40")
    assert counted(plant(log, order=ORDERS)) == {
        (None, None, None): {"energy_wh": 1500},
        (None, "A-1", "P-1"): {"energy_wh": 250},
    }


# unit  first   newest      counts
# u1    pass    pass        inspected, passed
# u2    pass    fail        inspected
# u3    fail    (2nd: pass) inspected: the second attempt does not count
# u4    unc.    unc.        not yet
# u5    unc.    pass        inspected, passed, at the time of the first
def test_a_unit_is_inspected_once_and_its_newest_verdict_on_the_first_attempt_counts() -> None:
    log = Log("vision")
    log.verdict("10:30", "u1", "pass", order="A-1").verdict("10:31", "u2", "pass", order="A-1").verdict(
        "10:33", "u2", "fail", order="A-1"
    )
    log.verdict("10:32", "u3", "fail", order="A-1").verdict("10:40", "u3", "pass", order="A-1", attempt=2)
    log.verdict("10:35", "u4", "uncertain", order="A-1").verdict("10:36", "u5", "uncertain", order="A-1")
    log.verdict("11:05", "u5", "pass", order="A-1")
    rows = hourly_counts(counts(plant(log, order=ORDERS)))
    assert [(hour, row["inspected"], row["passed"]) for (_, hour), r in rows.items() for row in r.values()] == [(START, 4, 2)]


def test_of_verdicts_at_one_time_the_later_sequence_counts() -> None:
    log = Log().verdict("10:30", "u1", "fail").verdict("10:30", "u1", "pass").verdict("10:29", "u1", "fail")
    assert counted(plant(log)) == {(None, None, None): {"inspected": 1, "passed": 1}}


# 10:00  production 40 min  | set-up 5 | breakdown 6 | delay 4 | no order 5 | 11:00
RULES = [
    {"states": ["STOPPED"], "element": "set-up"},
    {"states": ["Aborted"], "element": "breakdown"},
    {"modes": ["idle"], "element": "no order"},
]


def worked_hour(asset: str = "m1", units: int = 30) -> Log:
    """An hour of which every element is known, by states and a mode."""
    log = Log(asset).fact("10:00", "order", order="A-1").fact("10:55", "mode", mode="idle")
    for minute, state in ((0, "ACTIVE"), (40, "STOPPED"), (51, "READY")):
        log.fact(START + minute * MINUTE, "execution", state=state)
    log.fact("10:45", "packml", state="Aborted").fact("10:20", "produced", produced=units, scrap=3, rework=2)
    log.fact("10:00", "energy", counter_kwh=10.0).fact("10:59", "energy", counter_kwh=16.0)
    log.verdict("10:25", f"{asset}-u1", "pass").verdict("10:26", f"{asset}-u2", "fail")
    return log.beat("11:00")


HOURLY = {
    "availability": Fraction(40, 60),
    "effectiveness": Fraction(30, 40),
    "quality ratio": Fraction(25, 30),
    "overall equipment effectiveness index": Fraction(40, 60) * Fraction(30, 40) * Fraction(25, 30),
    "net equipment effectiveness index": Fraction(45, 60) * Fraction(30, 40) * Fraction(25, 30),
    "throughput rate": Fraction(30),
    "allocation efficiency": Fraction(55, 60),
    "utilisation efficiency": Fraction(40, 55),
    "technical efficiency": Fraction(40, 50),
    "set-up rate": Fraction(5, 45),
    "first pass yield": Fraction(1, 2),
    "scrap ratio": Fraction(3, 30),
    "rework ratio": Fraction(2, 30),
    "mean time to failure": Fraction(45 * 60),
    "mean time to repair": Fraction(6 * 60),
    "mean time between failures": Fraction(51 * 60),
    "energy per unit": Fraction(6, 30),
    "energy per good unit": Fraction(6, 25),
}


@pytest.mark.parametrize(
    "scope",
    [
        Scope("asset", "m1", "hour", START),
        Scope("line", "l1", "hour", START),
        Scope("order", "A-1", "order", None),
    ],
)
def test_every_kpi_of_an_hour_worked_out_by_hand(scope: Scope) -> None:
    table = kpi_table(plant(worked_hour(), order=ORDERS, loss_model=[loss_model(rules=RULES)]))
    assert {k: Fraction(n, d) for (k, s), (n, d) in table.items() if s == scope} == HOURLY


def test_a_line_is_the_ratio_of_sums_over_its_assets_and_its_throughput_is_not_spread_over_them() -> None:
    table = kpi_table(plant(worked_hour(), worked_hour("m2", 15), order=ORDERS, loss_model=[loss_model(rules=RULES)]))
    line = {k: Fraction(n, d) for (k, s), (n, d) in table.items() if s == Scope("line", "l1", "hour", START)}
    assert line["availability"] == Fraction(80, 120)
    assert line["effectiveness"] == Fraction(45, 80)
    assert line["quality ratio"] == Fraction(35, 45)
    assert line["throughput rate"] == 45
    assert table["throughput rate", Scope("order", "A-1", "order", None)] == (45 * HOUR, HOUR)


def test_windows_of_shift_day_and_part_are_observed_from_their_start() -> None:
    table = kpi_table(plant(worked_hour(), order=ORDERS, loss_model=[loss_model(rules=RULES)], calendar=EARLY))
    by_scope = {s: d for (k, s), (_, d) in table.items() if k == "throughput rate"}
    assert by_scope[Scope("asset", "m1", "shift", SHIFT)] == 5 * HOUR  # 06:00 to 11:00
    assert by_scope[Scope("line", "l1", "day", DAY)] == 11 * HOUR
    assert by_scope[Scope("part", "P-1", "day", f"{DAY}/l1")] == 11 * HOUR


def test_a_kpi_without_a_denominator_is_not_told_but_availability_always_is() -> None:
    table = kpi_table(plant(Log().states("UU")))
    told = {k for k, s in table if s == Scope("asset", "m1", "hour", START)}
    assert told == {"availability", "throughput rate"}  # UNAVAILABLE is told, though nothing is known by it
    assert table["availability", Scope("asset", "m1", "hour", START)] == (0, 0)


def test_more_scrap_than_units_is_no_negative_good_quantity() -> None:
    log = Log().states("AAAA").fact("10:01", "produced", produced=1, scrap=2)
    assert kpi_table(plant(log))["quality ratio", Scope("asset", "m1", "hour", START)] == (0, 1)


# the order is assigned at 10:10, but 2 units were made for it at 10:05; it is taken off at 10:30, and time goes on to 12:00
def test_the_time_of_an_order_begins_with_its_first_assignment_or_unit() -> None:
    log = Log().fact("10:00", "execution", state="ACTIVE").fact("10:05", "produced", produced=2, order="A-1")
    log.fact("10:10", "order", order="A-1").fact("10:30", "order", order=None).beat("12:00")
    table = kpi_table(plant(log, order=ORDERS))
    assert table["throughput rate", Scope("order", "A-1", "order", None)] == (2 * HOUR, 55 * MINUTE)
    assert table["availability", Scope("order", "A-1", "order", None)] == (20 * MINUTE, 20 * MINUTE)


# shift 06:00 to 14:00; the asset is heard from 10:30 to 12:00, the hour from 10:00 has half an hour unknown
def test_coverage_counts_planned_time_of_which_nothing_is_told_as_unknown() -> None:
    log = Log().fact("10:30", "execution", state="ACTIVE").beat("12:00")
    table = coverage_table(plant(log, calendar=EARLY))
    assert table[Scope("asset", "m1", "hour", START)] == (30 * MINUTE, 60 * MINUTE)
    assert table[Scope("asset", "m1", "shift", SHIFT)] == (90 * MINUTE, 6 * HOUR)
    assert table[Scope("asset", "m1", "day", DAY)] == (90 * MINUTE, 6 * HOUR)


def test_a_silent_asset_lowers_the_coverage_of_its_line() -> None:
    one = Log("m1").fact("10:00", "execution", state="ACTIVE").beat("12:00")
    other = Log("m2").fact("10:00", "execution", state="ACTIVE").beat("10:30")
    table = coverage_table(plant(one, other, calendar=EARLY))
    assert table[Scope("line", "l1", "hour", START + HOUR)] == (HOUR, 2 * HOUR)
    assert clock("11:00") == START + HOUR
