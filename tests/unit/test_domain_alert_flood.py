"""Floods of alarms (ISA-18.2: more than 10 within 10 minutes, until fewer than 5). One condition a minute or faster is raised."""

import pytest
from alert_lab import Person, alert_step, fold, window
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, machine, us

from schemas.events.alert import Alert
from schemas.events.asset import Channel
from schemas.events.machine_event import MachineEvent

FLOOD = "flood:condition"
SECOND = 1_000_000


@pytest.fixture
def line() -> InMemoryPipeline:
    return alert_step(machine())


@pytest.fixture
def gw() -> Source:
    return Source()


def warnings(gw: Source, count: int, clock: str = "10:00", apart_s: int = 30, first: int = 0) -> list[MachineEvent]:
    """``count`` conditions, each at warning from its own time on."""
    return [gw.condition(us(clock) + i * apart_s * SECOND, f"c{first + i:02}", "warning") for i in range(count)]


# minute  0 0 1 1 2 2 3 3 4 4 | 5
# alarm   ! ! ! ! ! ! ! ! ! ! | the eleventh is the flood
def test_ten_alarms_in_ten_minutes_are_no_flood_and_the_eleventh_is(line: InMemoryPipeline, gw: Source) -> None:
    assert {s for _, s, _ in fold(line, *warnings(gw, 10))} == {"raised"}
    assert fold(line, *warnings(gw, 1, "10:05", first=10)) == [(FLOOD, "raised", 1), ("condition:c10", "suppressed", 1)]
    flood, held = line.events(Alert)[-2:]
    assert (flood.priority, flood.value, flood.limit) == ("high", 1, 10)
    assert flood.text == "more than 10 alerts of conditions on m1 within 10 min: 1 held back"
    assert held.suppressed_by == "flood"


def test_the_eleventh_alarm_ten_minutes_after_the_first_is_no_flood(line: InMemoryPipeline, gw: Source) -> None:
    fold(line, *warnings(gw, 10))
    assert fold(line, *warnings(gw, 1, "10:10", first=10)) == [("condition:c10", "raised", 1)]


def test_an_urgent_alarm_is_shown_in_a_flood(line: InMemoryPipeline, gw: Source) -> None:
    fold(line, *warnings(gw, 11))
    assert fold(line, gw.condition("10:06", "spindle", "fault")) == [("condition:spindle", "raised", 1)]


def test_what_is_held_back_and_grows_urgent_is_shown(line: InMemoryPipeline, gw: Source) -> None:
    fold(line, *warnings(gw, 11))
    assert fold(line, gw.condition("10:06", "c10", "fault")) == [("condition:c10", "raised", 2)]


def test_a_flood_says_anew_how_many_are_held_back_each_time_the_number_doubles(line: InMemoryPipeline, gw: Source) -> None:
    fold(line, *warnings(gw, 30, apart_s=1))  # twenty beyond the tenth
    assert [a.value for a in line.events(Alert) if a.rule == FLOOD] == [1, 2, 4, 8, 16]


# alarms at 10:00:00, :01 ... :11; at 10:10:06.9 those of :07 to :11 lie within ten minutes, at 10:10:07 the one of :07 no more
def test_a_flood_ends_when_fewer_than_five_are_left_and_shows_what_is_still_open(line: InMemoryPipeline, gw: Source) -> None:
    fold(line, *warnings(gw, 12, apart_s=1), gw.condition("10:05", "c11", "normal"))
    assert fold(line, gw.alive("10:10:06.9")) == []
    assert fold(line, gw.alive("10:10:07")) == [(FLOOD, "cleared", 3), ("condition:c10", "raised", 2)]
    over = line.events(Alert)[-2]
    assert (over.value, over.text) == (2, "the flood of alerts of conditions on m1 is over: 2 were held back")


def test_the_next_flood_counts_from_nought(line: InMemoryPipeline, gw: Source) -> None:
    fold(line, *warnings(gw, 12, apart_s=1), gw.alive("10:20"))
    fold(line, *warnings(gw, 11, "10:30", apart_s=1, first=20))
    assert [a.value for a in line.events(Alert) if a.rule == FLOOD and a.state == "raised"] == [1, 2, 1]


def test_a_person_can_act_on_a_flood_by_its_own_name_alone(line: InMemoryPipeline, gw: Source) -> None:
    fold(line, *warnings(gw, 11), gw.alive("10:06"))
    person, raised = Person(), "10:05"
    assert fold(line, person.acknowledge("10:06", FLOOD, raised)) == [(FLOOD, "acknowledged", 2)]
    for name in ("condition:condition", "flood:condition:c10", "flood", "condition"):
        assert fold(line, person.acknowledge("10:06", name, raised)) == [(name, "unknown occurrence", 0)]


def test_limits_and_conditions_are_counted_apart_for_they_come_by_different_topics(gw: Source) -> None:
    names = [f"k{i:02}" for i in range(11)]
    line = alert_step(machine(**{n: Channel(unit="Cel", high=80, on_delay_us=0) for n in names}))
    fold(line, *warnings(gw, 10, apart_s=1))
    steps = fold(line, *(window(0, 81, channel=n) for n in names))
    assert steps == [
        *((f"limit:{n}:high", "raised", 1) for n in names[:10]), ("flood:limit", "raised", 1), ("limit:k10:high", "suppressed", 1),
    ]  # fmt: skip


def test_alarms_suppressed_by_design_make_no_flood(gw: Source) -> None:
    names = [f"k{i:02}" for i in range(12)]
    limit = Channel.model_validate({"unit": "Cel", "high": 80.0, "on_delay_us": 0, "alarms_while": ["ACTIVE"]}, strict=False)
    line = alert_step(machine(**dict.fromkeys(names, limit)))
    steps = fold(line, gw.state("10:00", "READY"), gw.alive("10:01"), *(window(0, 81, channel=n) for n in names))
    assert [(state, revision) for _, state, revision in steps] == [("suppressed", 1)] * 12
    # when the machine starts they all come at once, and that is one
    gw_active = [gw.state("10:01", "ACTIVE"), gw.alive("10:02")]
    shown = fold(line, *gw_active, *(window(6, 81, channel=n) for n in names))
    assert [state for rule, state, _ in shown if rule.startswith("limit")] == ["raised"] * 10 + ["suppressed"] * 2
    assert [(rule, state) for rule, state, _ in shown if rule == "flood:limit"] == [("flood:limit", "raised")] * 2
