"""Suppression by design: limits that alarm in some execution states only. ``A`` ACTIVE, ``R`` READY, ``^`` above the limit."""

import pytest
from alert_lab import WINDOW_US, Person, alert_step, fold, means, window
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, machine, us

from schemas.events.alert import Alert
from schemas.events.asset import Channel
from schemas.events.machine_event import Execution
from schemas.registry import MACHINE
from streams.domain.fold import Outcome

RULE = "limit:temp:high"
WORKING = Channel(unit="Cel", high=80, deadband=5, on_delay_us=0, alarms_while=[Execution.ACTIVE])


@pytest.fixture
def line() -> InMemoryPipeline:
    return alert_step(machine(temp=WORKING))


@pytest.fixture
def gw() -> Source:
    return Source()


def test_an_alarm_outside_the_states_is_suppressed_and_is_shown_when_they_return(line: InMemoryPipeline, gw: Source) -> None:
    # did    A A R R A A
    # mean   - - ^ ^ ^ ^
    #            s     !   the window during which the machine changes is not yet all ACTIVE
    told = gw.state("10:00", "ACTIVE"), gw.state("10:00:15", "READY"), gw.state("10:00:41", "ACTIVE"), gw.alive("10:02")
    assert fold(line, *told, *means(70, 70, 81, 82)) == [(RULE, "suppressed", 1)]
    assert line.events(Alert)[0].suppressed_by == "design"
    assert fold(line, window(4, 83)) == []
    assert fold(line, window(5, 84)) == [(RULE, "raised", 2)]
    assert line.events(Alert)[1].suppressed_by is None


def test_an_open_alarm_is_suppressed_when_the_machine_stops_and_clears_as_usual(line: InMemoryPipeline, gw: Source) -> None:
    told = gw.state("10:00", "ACTIVE"), gw.state("10:00:10", "STOPPED"), gw.alive("10:01")
    assert fold(line, *told, *means(81, 82, 70)) == [(RULE, "raised", 1), (RULE, "suppressed", 2), (RULE, "cleared", 3)]


def test_what_is_acknowledged_stays_so_over_a_suppression(line: InMemoryPipeline, gw: Source) -> None:
    told = gw.state("10:00", "ACTIVE"), gw.state("10:00:10", "STOPPED"), gw.state("10:00:20", "ACTIVE"), gw.alive("10:01")
    fold(line, *told, window(0, 81), Person().acknowledge("10:00:11", RULE, "10:00:10"))
    assert fold(line, *means(82, 83, first=1)) == [(RULE, "suppressed", 3), (RULE, "acknowledged", 4)]


def test_where_nobody_knows_what_the_machine_does_its_limits_alarm(line: InMemoryPipeline, gw: Source) -> None:
    assert fold(line, gw.alive("10:01"), window(0, 81)) == [(RULE, "raised", 1)]


def test_a_state_of_unavailable_is_a_state_like_any_other(line: InMemoryPipeline, gw: Source) -> None:
    assert fold(line, gw.state("10:00", "UNAVAILABLE"), gw.alive("10:01"), window(0, 81)) == [(RULE, "suppressed", 1)]


def test_after_an_end_nobody_knows(line: InMemoryPipeline, gw: Source) -> None:
    # did    R R x
    # mean   ^ ^ ^   the window that the end lies in is closed by it, the next one when the machine is heard again
    told = gw.state("10:00", "READY"), gw.ending("10:00:14")
    assert fold(line, *told, *means(81, 82, 83)) == [(RULE, "suppressed", 1)]
    assert fold(line, gw.alive("10:01")) == [(RULE, "raised", 2)]


def test_a_window_waits_until_it_is_settled_what_the_machine_did(line: InMemoryPipeline, gw: Source) -> None:
    # the window ends at 10:00:10; a fact may come 5 s late
    assert fold(line, gw.state("10:00", "READY"), window(0, 81)) == []
    assert fold(line, gw.alive("10:00:14.9")) == []
    assert fold(line, gw.alive("10:00:15")) == [(RULE, "suppressed", 1)]


def test_a_state_that_comes_within_the_disorder_counts(line: InMemoryPipeline, gw: Source) -> None:
    told = gw.state("09:59", "ACTIVE"), gw.alive("10:00:14"), gw.state("10:00:09", "READY")
    assert fold(line, *told, gw.alive("10:00:15"), window(0, 81)) == [(RULE, "suppressed", 1)]


def test_a_state_that_comes_later_holds_from_what_is_not_settled_yet(line: InMemoryPipeline, gw: Source) -> None:
    # told at 10:00:15 that it was READY from 10:00:03 on: the window until 10:00:10 is settled, the next one is not
    told = gw.state("09:59", "ACTIVE"), gw.alive("10:00:15"), gw.state("10:00:03", "READY"), gw.alive("10:01")
    assert fold(line, *told, *means(81, 82)) == [(RULE, "raised", 1), (RULE, "suppressed", 2)]
    assert line.outcomes["alert", MACHINE.name, Outcome.LATE] == 0


def test_a_state_that_is_overtaken_when_it_comes_is_late(line: InMemoryPipeline, gw: Source) -> None:
    told = gw.state("10:00:02", "ACTIVE"), gw.alive("10:00:15"), gw.state("10:00:01", "READY"), gw.alive("10:01")
    assert fold(line, *told, *means(81, 82)) == [(RULE, "raised", 1)]
    assert line.outcomes["alert", MACHINE.name, Outcome.LATE] == 1


def test_limits_without_states_wait_for_nothing(line: InMemoryPipeline, gw: Source) -> None:
    line.references["m1"] = machine(temp=Channel(unit="Cel", high=80, on_delay_us=0))
    assert fold(line, gw.state("10:00", "READY"), window(0, 81)) == [(RULE, "raised", 1)]


def test_when_too_many_windows_wait_the_oldest_are_judged_by_what_is_known(line: InMemoryPipeline) -> None:
    assert fold(line, *means(*([81] * 1_000))) == []
    assert fold(line, window(1_000, 81)) == [(RULE, "raised", 1)]
    assert fold(line, window(1_001, 81)) == []


@pytest.mark.parametrize("facts_first", [False, True])
def test_whichever_topic_is_read_first_the_steps_are_the_same(line: InMemoryPipeline, gw: Source, facts_first: bool) -> None:
    # did    R R A A R R A A ...: a change every 20 s, in the middle of a window
    told = [gw.state(us("10:00:05") + 2 * i * WINDOW_US, s) for i, s in enumerate(("READY", "ACTIVE") * 5)]
    windows = means(*(85 if i % 7 else 70 for i in range(18)))
    fold(line, *(told if facts_first else windows))
    fold(line, *(windows if facts_first else told))
    fold(line, gw.alive("10:10"))
    plain = alert_step(machine(temp=WORKING))
    fold(plain, *sorted([*told, *windows], key=lambda e: e.event_time), gw.alive("10:10"))
    assert {a.state for a in plain.events(Alert)} == {"raised", "suppressed", "cleared"}
    key = [(a.id, a.state, a.event_time) for a in plain.events(Alert)]
    assert [(a.id, a.state, a.event_time) for a in line.events(Alert)] == key
