"""Facts out of order: what they change, how far they are carried, when they are too late. Timelines as in test_domain_measure."""

import pytest
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, at
from measure_lab import account, fold, measuring, quantities

from schemas.events.late_event import LateEvent
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
