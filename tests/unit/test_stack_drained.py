"""Waiting until all is processed: two looks in a row that find nothing waiting and the same ends."""

from collections.abc import Iterator
from typing import cast

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaConnectionError, KafkaError

from services.runtime.errors import UserError
from services.stack.drained import Look, Offsets, wait_until_drained

TOPIC = "factory.machine.v1"
GROUPS = {"g": {TOPIC: 1}}


def look(waiting: int, end: int) -> Look:
    return Look({("g", TOPIC): waiting}, {TopicPartition(TOPIC, 0): end})


class Scripted:
    """Offsets that answer from a script; the last answer stays."""

    def __init__(self, *answers: Look | KafkaError) -> None:
        self.answers = list(answers)
        self.asked = 0

    def look(self, groups: object) -> Look:
        assert groups == GROUPS
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, KafkaError):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr("services.stack.drained.time.sleep", sleep)
    monkeypatch.setattr("services.stack.drained.time.monotonic", lambda: now[0])
    yield


def wait(script: Scripted, stalled_seconds: float = 60.0) -> tuple[Look, list[Look]]:
    seen: list[Look] = []
    return wait_until_drained(cast(Offsets, script), GROUPS, lambda: None, seen.append, stalled_seconds), seen


def test_one_idle_look_is_not_enough() -> None:
    script = Scripted(look(0, 5), look(0, 5))
    assert wait(script)[0] == look(0, 5)
    assert script.asked == 2


def test_new_records_between_two_idle_looks_start_the_wait_anew() -> None:
    script = Scripted(look(0, 5), look(0, 6), look(0, 6))
    assert wait(script)[0] == look(0, 6)
    assert script.asked == 3


def test_what_waits_is_waited_for_and_shown() -> None:
    script = Scripted(look(9, 9), look(4, 9), look(0, 9), look(0, 9))
    _, seen = wait(script)
    assert [sum(s.waiting.values()) for s in seen] == [9, 4, 0, 0]


def test_a_broker_that_is_away_for_a_moment_is_waited_for() -> None:
    script = Scripted(look(0, 5), KafkaConnectionError(), look(0, 5))
    assert wait(script)[0].idle


def test_records_that_nobody_takes_end_the_wait_with_their_name() -> None:
    with pytest.raises(UserError, match=f"nothing has been processed for 3 s: 2 records of {TOPIC} wait for the group g"):
        wait(Scripted(look(2, 5)), stalled_seconds=3)


def test_a_broker_that_never_answers_ends_the_wait() -> None:
    with pytest.raises(UserError, match="the broker has not answered for 3 s"):
        wait(Scripted(KafkaConnectionError()), stalled_seconds=3)


def test_a_broken_stack_ends_the_wait_at_once() -> None:
    def check() -> None:
        raise UserError("streams ended")

    with pytest.raises(UserError, match="streams ended"):
        wait_until_drained(cast(Offsets, Scripted(look(1, 1))), GROUPS, check, lambda _: None)
