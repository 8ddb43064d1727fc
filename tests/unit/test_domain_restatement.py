"""Facts out of order: what they change, how far they are carried, when they are too late. Timelines as in test_domain_measure."""

from datetime import datetime

import pytest
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, at, calendar, loss_model, order_record
from measure_lab import account, elements, fold, measuring, quantities

from schemas.events.late_event import LateEvent
from schemas.events.measure import Measure
from schemas.registry import MACHINE
from streams.domain.fold import Outcome


@pytest.fixture
def line() -> InMemoryPipeline:
    return measuring()


def test_a_fact_out_of_order_in_an_open_hour_corrects_it_silently(line: InMemoryPipeline) -> None:
    # [10-A--x20R--30-  told next time
    gw = Source()
    fold(line, gw.state("10:00", "ACTIVE"), gw.alive("10:31"))
    assert fold(line, gw.state("10:20", "READY")) == []
    (told,) = fold(line, gw.ending("11:00"))
    assert (told.status, account(told)) == ("final", {"ACTIVE": 20, "READY": 40})


def test_a_late_fact_restates_a_final_hour(line: InMemoryPipeline) -> None:
    # [10-A---x40R---)[11-U
    gw = Source()
    fold(line, gw.state("10:00", "ACTIVE"), gw.state("11:00", "UNAVAILABLE"), gw.alive("11:01"))
    (told,) = fold(line, gw.state("10:40", "READY"))
    assert (told.status, told.revision, account(told)) == ("restated", 2, {"ACTIVE": 40, "READY": 20})
    assert told.reason == "gw/m1/4 came out of order"


def test_a_late_fact_changes_the_hours_that_it_is_carried_into(line: InMemoryPipeline) -> None:
    # [10-A---x40R---)[11-----)[12--30-U  up to the next state, which stands
    gw = Source()
    fold(line, gw.state("10:00", "ACTIVE"), gw.state("12:30", "UNAVAILABLE"), gw.alive("14:00:10"))
    told = fold(line, gw.state("10:40", "READY"))
    assert [(m.window.start, m.status, account(m)) for m in told] == [
        (at("10:00"), "restated", {"ACTIVE": 40, "READY": 20}),
        (at("11:00"), "restated", {"READY": 60}),
        (at("12:00"), "restated", {"READY": 30, "UNAVAILABLE": 30}),
    ]


def test_a_late_fact_that_repeats_what_was_the_case_restates_nothing(line: InMemoryPipeline) -> None:
    gw = Source()
    fold(line, gw.state("10:00", "ACTIVE"), gw.alive("12:00:10"))
    assert fold(line, gw.state("10:40", "ACTIVE")) == []


def test_a_late_first_state_makes_hours_that_had_not_been_told(line: InMemoryPipeline) -> None:
    # [9 ?? x50A-)[10-----)[11-R
    gw = Source()
    fold(line, gw.alive("09:00"), gw.state("11:00", "READY"), gw.alive("11:00:10"))
    told = fold(line, gw.state("09:50", "ACTIVE"))
    assert [(m.status, m.revision, account(m)) for m in told] == [("final", 1, {"ACTIVE": 10}), ("final", 1, {"ACTIVE": 60})]


def test_a_late_order_moves_the_units_that_named_none(line: InMemoryPipeline) -> None:
    # [10-A- x10:B-2 -20:3 units -)[11
    gw = Source()
    fold(line, gw.state("10:00", "ACTIVE"), gw.order("10:00", "A-1"), gw.produced("10:20", 3), gw.alive("11:00:10"))
    (told,) = fold(line, gw.order("10:10", "B-2"))
    assert quantities(told) == {"B-2": (3, 0, 0)}
    assert account(told) == {"A-1:ACTIVE": 10, "B-2:ACTIVE": 50}


def test_an_order_that_an_hour_has_lost_stays_named_with_zeros(line: InMemoryPipeline) -> None:
    # x10:00:00 B-2 replaces A-1 of the same instant
    gw = Source()
    fold(line, gw.state("10:00", "ACTIVE"), gw.order("10:00", "A-1"), gw.alive("11:00:10"))
    (told,) = fold(line, gw.order("10:00", "B-2"))
    assert account(told) == {"B-2:ACTIVE": 60}
    assert quantities(told) == {"A-1": (0, 0, 0)}
    (told,) = fold(line, gw.order("10:00", "C-3"))
    assert quantities(told) == {"A-1": (0, 0, 0), "B-2": (0, 0, 0)}


def test_late_units_restate_their_hour_alone(line: InMemoryPipeline) -> None:
    gw = Source()
    fold(line, gw.state("10:00", "ACTIVE"), gw.alive("12:00:10"))
    (told,) = fold(line, gw.produced("10:59", 2))
    assert (told.window.start, told.status, quantities(told)) == (at("10:00"), "restated", {None: (2, 0, 0)})


def test_a_fact_older_than_the_horizon_is_late_and_named(line: InMemoryPipeline) -> None:
    gw = Source()
    fold(line, gw.state("10:00", "ACTIVE"), gw.alive("+7 11:30"))
    assert fold(line, gw.state("10:59:59", "READY")) == []
    assert line.outcomes["measure", MACHINE.name, Outcome.LATE] == 1
    (late,) = line.events(LateEvent)
    assert (late.step, late.event, late.lateness_us, late.readings) == ("measure", "gw/m1/3", 1_000_000, 0)


def test_a_fact_just_within_the_horizon_restates(line: InMemoryPipeline) -> None:
    gw = Source()
    fold(line, gw.state("10:00", "ACTIVE"), gw.state("12:00", "ACTIVE"), gw.alive("+7 11:30"))
    told, after = fold(line, gw.state("11:00", "READY"))
    assert (told.window.start, account(told)) == (at("11:00"), {"READY": 60})
    assert (after.window.start, account(after), after.elements[0].begun) == (at("12:00"), {"ACTIVE": 60}, 1)  # it runs anew


def test_a_late_heartbeat_or_signal_is_no_late_fact(line: InMemoryPipeline) -> None:
    gw = Source()
    fold(line, gw.state("10:00", "ACTIVE"), gw.alive("+8 10:00"))
    assert fold(line, gw.alive("10:00"), gw.program("10:00", "P1")) == []
    assert line.outcomes["measure", MACHINE.name, Outcome.LATE] == 0


# through the time around


MODEL = loss_model(rules=[{"reasons": ["jam"], "element": "breakdown"}], micro_stop=5, minimum_run=2, set_up_limit=90)


def hours(told: list[Measure]) -> list[tuple[datetime, str, dict[str, float]]]:
    return [(m.window.start, m.status, elements(m)) for m in told]


def test_an_hour_waits_for_the_lag_of_its_loss_model() -> None:
    # [10-A--58 R )[11 2 A : the stop of 4 min is minor, and that is known at 11:02; the hour is final at 11:07:05
    gw, line = Source(), measuring(MODEL)
    fold(line, gw.order("10:00", "A-1"), gw.state("10:00", "ACTIVE"), gw.state("10:58", "READY"), gw.state("11:02", "ACTIVE"))
    assert [m for m in fold(line, gw.alive("11:07:04.9")) if m.status == "final"] == []
    (told,) = fold(line, gw.alive("11:07:05"))
    assert hours([told]) == [(at("10:00"), "final", {"A-1:production": 58, "A-1:minor stop": 2})]


def test_a_code_restates_every_hour_of_its_stop() -> None:
    # [10-A--30 R )[11------)[12--15 code-- : in time order, yet it speaks of the past
    gw, line = Source(), measuring(MODEL)
    fold(line, gw.state("10:00", "ACTIVE"), gw.state("10:30", "READY"), gw.alive("12:14"))
    told = fold(line, gw.coded("12:15", "jam"))
    assert hours(told[:2]) == [
        (at("10:00"), "restated", {"production": 30, "breakdown": 30}),
        (at("11:00"), "restated", {"breakdown": 60}),
    ]
    assert told[0].reason == "gw/m1/4 tells of what was before it"


def test_a_late_state_changes_what_the_hour_before_it_was() -> None:
    # [10-A--58 R )[11 -- x 01 A ... : with the run from 11:01 the stop over the hour is short
    gw, line = Source(), measuring(MODEL)
    fold(line, gw.order("10:00", "A-1"), gw.state("10:00", "ACTIVE"), gw.state("10:58", "READY"), gw.alive("12:30"))
    told = fold(line, gw.state("11:01", "ACTIVE"))
    assert hours(told) == [
        (at("10:00"), "restated", {"A-1:production": 58, "A-1:minor stop": 2}),
        (at("11:00"), "restated", {"A-1:minor stop": 1, "A-1:production": 59}),
    ]


def test_a_late_mode_changes_the_hours_that_it_holds_in() -> None:
    gw = Source()
    line = measuring(loss_model(rules=[{"modes": ["MANUAL"], "states": ["ACTIVE"], "element": "set-up"}]))
    fold(line, gw.state("10:00", "ACTIVE"), gw.mode("10:00", "AUTOMATIC"), gw.alive("13:00:10"))
    told = fold(line, gw.mode("11:30", "MANUAL"))
    assert hours(told) == [
        (at("11:00"), "restated", {"production": 30, "set-up": 30}),
        (at("12:00"), "restated", {"set-up": 60}),
    ]


def test_a_late_order_makes_set_up_of_the_stop_behind_it_hours_on() -> None:
    # [10-A--40 R x50:A-1 )[11-------)[12 : set-up for 90 min, over two hours
    gw, line = Source(), measuring(MODEL)
    fold(line, gw.state("10:00", "ACTIVE"), gw.state("10:40", "READY"), gw.alive("13:30"))
    told = fold(line, gw.order("10:50", "A-1"))
    assert hours(told)[:3] == [
        (at("10:00"), "restated", {"production": 40, "no order": 10, "A-1:set-up": 10}),
        (at("11:00"), "restated", {"A-1:set-up": 60}),
        (at("12:00"), "restated", {"A-1:set-up": 20, "A-1:delay": 40}),
    ]


def test_a_late_order_in_a_run_makes_set_up_of_the_next_stop() -> None:
    # [10-A x50:B-2 55:A-1 -)[11-A--30 R )[12--10 A : A-1 comes anew at 10:55, and no run begins before 12:10
    gw, line = Source(), measuring(MODEL)
    facts = [gw.order("10:00", "A-1"), gw.state("10:00", "ACTIVE"), gw.order("10:55", "A-1"), gw.state("11:30", "READY")]
    fold(line, *facts, gw.state("12:10", "ACTIVE"), gw.alive("14:30"))
    told = fold(line, gw.order("10:50", "B-2"))
    assert hours(told) == [
        (at("10:00"), "restated", {"A-1:production": 55, "B-2:production": 5}),
        (at("11:00"), "restated", {"A-1:production": 30, "A-1:set-up": 30}),
        (at("12:00"), "restated", {"A-1:set-up": 10, "A-1:production": 50}),
    ]


# what is known about the line


def test_a_calendar_that_arrives_late_restates_the_hours_it_touches() -> None:
    gw, line = Source(), measuring()
    fold(line, gw.state("10:00", "ACTIVE"), gw.alive("12:30"))
    line.references.put(calendar(1, "11:00", early="11:00-11:45"))
    told = fold(line, gw.alive("12:31"))
    assert hours(told) == [
        (at("11:00"), "restated", {"production": 45, "not planned": 15}),
        (at("12:00"), "provisional", {"not planned": 30}),
    ]
    assert (told[0].reason, told[0].calendar_version) == ("calendar of l1, version 1", 1)
    assert fold(line, gw.alive("12:32")) == []


def test_a_loss_model_that_arrives_late_restates_from_where_it_is_valid() -> None:
    gw, line = Source(), measuring(loss_model(1))
    fold(line, gw.state("10:00", "READY"), gw.alive("13:00:10"))
    line.restart()
    line.references.put(loss_model(2, "12:00", rules=[{"element": "breakdown"}]))
    told = fold(line, gw.alive("13:00:20"))
    assert hours(told) == [(at("12:00"), "restated", {"breakdown": 60})]
    assert told[0].reason == "loss model of l1, version 2"


def test_the_record_of_an_order_that_arrives_late_gives_its_units_a_part_and_a_run_time() -> None:
    gw, line = Source(), measuring()
    fold(line, gw.order("10:00", "A-1"), gw.produced("10:10", 2), gw.alive("11:30"))
    line.references.put(order_record("A-1", version=4, run_time_us=1000))
    (told, *_) = fold(line, gw.alive("11:36"))
    assert (told.window.start, told.status, told.reason) == (at("10:00"), "restated", "order A-1, version 4")
    assert {(q.part, q.produced, q.planned_run_us, q.unrated) for q in told.quantities} == {("P-1", 2, 2000, 0)}


def test_a_shift_that_an_hour_has_lost_stays_named() -> None:
    gw, line = Source(), measuring(calendar(1, early="06:00-14:00"))
    fold(line, gw.state("10:00", "ACTIVE"), gw.alive("11:30"))
    line.references.put(calendar(2, day="08:00-18:00"))
    (told, *_) = fold(line, gw.alive("11:31"))
    assert [w.id for w in told.windows] == ["2026-11-24", "2026-11-24/day", "2026-11-24/early"]
    assert {e.shift for e in told.elements} == {"2026-11-24/day"}


# first facts


def test_a_first_fact_that_comes_after_the_end_is_told_at_once() -> None:
    # E at 10:20, and nothing after it but x10:00 A, which is older
    gw, line = Source(), measuring()
    assert fold(line, Source(source="b").ending("10:20")) == []
    (told,) = fold(line, gw.state("10:00", "ACTIVE"))
    assert (told.status, account(told), told.windows[0].id) == ("provisional", {"ACTIVE": 20}, "2026-11-24")


def test_a_late_fact_in_an_hour_before_the_first_one_told_is_told() -> None:
    gw, line = Source(), measuring()
    fold(line, gw.state("10:00", "READY"), gw.alive("11:30"))
    told = fold(line, gw.state("08:40", "ACTIVE"))
    assert [(m.window.start, m.status, account(m)) for m in told] == [
        (at("08:00"), "final", {"ACTIVE": 20}),
        (at("09:00"), "final", {"ACTIVE": 60}),
    ]
