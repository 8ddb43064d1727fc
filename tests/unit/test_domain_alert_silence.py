"""Silence of an asset, told by what its source says of others, or by its own next sign of life."""

import pytest
from alert_lab import Person, alert_step, fold
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, at, machine

from schemas.events.alert import Alert
from schemas.events.asset import Asset

FIVE_MIN = 300_000_000


def watched(asset: str) -> Asset:
    return machine(asset).model_copy(update={"silence_after_us": FIVE_MIN})


class Gateway:
    """One source of two assets."""

    def __init__(self, name: str = "gw") -> None:
        self.m1, self.m2 = Source("m1", name), Source("m2", name)


@pytest.fixture
def line() -> InMemoryPipeline:
    return alert_step(watched("m1"), watched("m2"), partitions=1)


@pytest.fixture
def gw() -> Gateway:
    return Gateway()


# m1   |                      x            |
# m2   |    |    |    |    |    |    |    |
#      0                 5 min: due, but not yet longer
def test_an_asset_is_silent_when_its_source_is_past_the_time_allowed(line: InMemoryPipeline, gw: Gateway) -> None:
    assert fold(line, gw.m1.alive("10:00"), *(gw.m2.alive(f"10:0{m}") for m in range(6))) == []
    assert fold(line, gw.m2.alive("10:05:00.000001")) == [("silence", "raised", 1)]
    (silent,) = line.events(Alert)
    assert (silent.asset, silent.raised_at, silent.priority) == ("m1", at("10:05"), "high")
    assert silent.text == "nothing has been heard of m1 for 300 s"


def test_it_fires_once_and_any_sign_of_life_clears_and_arms_it_again(line: InMemoryPipeline, gw: Gateway) -> None:
    fold(line, gw.m1.alive("10:00"), gw.m2.alive("10:06"))
    assert fold(line, gw.m2.alive("10:10"), gw.m2.alive("10:14")) == []
    assert fold(line, gw.m1.state("10:15", "ACTIVE")) == [("silence", "cleared", 2)]
    assert fold(line, gw.m2.alive("10:19"), gw.m2.alive("10:21")) == [("silence", "raised", 1)]


def test_where_nobody_else_tells_the_next_sign_of_life_does(line: InMemoryPipeline, gw: Gateway) -> None:
    assert fold(line, gw.m1.alive("10:00"), gw.m1.alive("10:05")) == []
    assert fold(line, gw.m1.alive("10:20")) == [("silence", "raised", 1), ("silence", "cleared", 2)]
    assert [a.event_time for a in line.events(Alert)] == [at("10:10"), at("10:20")]


def test_a_silence_has_the_same_name_whoever_tells_it(line: InMemoryPipeline, gw: Gateway) -> None:
    fold(line, gw.m1.alive("10:00"), gw.m2.alive("10:08"), gw.m1.alive("10:20"))
    alone, again = alert_step(watched("m1"), partitions=1), Gateway()
    fold(alone, again.m1.alive("10:00"), again.m1.alive("10:20"))
    mine = [a for a in line.events(Alert) if a.asset == "m1"]
    assert [(a.alert, a.state, a.event_time) for a in mine] == [(a.alert, a.state, a.event_time) for a in alone.events(Alert)]


def test_another_source_tells_nothing_for_its_clock_may_be_years_away(line: InMemoryPipeline, gw: Gateway) -> None:
    assert fold(line, gw.m1.alive("10:00"), Gateway("other").m2.alive("+900 10:00")) == []


def test_an_asset_that_ended_is_not_silent(line: InMemoryPipeline, gw: Gateway) -> None:
    assert fold(line, gw.m1.ending("10:00"), gw.m2.alive("11:00"), gw.m2.ending("11:00"), gw.m1.alive("12:00")) == []


def test_an_asset_without_the_time_in_its_description_is_not_watched(gw: Gateway) -> None:
    line = alert_step(machine("m1"), machine("m2"), partitions=1)
    assert fold(line, gw.m1.alive("10:00"), gw.m2.alive("11:00"), gw.m1.alive("12:00")) == []


def test_an_asset_whose_data_lag_behind_its_source_is_not_compared_with_it(line: InMemoryPipeline, gw: Gateway) -> None:
    # one gateway replays a day of m2, then the same day of m1
    fold(line, *(gw.m2.alive(f"10:{m:02}") for m in range(0, 60, 4)), gw.m2.ending("10:59"))
    assert fold(line, *(gw.m1.alive(f"10:{m:02}") for m in range(0, 60, 4))) == []


def test_a_repeat_is_no_sign_of_life(line: InMemoryPipeline, gw: Gateway) -> None:
    first = gw.m1.alive("10:00")
    fold(line, first, gw.m2.alive("10:06"))
    assert fold(line, first) == []


def test_a_repeat_after_an_end_arms_nothing(line: InMemoryPipeline, gw: Gateway) -> None:
    first = gw.m1.alive("09:00")
    assert fold(line, first, gw.m1.ending("09:01"), gw.m2.alive("11:00"), first, gw.m2.alive("12:00")) == [
        ("silence", "raised", 1), ("silence", "cleared", 2),
    ]  # fmt: skip
    assert {a.asset for a in line.events(Alert)} == {"m2"}  # an hour without a word


def test_a_person_can_acknowledge_and_shelve_a_silence(line: InMemoryPipeline, gw: Gateway) -> None:
    fold(line, gw.m1.alive("10:00"), gw.m2.alive("10:06"))
    person = Person("m1")
    assert fold(line, person.acknowledge("10:07", "silence", "10:05")) == [("silence", "acknowledged", 2)]
    assert fold(line, person.shelve("10:07", "silence", "10:05", "10:09")) == [("silence", "shelved", 3)]
    assert fold(line, gw.m2.alive("10:10")) == [("silence", "acknowledged", 4)]
    assert fold(line, person.acknowledge("10:11", "silence", "10:05")) == [("silence", "already acknowledged", 0)]
    assert fold(line, Person("m3").acknowledge("10:11", "silence", "10:05")) == [("silence", "unknown occurrence", 0)]


def test_a_restart_between_any_two_records_changes_nothing(line: InMemoryPipeline, gw: Gateway) -> None:
    events = [gw.m1.alive("10:00"), gw.m2.alive("10:06"), gw.m1.alive("10:07"), gw.m1.alive("10:20")]
    fold(line, *events)
    cut = alert_step(watched("m1"), watched("m2"), partitions=1)
    for event in events:
        fold(cut, event)
        cut.restart()
    assert cut.events(Alert) == line.events(Alert)
    assert [(a.asset, a.state) for a in line.events(Alert)] == [
        ("m1", "raised"), ("m1", "cleared"),  # told by m2, cleared at 10:07
        ("m1", "raised"), ("m1", "cleared"), ("m2", "raised"),  # both told at 10:20
    ]  # fmt: skip
