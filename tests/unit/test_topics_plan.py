"""The difference between what a broker has and what the registry declares."""

from dataclasses import replace

from schemas.registry import ASSET, SENSOR, broker_topics
from schemas.topic import Topic
from services.topics.plan import Difference, Found, compare


def found(topic: Topic) -> Found:
    """The topic as a broker reports it when it is as declared, with a value of the broker's own beside it."""
    return Found(topic.name, topic.partitions, 1, {**topic.config, "segment.bytes": "134217728"}, frozenset(topic.config))


def test_a_broker_as_declared_differs_in_nothing() -> None:
    difference = compare(broker_topics(), [found(t) for t in broker_topics()])
    assert difference == Difference()
    assert not difference.needs_work


def test_a_topic_that_is_not_there_is_missing() -> None:
    difference = compare([SENSOR, ASSET], [found(SENSOR)])
    assert difference.missing == (ASSET,)
    assert difference.needs_work
    assert difference.sentences() == ["factory.asset.v1 is missing"]


def test_another_number_of_partitions_is_named_with_the_way_out() -> None:
    difference = compare([SENSOR], [replace(found(SENSOR), partitions=7)])
    [count] = difference.partitions
    assert (count.topic, count.found, count.declared) == ("factory.sensor.v1", 7, 4)
    assert "7 partitions, declared are 4" in count.sentence()
    assert "delete it, and create it again" in count.sentence()


def test_a_setting_that_differs_is_named_and_one_in_force_without_being_set_is_not() -> None:
    by_default = replace(found(SENSOR), own=frozenset())  # the broker's default happens to be what is declared
    assert compare([SENSOR], [by_default]) == Difference()
    shorter = replace(by_default, config={**by_default.config, "retention.ms": "1000"})
    [setting] = compare([SENSOR], [shorter]).settings
    assert (setting.name, setting.found, setting.declared) == ("retention.ms", "1000", str(7 * 86_400_000))


def test_a_setting_that_nobody_declared_is_said_but_is_no_work() -> None:
    own = found(SENSOR).own | {"segment.bytes"}
    difference = compare([SENSOR], [replace(found(SENSOR), own=own)])
    assert [s.name for s in difference.undeclared] == ["segment.bytes"]
    assert not difference.needs_work


def test_unknown_topics_of_ours_are_named_and_those_of_others_are_not() -> None:
    leftover, state, other = (
        replace(found(SENSOR), name=n) for n in ("factory.sensor.v0", "factorystream.old.changelog", "mes.orders")
    )
    difference = compare([SENSOR], [found(SENSOR), state, leftover, other])
    assert difference.unknown == ("factory.sensor.v0", "factorystream.old.changelog")
    assert not difference.needs_work
