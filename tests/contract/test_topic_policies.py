"""Policies of the registry as tests: what each topic owes its writers and readers."""

import re
from operator import attrgetter

import pytest

from schemas.codec import decode
from schemas.envelope import DerivedEvent, Event, ReferenceEvent, SourceEvent
from schemas.events.held_event import HeldEvent
from schemas.events.twin_state import TwinState
from schemas.generate import load_examples
from schemas.golden import canonical
from schemas.party import PARTIES, Kind, parties
from schemas.registry import (
    HOLD,
    STATEFUL_STEPS,
    TOPICS,
    TWIN_STATE,
    broker_topics,
    changelog_name,
    dead_letter_topic,
    topic_named,
    topic_of,
)
from schemas.topic import PARTITIONS, Topic

COMPACTED = [t for t in TOPICS if t.compacted]
READ_BY_STEPS = [t for t in TOPICS if set(t.consumers) & set(parties(Kind.STEP))]


def golden(topic: Topic) -> list[Event]:
    values = [canonical(payload) for payload in load_examples()[topic.name].values()]
    return [event for _, event in decode(topic, values).events]


@pytest.mark.parametrize("topic", TOPICS, ids=lambda t: t.name)
def test_a_topic_has_a_name_with_a_version_a_text_a_writer_and_a_reader(topic: Topic) -> None:
    assert re.fullmatch(r"factory\.[a-z]+(-[a-z]+)*\.v[1-9]\d*", topic.name)
    assert topic.text
    assert topic.events
    assert topic.producers
    assert topic.consumers


def test_names_and_event_types_are_unique() -> None:
    names = [t.name for t in broker_topics()]
    assert len(names) == len(set(names))
    types = {e.TYPE: e for t in TOPICS for e in t.events}
    assert len(types) == len({e for t in TOPICS for e in t.events})
    for kind, event in types.items():
        assert event.model_fields["type"].default == kind
        assert re.fullmatch(r"factory\.[a-z]+(-[a-z]+)*\.v[1-9]\d*", kind)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda t: t.name)
def test_dead_letters_are_kept_at_least_as_long_as_their_source_or_the_text_says_why_there_are_none(topic: Topic) -> None:
    if not topic.dead_letters:
        assert "no dead letters" in topic.text
        return
    beside = topic_named(topic.dead_letter_name)
    assert beside == dead_letter_topic(topic)
    assert not beside.compacted  # two rejected records of one key are two dead letters
    kept = beside.retention_days
    assert kept is not None
    assert kept >= (topic.retention_days or 0)
    assert kept >= 180


def test_a_dead_letter_topic_has_none_of_its_own() -> None:
    assert [t.name for t in broker_topics() if t.name.endswith(".dlq.dlq")] == []


@pytest.mark.parametrize("topic", TOPICS, ids=lambda t: t.name)
def test_the_key_is_a_text_of_every_event_of_the_topic(topic: Topic) -> None:
    for event in golden(topic):
        value = attrgetter(topic.key)(event)
        assert isinstance(value, str)
        assert topic.key_of(event) == value.encode()
        assert value


@pytest.mark.parametrize("topic", READ_BY_STEPS, ids=lambda t: t.name)
def test_what_a_step_reads_has_the_same_number_of_partitions_as_its_changelog(topic: Topic) -> None:
    assert topic.partitions == PARTITIONS
    for step in set(topic.consumers) & set(STATEFUL_STEPS):
        assert topic_named(changelog_name(step)).partitions == PARTITIONS


@pytest.mark.parametrize("topic", COMPACTED, ids=lambda t: t.name)
def test_the_key_of_a_compacted_topic_names_one_series_of_records(topic: Topic) -> None:
    """Compaction keeps one record per key: two series under one key would erase each other, two keys would keep the old one."""
    series = [(_series(event), topic.key_of(event)) for event in golden(topic)]
    assert len({name for name, _ in series}) == len({key for _, key in series}) == len(set(series))


def _series(event: Event) -> tuple[str, ...]:
    if isinstance(event, ReferenceEvent):
        return (event.subject,)
    if isinstance(event, TwinState):
        return (event.scope.kind, event.scope.id)
    assert isinstance(event, HeldEvent)
    return (event.customer, event.order)


def test_the_only_compacted_topics_without_reference_data_are_the_ones_with_a_series_of_their_own() -> None:
    others = [t for t in COMPACTED if not all(issubclass(e, ReferenceEvent) for e in t.events)]
    assert others == [TWIN_STATE, HOLD]


@pytest.mark.parametrize("topic", COMPACTED, ids=lambda t: t.name)
def test_a_compacted_topic_is_kept_for_good_and_gives_readers_time_to_see_each_record(topic: Topic) -> None:
    assert topic.config["retention.ms"] == "-1"
    assert int(topic.config["min.compaction.lag.ms"]) >= 3_600_000


@pytest.mark.parametrize("topic", broker_topics(), ids=lambda t: t.name)
def test_every_writer_and_reader_is_declared(topic: Topic) -> None:
    assert {*topic.producers, *topic.consumers} <= {p.name for p in PARTIES}


def test_every_declared_party_writes_or_reads_something() -> None:
    named = {name for t in TOPICS for name in (*t.producers, *t.consumers)}
    assert named == {p.name for p in PARTIES}


def test_the_steps_that_keep_state_are_the_declared_steps() -> None:
    assert parties(Kind.STEP) == STATEFUL_STEPS


@pytest.mark.parametrize("topic", TOPICS, ids=lambda t: t.name)
def test_an_event_knows_its_identity_and_its_source(topic: Topic) -> None:
    for event in golden(topic):
        assert isinstance(event, SourceEvent | DerivedEvent | ReferenceEvent)
        assert event.event_id
        assert event.event_source.startswith("/factory/")


def test_an_event_type_on_several_topics_has_no_topic_of_its_own() -> None:
    several = {e for t in TOPICS for e in t.events if sum(e in o.events for o in TOPICS) > 1}
    assert {e.__name__ for e in several} == {"Heartbeat"}
    for event in several:
        with pytest.raises(LookupError, match="name the topic"):
            topic_of(event)
