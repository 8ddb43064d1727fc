"""Conservation: every way in which the counts of the stages can fail to add up is found and named."""

from collections import defaultdict

from schemas.metric import EventClass
from services.stack.conservation import violations
from services.stack.scrape import Counts, StageCount

TOPIC = "factory.machine.v1"


def counts(received: int, in_flight: int = 0, **ended: int) -> Counts:
    classes: dict[EventClass, int] = defaultdict(int, {EventClass(name): n for name, n in ended.items()})
    return {("measure", TOPIC): StageCount(received, in_flight, classes)}


def test_what_adds_up_has_no_violation() -> None:
    assert violations(counts(10, applied=7, late=2, dead_lettered=1), {TOPIC: 10}) == []


def test_a_record_that_ended_in_no_class_is_found() -> None:
    assert violations(counts(10, applied=7, late=2), {TOPIC: 10}) == [
        f"measure received 10 records of {TOPIC}, and they ended as 7 applied + 2 late, 0 in flight"
    ]


def test_a_record_counted_in_two_classes_is_found() -> None:
    assert len(violations(counts(1, applied=1, late=1), {TOPIC: 1})) == 1


def test_records_in_flight_are_found_even_when_they_add_up() -> None:
    assert violations(counts(10, 3, applied=7), {TOPIC: 10}) == [f"measure still holds 3 records of {TOPIC}"]


def test_a_record_that_a_stage_never_received_is_found() -> None:
    assert violations(counts(9, applied=9), {TOPIC: 10}) == [f"{TOPIC} holds 10 records, and measure received 9"]


def test_a_record_received_again_must_be_deduplicated() -> None:
    assert violations(counts(12, applied=10, deduplicated=2), {TOPIC: 10}) == []
    assert violations(counts(12, applied=11, deduplicated=1), {TOPIC: 10}) == [
        f"measure received 2 more records of {TOPIC} than it holds, and did not count them as deduplicated"
    ]


def test_a_stage_that_began_to_count_anew_is_not_compared_with_the_log() -> None:
    assert violations(counts(4, applied=4), {TOPIC: 10}, restarted={"measure"}) == []


def test_a_topic_that_is_not_on_the_log_is_compared_with_itself_only() -> None:
    assert violations(counts(4, applied=4), {}) == []
