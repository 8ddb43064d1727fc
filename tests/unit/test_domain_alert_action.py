"""What people do about alarms (ISA-18.2). Timelines: ``!`` raised, ``a`` acknowledged, ``.`` cleared, ``[ ]`` shelved."""

import pytest
from alert_lab import Person, alert_step, answers, fold, means, window
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, at, machine

from schemas.events.alert import Alert
from schemas.events.alert_refusal import AlertRefusal
from schemas.events.asset import Channel
from schemas.registry import ALERT_ACTION
from streams.domain.fold import Outcome

RULE, RAISED = "limit:temp:high", "10:00:20"  # by the windows until 10:00:20
SERVO = "condition:servo"


@pytest.fixture
def line() -> InMemoryPipeline:
    return alert_step(machine(temp=Channel(unit="Cel", high=80, deadband=5)))


@pytest.fixture
def person() -> Person:
    return Person()


def test_an_acknowledged_alarm_is_acknowledged_until_it_clears(line: InMemoryPipeline, person: Person) -> None:
    # !   a   .
    fold(line, *means(81, 82))
    assert fold(line, person.acknowledge("10:00:40", RULE, RAISED)) == [(RULE, "acknowledged", 2)]
    assert fold(line, *means(83, 84, 70, first=2)) == [(RULE, "cleared", 3)]
    assert [a.acknowledged for a in line.events(Alert)] == [False, True, True]
    assert [a.cause for a in line.events(Alert)] == ["m1-temp-1", "cli-1/m1/1", "m1-temp-4"]


def test_a_cleared_alarm_can_still_be_acknowledged_and_stays_cleared(line: InMemoryPipeline, person: Person) -> None:
    # !   .   a
    fold(line, *means(81, 82, 70))
    assert not line.events(Alert)[-1].acknowledged
    assert fold(line, person.acknowledge("10:01", RULE, RAISED)) == [(RULE, "cleared", 3)]
    assert line.events(Alert)[-1].acknowledged


def test_an_acknowledgement_is_of_one_occurrence(line: InMemoryPipeline, person: Person) -> None:
    # !   a   .   !
    fold(line, *means(81, 82), person.acknowledge("10:00:40", RULE, RAISED))
    assert fold(line, *means(70, 81, 82, first=2)) == [(RULE, "cleared", 3), (RULE, "raised", 1)]
    assert not line.events(Alert)[-1].acknowledged


def test_a_warning_that_grows_to_a_fault_stays_acknowledged(line: InMemoryPipeline, person: Person) -> None:
    gw = Source()
    fold(line, gw.condition("10:00", "servo", "warning"), person.acknowledge("10:01", SERVO, "10:00"))
    assert fold(line, gw.condition("10:02", "servo", "fault")) == [(SERVO, "acknowledged", 3)]


def test_a_shelved_alarm_comes_back_when_event_time_reaches_the_end(line: InMemoryPipeline, person: Person) -> None:
    # !  [        ]!
    fold(line, *means(81, 82))
    assert fold(line, person.shelve("10:00:25", RULE, RAISED, "10:01")) == [(RULE, "shelved", 2)]
    assert line.events(Alert)[-1].shelved_until == at("10:01")
    assert fold(line, *means(83, 84, 85, first=2)) == []  # until 10:00:50
    assert fold(line, window(5, 86)) == [(RULE, "raised", 3)]  # until 10:01:00
    assert line.events(Alert)[-1].shelved_until is None


def test_a_shelf_is_of_the_rule_so_that_a_nuisance_does_not_come_back_at_once(line: InMemoryPipeline, person: Person) -> None:
    # !  [  .  !  ]!
    fold(line, *means(81, 82), person.shelve("10:00:25", RULE, RAISED, "10:01:10"))
    assert fold(line, *means(70, 81, 82, first=2)) == [(RULE, "cleared", 3), (RULE, "shelved", 1)]
    assert fold(line, *means(83, 84, first=5)) == [(RULE, "raised", 2)]


def test_a_shelf_that_ends_while_nothing_is_wrong_ends_without_a_word(line: InMemoryPipeline, person: Person) -> None:
    # !  [  .  ]   !
    fold(line, *means(81, 82), person.shelve("10:00:25", RULE, RAISED, "10:00:50"))
    assert fold(line, *means(70, 70, 70, 70, 81, 82, first=2)) == [(RULE, "cleared", 3), (RULE, "raised", 1)]


def test_an_alarm_that_clears_on_the_shelf_is_cleared(line: InMemoryPipeline, person: Person) -> None:
    gw = Source()
    fold(line, gw.condition("10:00", "servo", "fault"), person.shelve("10:01", SERVO, "10:00", "11:00"))
    assert fold(line, gw.condition("10:30", "servo", "normal")) == [(SERVO, "cleared", 3)]


def test_an_acknowledged_alarm_comes_off_the_shelf_acknowledged(line: InMemoryPipeline, person: Person) -> None:
    # !  a  [   ]a
    gw = Source()
    fold(line, gw.condition("10:00", "servo", "fault"))
    acts = person.acknowledge("10:01", SERVO, "10:00"), person.shelve("10:02", SERVO, "10:00", "10:30")
    assert fold(line, *acts) == [(SERVO, "acknowledged", 2), (SERVO, "shelved", 3)]
    assert fold(line, gw.alive("10:29:59")) == []
    assert fold(line, gw.alive("10:30")) == [(SERVO, "acknowledged", 4)]


def test_a_person_can_take_an_alarm_off_the_shelf(line: InMemoryPipeline, person: Person) -> None:
    fold(line, *means(81, 82), person.shelve("10:00:25", RULE, RAISED, "12:00"))
    assert fold(line, person.unshelve("10:01", RULE, RAISED)) == [(RULE, "raised", 3)]


def test_a_shelf_can_be_prolonged(line: InMemoryPipeline, person: Person) -> None:
    fold(line, *means(81, 82), person.shelve("10:00:25", RULE, RAISED, "11:00"))
    assert fold(line, person.shelve("10:50", RULE, RAISED, "12:00")) == [(RULE, "shelved", 3)]


def test_each_action_that_fits_nothing_is_answered_with_the_reason(line: InMemoryPipeline, person: Person) -> None:
    fold(line, *means(81, 82, 70, 81, 82))  # raised at :20, cleared at :30, raised at :50
    now = "10:00:50"
    acts = [
        (person.acknowledge("10:01", RULE, RAISED), "replaced by a newer occurrence"),
        (person.acknowledge("10:01", "spc:temp:N1", now), "unknown occurrence"),
        (person.acknowledge("10:01", "limit:no-such:high", "10:00:49"), "unknown occurrence"),
        (person.unshelve("10:01", RULE, now), "not shelved"),
        (person.shelve("10:01", RULE, now, "10:01"), "until is past"),
        (person.shelve("10:00:45", RULE, now, "10:00:50"), "until is past"),  # for the alarm's own time is there already
        (person.shelve("10:01", RULE, now, "+8 10:01"), "shelved for too long"),
        (person.acknowledge("10:01", RULE, now), "acknowledged"),
        (person.acknowledge("10:02", RULE, now), "already acknowledged"),
        (person.shelve("10:02", RULE, now, "11:00"), "shelved"),
        (person.shelve("10:03", RULE, now, "11:00"), "already shelved"),
    ]
    for action, answer in acts:
        assert [said for _, said, _ in fold(line, action)] == [answer]
    (replaced, *_) = line.events(AlertRefusal)
    assert replaced.cause == "cli-1/m1/1"
    assert replaced.text == (
        "limit:temp:high of m1, raised at 2026-11-24T10:00:20.000000Z, is past: "
        "the rule was raised anew at 2026-11-24T10:00:50.000000Z"
    )


def test_an_action_that_is_read_twice_has_one_effect_and_one_answer(line: InMemoryPipeline, person: Person) -> None:
    action = person.acknowledge("10:00:40", RULE, RAISED)
    assert fold(line, *means(81, 82), action, action) == [(RULE, "raised", 1), (RULE, "acknowledged", 2)]
    assert line.outcomes["alert", ALERT_ACTION.name, Outcome.DUPLICATE] == 1


def test_an_action_that_is_read_before_its_alarm_waits_for_it(line: InMemoryPipeline, person: Person) -> None:
    assert fold(line, person.acknowledge("10:00:40", RULE, RAISED)) == []
    assert fold(line, *means(81, 82)) == [(RULE, "raised", 1), (RULE, "acknowledged", 2)]


def test_an_action_on_an_alarm_that_never_comes_is_refused_once_its_time_is_past(line: InMemoryPipeline, person: Person) -> None:
    assert fold(line, person.acknowledge("10:00:40", RULE, RAISED)) == []
    assert fold(line, *means(70, 70)) == []
    assert fold(line, window(2, 70)) == [(RULE, "unknown occurrence", 0)]


def test_of_too_many_actions_that_wait_the_last_is_refused(line: InMemoryPipeline, person: Person) -> None:
    assert fold(line, *(person.acknowledge("10:00:40", RULE, RAISED) for _ in range(100))) == []
    assert fold(line, person.acknowledge("10:00:40", RULE, RAISED)) == [(RULE, "too many actions wait", 0)]


@pytest.mark.parametrize("acts_first", [False, True])
def test_whichever_topic_is_read_first_the_present_is_the_same(line: InMemoryPipeline, person: Person, acts_first: bool) -> None:
    acts = [person.acknowledge("10:00:25", RULE, RAISED), person.shelve("10:00:26", RULE, RAISED, "11:00")]
    windows = means(81, 82, 83)
    fold(line, *(acts if acts_first else windows))
    fold(line, *(windows if acts_first else acts))
    last = answers(line)[-1]
    assert isinstance(last, Alert)
    assert (last.state, last.acknowledged, last.shelved_until, last.revision) == ("shelved", True, at("11:00"), 3)


def test_actions_and_signals_in_another_order_never_share_an_id(line: InMemoryPipeline, person: Person) -> None:
    # the second step is an acknowledgement in one order and a clearing in the other
    act, other = person.acknowledge("10:00:25", RULE, RAISED), alert_step(*line.references.values())
    fold(line, *means(81, 82), act)
    fold(line, window(2, 70))
    fold(other, *means(81, 82, 70))
    fold(other, act)
    ours, theirs = ({a.id: a for a in one.events(Alert)} for one in (line, other))
    assert all(ours[i] == theirs[i] for i in ours.keys() & theirs.keys())
    assert len(ours.keys() & theirs.keys()) == 1
