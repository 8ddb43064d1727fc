"""Time elements: where each instant of an asset belongs. Timelines: ``A`` active, ``R`` ready, ``U`` unavailable, ``?`` unknown."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, at, calendar, loss_model, minutes, order_record
from measure_lab import account, begun, elements, fold, measuring, quantity

from schemas.envelope import Event
from schemas.events.calendar import Calendar
from schemas.events.loss_model import LossModel
from schemas.events.measure import Measure
from schemas.events.order import Order
from schemas.instant import HOUR_US


@pytest.fixture
def line() -> InMemoryPipeline:
    return measuring()


def test_without_a_loss_model_running_is_production_and_every_stop_is_a_delay_or_has_no_order(line: InMemoryPipeline) -> None:
    # [10 ??? 5 R---15:A-1--20 A----40 R--50 U--)
    gw = Source()
    told = fold(
        line,
        gw.state("10:05", "READY"),
        gw.order("10:15", "A-1"),
        gw.state("10:20", "ACTIVE"),
        gw.state("10:40", "READY"),
        gw.state("10:50", "UNAVAILABLE"),
        gw.ending("11:00"),
    )
    assert elements(told[-1]) == {"unknown": 5, "no order": 10, "A-1:delay": 15, "A-1:production": 20, "A-1:unknown": 10}
    assert begun(told[-1]) == {"unknown": 1, "no order": 1, "delay": 2, "production": 1}


def test_an_element_that_goes_on_over_the_hour_has_begun_once(line: InMemoryPipeline) -> None:
    # [10-A--30)[11-----)
    gw = Source()
    told = fold(line, gw.state("10:30", "ACTIVE"), gw.ending("12:00"))
    assert [[(e.element.value, e.begun) for e in m.elements] for m in told] == [
        [("production", 1), ("unknown", 0)],
        [("production", 0)],
    ]


def test_without_a_calendar_the_day_is_that_of_utc(line: InMemoryPipeline) -> None:
    gw = Source()
    (told,) = fold(line, gw.state("23:30", "ACTIVE"), gw.ending("+1 00:00"))
    (window,) = told.windows
    assert (window.kind, window.id, window.window.start, window.window.end) == ("day", "2026-11-24", at("00:00"), at("+1 00:00"))
    assert {(e.day, e.shift) for e in told.elements} == {("2026-11-24", None)}


# rules


JAM = {"reasons": ["jam"], "element": "breakdown"}


def hour(*events: Event, known: tuple[Calendar | LossModel | Order, ...] = ()) -> Measure:
    """The newest measure of the hour 10, after an end at 11:00."""
    line, last = measuring(*known), Source(source="last")
    return [m for m in fold(line, *events, last.ending("11:00")) if m.window.start == at("10:00")][-1]


def test_packml_states_count_like_those_of_mtconnect() -> None:
    # [10-Execute--20 Held--30 Idle---)
    gw = Source()
    m = hour(gw.order("10:00", "A-1"), gw.packml("10:00", "Execute"), gw.packml("10:20", "Held"), gw.packml("10:30", "Idle"))
    assert elements(m) == {"A-1:production": 20, "A-1:delay": 40}
    assert account(m) == {"A-1:Execute": 20, "A-1:Held": 10, "A-1:Idle": 30}


def test_the_first_rule_of_which_every_condition_holds_decides() -> None:
    # [10-A-MANUAL--20-A-AUTOMATIC--40-R--)
    rules: list[dict[str, object]] = [
        {"states": ["ACTIVE"], "modes": ["MANUAL"], "element": "set-up"},
        {"states": ["READY"], "on_order": False, "element": "breakdown"},
    ]
    gw = Source()
    facts = [gw.state("10:00", "ACTIVE"), gw.mode("10:00", "MANUAL"), gw.mode("10:20", "AUTOMATIC"), gw.state("10:40", "READY")]
    assert elements(hour(*facts, known=(loss_model(rules=rules),))) == {"set-up": 20, "production": 20, "breakdown": 20}


def test_the_newest_code_of_a_stop_counts_for_all_of_it_and_no_other() -> None:
    # [10-A-10 R x15 cleaning x20 jam--30-A--40-R--)   the code of an earlier time comes last in the log
    gw = Source()
    m = hour(
        gw.state("10:00", "ACTIVE"), gw.state("10:10", "READY"), gw.coded("10:20", "jam"), gw.coded("10:15", "cleaning"),
        gw.state("10:30", "ACTIVE"), gw.state("10:40", "READY"), gw.coded("10:35", "jam"),
        known=(loss_model(rules=[JAM]),),
    )  # fmt: skip
    assert elements(m) == {"production": 20, "breakdown": 20, "no order": 20}
    assert {(e.element.value, e.reason) for e in m.elements} == {
        ("production", None), ("breakdown", "jam"), ("no order", None),
    }  # fmt: skip


def test_a_short_run_between_two_stops_belongs_to_the_stop_before_it() -> None:
    # [10 S--10-A-12 R--20-A--) with a minimum of 3: STOPPED holds through the run, and the stop is 20 min long
    gw = Source()
    facts = [gw.state("10:00", "STOPPED"), gw.state("10:10", "ACTIVE"), gw.state("10:12", "READY"), gw.state("10:20", "ACTIVE")]
    model = loss_model(rules=[{"states": ["STOPPED"], "element": "breakdown"}], minimum_run=3)
    assert elements(hour(*facts, known=(model,))) == {"breakdown": 12, "no order": 8, "production": 40}


def test_a_short_run_beside_unknown_time_stays_a_run() -> None:
    # [10 ??? 10-A-12 R--) : nothing is known before
    gw = Source()
    m = hour(gw.state("10:10", "ACTIVE"), gw.state("10:12", "READY"), known=(loss_model(minimum_run=3),))
    assert elements(m) == {"unknown": 10, "production": 2, "no order": 48}


def test_a_stop_without_a_code_that_is_shorter_than_the_threshold_is_minor() -> None:
    # [10-A-10 R-14 A-20 R(jam)-24 A-30 R-35 A--)  threshold 5: 4 min are minor, 5 are not, a coded stop is what its code says
    gw = Source()
    stops = [("10:10", "10:14"), ("10:20", "10:24"), ("10:30", "10:35")]
    facts = [gw.order("10:00", "A-1"), gw.state("10:00", "ACTIVE"), gw.coded("10:21", "jam")]
    facts += [f for a, b in stops for f in (gw.state(a, "READY"), gw.state(b, "ACTIVE"))]
    m = hour(*facts, known=(loss_model(rules=[JAM], micro_stop=5),))
    assert elements(m) == {"A-1:production": 47, "A-1:minor stop": 4, "A-1:breakdown": 4, "A-1:delay": 5}
    assert begun(m) == {"production": 4, "minor stop": 1, "breakdown": 1, "delay": 1}


def test_stops_from_a_change_of_order_to_the_first_run_are_set_up_at_most_to_the_limit() -> None:
    # [10-R-5:A-1-----25-A-30 R-35:A-1 again-40-A-45:B-2 R------)  limit 12: 5-17, nothing for A-1 again, 45-57
    gw = Source()
    m = hour(
        gw.state("10:00", "READY"), gw.order("10:05", "A-1"), gw.state("10:25", "ACTIVE"), gw.state("10:30", "READY"),
        gw.order("10:35", "A-1"), gw.state("10:40", "ACTIVE"), gw.order("10:45", "B-2"), gw.state("10:45", "READY"),
        known=(loss_model(set_up_limit=12),),
    )  # fmt: skip
    assert elements(m) == {
        "no order": 5, "A-1:set-up": 12, "A-1:delay": 18, "A-1:production": 10, "B-2:set-up": 12, "B-2:delay": 3,
    }  # fmt: skip


def test_a_stop_that_touches_a_break_belongs_to_it_as_far_as_the_gap() -> None:
    # shift 6-14, break [20 .. 40]:  A-----10 R--[20 A 40]--R 55 A  gap 6: 14-20 and 40-46
    gw = Source()
    m = hour(
        gw.state("10:00", "ACTIVE"), gw.state("10:10", "READY"), gw.state("10:25", "ACTIVE"), gw.state("10:35", "READY"),
        gw.state("10:55", "ACTIVE"),
        known=(calendar(early="06:00-14:00 10:20-10:40"), loss_model(break_gap=6)),
    )  # fmt: skip
    assert elements(m) == {"production": 15, "no order": 4 + 9, "planned downtime": 6 + 20 + 6}


def test_outside_of_shifts_nothing_is_planned_whatever_the_machine_does() -> None:
    # shift ends at 10:30; A all the time, units count all the same
    gw = Source()
    m = hour(gw.state("10:00", "ACTIVE"), gw.produced("10:45", 3), known=(calendar(early="06:00-10:30"),))
    assert [(e.shift, e.element.value, e.duration_us // minutes(1)) for e in m.elements] == [
        (None, "not planned", 30),
        ("2026-11-24/early", "production", 30),
    ]
    assert [(q.shift, q.produced) for q in m.quantities] == [(None, 3)]
    assert [(w.kind, w.id) for w in m.windows] == [("day", "2026-11-24"), ("shift", "2026-11-24/early")]
    assert m.calendar_version == 1


def test_a_night_shift_counts_for_the_day_on_which_it_starts() -> None:
    gw, line = Source(), measuring(calendar(night="22:00-06:00"))
    told = fold(line, gw.state("+1 02:00", "ACTIVE"), gw.ending("+1 03:00"))
    assert {(e.day, e.shift) for e in told[-1].elements} == {("2026-11-24", "2026-11-24/night")}


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-24", 24)])
def test_a_local_day_has_the_hours_that_its_clock_has(day: str, hours: int) -> None:
    # Berlin: clocks go forward on the last Sunday of March and back on that of October
    midnight = int(datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()) * 1_000_000
    gw, line = Source(), measuring(calendar(zone="Europe/Berlin", since="-900 00:00", all="00:00-00:00"))
    told = fold(
        line,
        gw.state(midnight - HOUR_US, "ACTIVE"),
        *(gw.alive(midnight + n * HOUR_US) for n in range(0, 27, 6)),
        gw.ending(midnight + 26 * HOUR_US),
    )
    newest = {m.window.start: m for m in told}.values()
    assert sum(e.duration_us for m in newest for e in m.elements if e.day == day) == hours * HOUR_US


def test_of_loss_models_the_highest_version_that_is_valid_counts() -> None:
    # version 1 since long, 3 since 10:20, 2 (breakdown) never comes into force after 3; model 3 says planned downtime
    rules = [[{"states": ["READY"], "element": e}] for e in ("delay", "breakdown", "planned downtime")]
    known = (loss_model(1, rules=rules[0]), loss_model(2, "10:40", rules=rules[1]), loss_model(3, "10:20", rules=rules[2]))
    m = hour(Source().state("10:00", "READY"), known=known)
    assert elements(m) == {"delay": 20, "planned downtime": 40}
    assert m.loss_model_version == 3


# quantities


def test_units_carry_the_run_time_and_the_part_that_their_order_plans() -> None:
    gw = Source()
    orders = (order_record("A-1", run_time_us=minutes(2), part="P-1"), order_record("B-2", part="P-2"))
    m = hour(gw.order("10:00", "A-1"), gw.produced("10:10", 3), gw.produced("10:20", 4, order="B-2"), known=orders)
    a, b = quantity(m, "A-1"), quantity(m, "B-2")
    assert (a.part, a.planned_run_us, a.unrated, b.part, b.planned_run_us, b.unrated) == ("P-1", minutes(6), 0, "P-2", 0, 4)


def test_energy_is_the_rise_of_the_counter_and_a_new_meter_starts_anew() -> None:
    # 1.000 in hour 9, then 1.5, 2.25, out of order 2.0, new meter 0.1, 0.35
    gw = Source()
    readings = [("09:50", 1.0), ("10:10", 1.5), ("10:30", 2.25), ("10:20", 2.0), ("10:40", 0.1), ("10:50", 0.35)]
    m = hour(*(gw.energy(t, kwh) for t, kwh in readings))
    assert quantity(m).energy_wh == 500 + 500 + 250 + 0 + 250


def test_a_unit_is_inspected_once_where_its_first_inspection_was_heard_of_first() -> None:
    # U1 fails, a person says pass; U2 is uncertain; U3 fails, its second attempt passes
    gw, lab = Source(), Source(source="lab")
    m = hour(
        gw.order("10:00", "A-1"), gw.state("10:00", "ACTIVE"),
        lab.verdict("10:10", "U1", "fail"), lab.verdict("10:20", "U1", "pass"),
        lab.verdict("10:20", "U2", "uncertain"), lab.verdict("10:30", "U3", "fail"), lab.verdict("10:40", "U3", "pass", attempt=2),
    )  # fmt: skip
    assert (quantity(m, "A-1").inspected, quantity(m, "A-1").passed) == (2, 1)


def test_a_verdict_that_comes_later_restates_the_hour_of_the_first_one() -> None:
    gw, lab, line = Source(), Source(source="lab"), measuring()
    fold(line, gw.state("10:00", "ACTIVE"), lab.verdict("10:30", "U1", "fail"), gw.alive("13:00:10"))
    (told,) = fold(line, lab.verdict("12:30", "U1", "pass"))
    assert (told.window.start, told.status, quantity(told).inspected, quantity(told).passed) == (at("10:00"), "restated", 1, 1)
    assert {i.topic for i in told.inputs} == {"factory.machine.v1", "factory.inspection.v1"}
