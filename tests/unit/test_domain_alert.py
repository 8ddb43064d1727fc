"""Alarms on limits and conditions. Timelines: ``^`` a window above the limit, ``-`` inside, ``!`` raised, ``.`` cleared."""

import pytest
from alert_lab import alert_step, fold, means, window
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, at, machine

from schemas.events.alert import Alert
from schemas.events.asset import Channel
from schemas.registry import AGGREGATE, MACHINE
from streams.domain.fold import Outcome

LIMITED = Channel(unit="Cel", low=10, high=80, deadband=5, priority="urgent")


@pytest.fixture
def line() -> InMemoryPipeline:
    return alert_step(machine(temp=LIMITED))


def test_one_window_above_the_limit_is_no_alarm(line: InMemoryPipeline) -> None:
    assert fold(line, *means(70, 90, 70, 90, 70)) == []


def test_two_windows_above_the_limit_raise(line: InMemoryPipeline) -> None:
    # -^^!
    assert fold(line, *means(70, 81, 82)) == [("limit:temp:high", "raised", 1)]
    (raised,) = line.events(Alert)
    assert (raised.raised_at, raised.event_time, raised.priority) == (at("10:00:30"), at("10:00:30"), "urgent")
    assert (raised.value, raised.limit, raised.unit, raised.channel, raised.cause) == (82, 80, "Cel", "temp", "m1-temp-2")
    assert raised.text == "temp of m1 is above 80 Cel for 20 s: mean 82 Cel"


def test_the_limit_itself_is_inside(line: InMemoryPipeline) -> None:
    assert fold(line, *means(80, 80, 10, 10)) == []


def test_two_windows_below_the_low_limit_raise(line: InMemoryPipeline) -> None:
    assert fold(line, *means(9, 8)) == [("limit:temp:low", "raised", 1)]


def test_an_alarm_clears_only_beyond_the_deadband(line: InMemoryPipeline) -> None:
    # ^^! 78 is inside the limit but not inside the deadband; 75 is
    fold(line, *means(81, 82))
    assert fold(line, *means(78, 75.1, first=2)) == []
    assert fold(line, *means(75, first=4)) == [("limit:temp:high", "cleared", 2)]


# mean   81 82 83 84 85 86
# above  10 20 30 40 50 60 s: an on-delay of a minute is over with the sixth window
def test_an_on_delay_waits_for_so_long_beyond_the_limit(line: InMemoryPipeline) -> None:
    line.references["m1"] = machine(temp=LIMITED.model_copy(update={"on_delay_us": 60_000_000}))
    assert fold(line, *means(81, 82, 83, 84, 85)) == []
    assert fold(line, window(5, 86)) == [("limit:temp:high", "raised", 1)]
    assert line.events(Alert)[0].text == "temp of m1 is above 80 Cel for 60 s: mean 86 Cel"


def test_an_on_delay_begins_anew_with_each_window_inside(line: InMemoryPipeline) -> None:
    line.references["m1"] = machine(temp=LIMITED.model_copy(update={"on_delay_us": 30_000_000}))
    assert fold(line, *means(81, 82, 79, 81, 82, 79, 81, 82)) == []
    assert fold(line, window(8, 83)) == [("limit:temp:high", "raised", 1)]


def test_without_an_on_delay_the_first_window_raises(line: InMemoryPipeline) -> None:
    line.references["m1"] = machine(temp=LIMITED.model_copy(update={"on_delay_us": 0}))
    assert fold(line, window(0, 81)) == [("limit:temp:high", "raised", 1)]


# mean   81 82   70 70 78 70 70 70
#        raised  10 20  -  10 20 30 s: an off-delay of half a minute begins anew after 78, which is inside the deadband
def test_an_off_delay_waits_for_so_long_back_inside(line: InMemoryPipeline) -> None:
    line.references["m1"] = machine(temp=LIMITED.model_copy(update={"off_delay_us": 30_000_000}))
    fold(line, *means(81, 82))
    assert fold(line, *means(70, 70, 78, 70, 70, first=2)) == []
    assert fold(line, window(7, 70)) == [("limit:temp:high", "cleared", 2)]


def test_the_steps_of_an_occurrence_share_its_name_and_have_ids_of_their_own(line: InMemoryPipeline) -> None:
    fold(line, *means(81, 82, 50))
    raised, cleared = line.events(Alert)
    assert raised.alert == cleared.alert
    assert raised.id != cleared.id
    assert cleared.raised_at == raised.raised_at


def test_the_next_occurrence_has_another_name(line: InMemoryPipeline) -> None:
    fold(line, *means(81, 82, 50, 81, 82))
    first, _, second = line.events(Alert)
    assert first.alert != second.alert
    assert second.revision == 1


def test_windows_out_of_order_do_not_flap(line: InMemoryPipeline) -> None:
    # ^^! then old windows inside the limit
    fold(line, window(4, 81), window(5, 82))
    assert fold(line, window(3, 50), window(2, 50)) == []
    assert line.outcomes["alert", AGGREGATE.name, Outcome.LATE] == 2


def test_the_same_window_again_is_a_repeat(line: InMemoryPipeline) -> None:
    assert fold(line, window(0, 81), window(0, 81)) == []
    assert line.outcomes["alert", AGGREGATE.name, Outcome.DUPLICATE] == 1


def test_a_channel_without_limits_does_not_alarm(line: InMemoryPipeline) -> None:
    assert fold(line, window(0, 1e9, "load"), window(1, 1e9, "load")) == []


def test_a_limit_that_is_taken_away_clears_what_it_raised(line: InMemoryPipeline) -> None:
    fold(line, *means(81, 82))
    line.references["m1"] = machine(temp=Channel(unit="Cel"))
    assert fold(line, window(2, 83)) == [("limit:temp:high", "cleared", 2)]


@pytest.mark.parametrize(("level", "priority"), [("fault", "high"), ("warning", "medium")])
def test_a_bad_condition_raises_and_normal_clears(line: InMemoryPipeline, level: str, priority: str) -> None:
    gw = Source()
    assert fold(line, gw.condition("10:00", "servo", level)) == [("condition:servo", "raised", 1)]  # type: ignore[arg-type]
    assert line.events(Alert)[0].priority == priority
    assert fold(line, gw.condition("10:01", "servo", "normal")) == [("condition:servo", "cleared", 2)]


def test_a_warning_that_grows_to_a_fault_is_more_urgent(line: InMemoryPipeline) -> None:
    gw = Source()
    steps = [
        gw.condition("10:00", "servo", "warning"),
        gw.condition("10:01", "servo", "fault"),
        gw.condition("10:02", "servo", "normal"),
    ]
    assert [s[1:] for s in fold(line, *steps)] == [("raised", 1), ("raised", 2), ("cleared", 3)]
    assert [(a.priority, a.raised_at) for a in line.events(Alert)] == [
        ("medium", at("10:00")),
        ("high", at("10:00")),
        ("high", at("10:00")),
    ]


def test_a_condition_that_stays_bad_is_one_alarm(line: InMemoryPipeline) -> None:
    gw = Source()
    fold(line, gw.condition("10:00", "servo", "fault"))
    assert fold(line, gw.condition("10:01", "servo", "fault"), gw.condition("10:02", "servo", "warning")) == []


def test_unavailable_neither_raises_nor_clears(line: InMemoryPipeline) -> None:
    gw = Source()
    assert fold(line, gw.condition("10:00", "servo", "unavailable")) == []
    fold(line, gw.condition("10:01", "servo", "fault"))
    assert fold(line, gw.condition("10:02", "servo", "unavailable")) == []


def test_a_condition_out_of_order_is_late(line: InMemoryPipeline) -> None:
    gw = Source()
    fold(line, gw.condition("10:01", "servo", "fault"))
    assert fold(line, gw.condition("10:00", "servo", "normal")) == []
    assert line.outcomes["alert", MACHINE.name, Outcome.LATE] == 1


def test_a_condition_that_comes_and_goes_within_one_instant_keeps_its_name(line: InMemoryPipeline) -> None:
    gw = Source()
    assert [s[1:] for s in fold(line, *(gw.condition("10:00", "servo", v) for v in ("fault", "normal", "fault")))] == [
        ("raised", 1),
        ("cleared", 2),
        ("raised", 3),
    ]


def test_a_restart_between_any_two_records_changes_nothing(line: InMemoryPipeline) -> None:
    gw = Source()
    events = [*means(81, 82, 50, 9, 8), gw.condition("10:00", "servo", "warning"), gw.condition("10:01", "servo", "fault")]
    fold(line, *events)
    cut = alert_step(machine(temp=LIMITED))
    cut.send(*events)
    cut.run(restart=lambda: True)
    assert cut.events(Alert) == line.events(Alert)
