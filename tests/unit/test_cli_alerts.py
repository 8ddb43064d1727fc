"""Alerts on the command line: which are shown, how one is named, and what an action says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alert_lab import Person, alert_step, means, send
from machine_facts import Source, at, machine

from schemas.events.alert import Alert
from schemas.events.alert_action import AlertAction
from schemas.events.asset import Channel
from services.cli.alert_book import action_on, alert_named, end_of_shelf, moment, newest_alerts, row, span, to_attend
from services.runtime.errors import UserError

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def steps() -> list[Alert]:
    """A limit that cleared unseen; a condition acknowledged and cleared; one shelved; one that cleared unseen and came back."""
    line, gw, person = alert_step(machine(temp=Channel(unit="Cel", high=80))), Source(), Person()
    send(line, *means(81, 82, 70))
    send(line, *(gw.condition("10:00", item, "fault") for item in ("servo", "door", "oil")))
    send(
        line,
        gw.condition("10:05", "servo", "normal"),
        gw.condition("10:05", "oil", "normal"),
        gw.condition("10:06", "oil", "fault"),
    )
    line.run()
    send(line, person.acknowledge("10:07", "condition:servo", "10:00"))
    send(line, person.shelve("10:08", "condition:door", "10:00", "11:00"))
    line.run()
    return line.events(Alert)


def rules(alerts: list[Alert]) -> list[tuple[str, str]]:
    return [(a.rule, a.state) for a in alerts]


def test_what_needs_somebody_is_open_or_cleared_unseen_and_not_raised_anew(steps: list[Alert]) -> None:
    assert rules(to_attend(newest_alerts([*steps, *steps]))) == [
        ("condition:oil", "raised"), ("limit:temp:high", "cleared"), ("condition:door", "shelved"),
    ]  # fmt: skip


def test_all_of_them_are_every_occurrence_once_at_its_newest_step_the_newest_first(steps: list[Alert]) -> None:
    for order in (steps, steps[::-1]):
        assert rules(newest_alerts(order)) == [
            ("condition:oil", "raised"), ("limit:temp:high", "cleared"), ("condition:servo", "cleared"),
            ("condition:oil", "cleared"), ("condition:door", "shelved"),
        ]  # fmt: skip


def test_the_state_says_what_a_person_wants_to_know(steps: list[Alert]) -> None:
    said = {r[2]: r[3] for r in map(row, to_attend(newest_alerts(steps)))}
    assert said == {
        "condition:oil": "raised",
        "limit:temp:high": "cleared, not acknowledged",
        "condition:door": "shelved until 2026-11-24 11:00:00",
    }


def test_an_alert_is_named_by_its_id_or_by_how_it_begins(steps: list[Alert]) -> None:
    wanted = steps[0]
    for name in (wanted.alert, wanted.alert[:8]):
        assert alert_named(newest_alerts(steps), name).alert == wanted.alert


def test_an_id_that_names_nothing_or_too_much_is_explained(steps: list[Alert]) -> None:
    twins = [steps[0], steps[0].model_copy(update={"alert": steps[0].alert[:10] + "x"})]
    for alerts, name, said in (
        (steps, "ffffffff", "no alert has an id that begins with 'ffffffff'; see: factorystream alerts list --all"),
        (steps, "ab", "'ab' is too short for the id of an alert: give at least 6 characters of it"),
        (twins, steps[0].alert[:8], f"2 alerts have an id that begins with '{steps[0].alert[:8]}': give more of it"),
    ):
        with pytest.raises(UserError) as told:
            alert_named(alerts, name)
        assert str(told.value) == said


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86400)], ids=lambda v: str(v))
def test_a_span_of_time_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert span(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "2", "h", "0h", "-2h", "2 h", "2h30m", "1.5h"])
def test_anything_else_is_no_span(text: str) -> None:
    with pytest.raises(UserError, match="is no span of time"):
        span(text)


def test_a_shelf_ends_after_a_span_or_at_a_time() -> None:
    assert end_of_shelf(NOW, "2h", None) == at("14:00")
    assert end_of_shelf(NOW, None, "2026-11-24T15:00:00+01:00") == at("14:00")
    for lasting, until in ((None, None), ("2h", "2026-11-24T15:00:00Z")):
        with pytest.raises(UserError, match="say how long with --for 2h, or up to when with --until"):
            end_of_shelf(NOW, lasting, until)


@pytest.mark.parametrize("text", ["noon", "2026-11-24", "2026-11-24T08:00:00", "1969-01-01T00:00:00Z"])
def test_what_is_no_time_is_said_so(text: str) -> None:
    with pytest.raises(UserError, match="is no time: write it as"):
        moment(text, NOW)


def test_an_action_names_the_occurrence_and_who_acts_by_role(steps: list[Alert]) -> None:
    options: dict[str, Any] = {"source": "cli-1", "time": NOW, "role": "shift-lead"}
    action = action_on(steps[0], "shelve", until=at("14:00"), **options)
    assert isinstance(action, AlertAction)
    assert (action.event_id, action.rule, action.raised_at) == (f"cli-1/{steps[0].asset}/1", steps[0].rule, steps[0].raised_at)
    with pytest.raises(UserError, match="'Shift Lead' is no role"):
        action_on(steps[0], "acknowledge", **{**options, "role": "Shift Lead"})
