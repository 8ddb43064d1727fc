"""What comes twice has one effect, what is missing is missed and nothing else, what comes too late is named and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from kafka_fixture import KafkaUnderTest
from machine_facts import Source, at, machine
from pipeline_expected import ambiguous, derived, differences
from pipeline_lab import Lab, assert_conserved, started
from pipeline_plant import Plant

from schemas.codec import Encoded, encode, encode_on
from schemas.events.asset import Channel
from schemas.events.order import Order
from schemas.registry import AGGREGATE, ALERT, KPI, LATE, MACHINE, MEASURE, ORDER, SENSOR, TWIN_STATE
from streams.domain.publish import PUBLISHED

pytestmark = pytest.mark.kafka


@pytest.fixture
def lab(clean_kafka: KafkaUnderTest) -> Iterator[Lab]:
    with started(clean_kafka.bootstrap) as lab:
        yield lab


def counts_by_topic(records: list[Encoded]) -> Counter[str]:
    """How many records go to each topic."""
    return Counter(r.topic for r in records)


def test_two_producers_of_the_same_facts_have_one_effect(lab: Lab) -> None:
    plant = Plant(seed=8, assets=2, hours=1.2, sensing_s=300)
    facts = plant.records()
    behind = 250  # the second producer sends the same, some records later
    both = [r for i in range(len(facts) + behind) for r in (*facts[i : i + 1], *facts[i - behind : i - behind + 1][: i >= behind])]
    assert counts_by_topic(both) == {topic: 2 * n for topic, n in counts_by_topic(facts).items()}
    lab.send([*plant.registrations(), *plant.orders(), *both])
    counts = lab.finish()
    assert_conserved(lab, counts)
    once = counts_by_topic(facts)
    for stage, topic in (("aggregate", SENSOR), ("measure", MACHINE)):
        assert counts[stage, topic.name].classes["deduplicated"] == once[topic.name]
    conditions = sum(b"condition" in r.value for r in facts)
    assert counts["alert", MACHINE.name].classes["deduplicated"] == conditions
    assert differences(lab) == []
    assert ambiguous(lab) == []


def test_derived_events_that_come_twice_have_one_effect(lab: Lab) -> None:
    plant = Plant(seed=9, assets=1, hours=1.2, sensing_s=300)
    lab.send([*plant.registrations(), *plant.orders(), *plant.records()])
    lab.finish()
    derived_topics = (AGGREGATE, MEASURE, KPI, ALERT, TWIN_STATE)
    again = [Encoded(t.name, r.key, r.value, list(r.headers)) for t in derived_topics for r in lab.read(t)]
    again += [Encoded(ORDER.name, r.key, r.value, list(r.headers)) for r in lab.read(ORDER)]
    before = {t.name: derived(lab.read(t)) for t in derived_topics}
    lab.send(again)
    counts = lab.finish()
    for (stage, topic), count in counts.items():
        if stage == "twin" and topic == KPI.name:
            # most values, and those of hours before the newest, change no twin: they end as applied, the first time and again
            assert count.classes.keys() <= {"deduplicated", "applied"}
        elif stage == "publish" and topic in (KPI.name, TWIN_STATE.name):
            orders = [b for b in before[topic] if b["scope"]["kind"] == "order" and b.get("kpi") in (None, *PUBLISHED)]
            assert count.classes["deduplicated"] == len(orders), (stage, topic, count)
        elif stage == "alert" and topic == AGGREGATE.name:
            # of an older window it is known that it has been judged, not which result it had
            newest = len({(b["asset"], b["channel"]) for b in before[topic]})
            assert count.classes == {"late": count.received - newest, "deduplicated": newest}
        elif count.received:
            assert count.classes == {"deduplicated": count.received}, (stage, topic)
    assert {t.name: derived(lab.read(t)) for t in derived_topics} == before
    assert differences(lab) == []


def test_a_source_with_gaps_in_its_numbers_is_applied_without_what_is_missing(lab: Lab) -> None:
    plant = Plant(seed=10, assets=2, hours=1.2, sensing_s=300)
    facts = plant.records()
    kept = [r for n, r in enumerate(facts) if n % 7 and not 400 <= n < 500]
    lab.send([*plant.registrations(), *plant.orders(), *kept])
    counts = lab.finish()
    assert_conserved(lab, counts)
    assert counts["measure", MACHINE.name].classes == {"applied": counts_by_topic(kept)[MACHINE.name]}
    assert counts["aggregate", SENSOR.name].classes["deduplicated"] == 0
    assert differences(lab) == []


def described(asset: str) -> Encoded:
    """An asset of line l1 with one channel."""
    return encode(machine(asset, "l1", temp=Channel(unit="Cel")))


def test_readings_beyond_the_disorder_are_late_and_those_within_it_are_not(lab: Lab) -> None:
    # windows of 10 s, 5 s of disorder: after 10:00:16 the window until 10:00:10 is closed, the one until 10:00:20 is not
    gw = Source("m1")
    sensed = [
        gw.reading("10:00:01", 1), gw.reading("10:00:14.9", 2), gw.reading("10:00:09", 3),  # within
        gw.reading("10:00:16", 4), gw.reading("10:00:12", 5),  # within
        gw.reading("10:00:08", 6), gw.frame("10:00:08", {"temp": [7, 8, 9]}),  # late; late in part
        gw.ending("10:00:40"),
    ]  # fmt: skip
    order = Order(event_time=at("09:00"), version=1, order="o1", customer="c1", part="p", line="l1", planned=1)
    lab.send([described("m1"), encode(order), *(encode_on(SENSOR, event) for event in sensed)])
    counts = lab.finish()
    assert counts["aggregate", SENSOR.name].classes == {"applied": 7, "late": 1}
    windows = {b["window"]["start"][14:19]: (b["n"], b["mean"]) for b in derived(lab.read(AGGREGATE))}
    assert windows == {"00:00": (2, 2.0), "00:10": (4, 5.0)}
    late = {b["event"]: (b["readings"], b["lateness_us"], b["step"]) for b in derived(lab.read(LATE))}
    assert late == {"gw/m1/6": (1, 2_000_000, "aggregate"), "gw/m1/7": (2, 2_000_000, "aggregate")}


def test_facts_within_the_horizon_restate_and_those_beyond_it_are_late(lab: Lab) -> None:
    gw = Source("m1")
    told = [
        gw.state("10:00", "ACTIVE"), gw.produced("10:30", 5), gw.alive("+8 09:30"),  # eight days later: horizon at +1 09:00
        gw.produced("+1 08:59", 1), gw.produced("+1 09:00", 2), gw.state("+7 12:00", "STOPPED"), gw.ending("+8 09:30"),
    ]  # fmt: skip
    lab.send([described("m1"), *(encode_on(MACHINE, event) for event in told)])
    counts = lab.finish()
    assert counts["measure", MACHINE.name].classes == {"applied": 6, "late": 1}
    (late,) = derived(lab.read(LATE))
    assert (late["event"], late["step"], late["lateness_us"]) == ("gw/m1/4", "measure", 60_000_000)
    restated = [b for b in derived(lab.read(MEASURE)) if b["status"] == "restated"]
    assert {b["window"]["start"][5:13] for b in restated} >= {"11-25T09", "12-01T12"}
    assert [q["produced"] for b in restated if b["window"]["start"][5:13] == "11-25T09" for q in b["quantities"]] == [2]
