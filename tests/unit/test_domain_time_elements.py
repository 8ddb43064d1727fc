"""Time elements: where each instant of an asset belongs. Timelines: ``A`` active, ``R`` ready, ``U`` unavailable, ``?`` unknown."""

import pytest
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, at
from measure_lab import elements, fold, measuring


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
    begun = {e.element.value: e.begun for e in told[-1].elements if e.order or e.element == "no order"}
    assert begun == {"no order": 1, "delay": 2, "production": 1, "unknown": 1}


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
