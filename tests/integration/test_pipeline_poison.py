"""A record that is no event is kept with its origin and the reason, once, and what lies around it is applied."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka.errors import MessageSizeTooLargeError
from kafka_fixture import KafkaUnderTest
from overseas_lab import overseas
from pipeline_expected import differences
from pipeline_lab import Bytes, Count, Lab, Place, assert_conserved, counted, started, stop
from pipeline_plant import Plant
from pipeline_poison import GOLDEN, Poison, poisons

from schemas.registry import ASSET, MACHINE, ORDER, OUTBOUND, SENSOR, TOPICS
from schemas.topic import MAX_RECORD_BYTES, PARTITIONS, Topic
from streams.pipeline import STEPS

pytestmark = pytest.mark.kafka
MIB = 1 << 20
KEY = b"poison"


@pytest.fixture
def lab(clean_kafka: KafkaUnderTest) -> Iterator[Lab]:
    with started(clean_kafka.bootstrap) as lab:
        yield lab


def spread(lab: Lab) -> dict[Place, tuple[Topic, Poison]]:
    """Put every kind of poison on every partition of every topic that is read."""
    kinds = [(topic, partition, poison) for topic in GOLDEN for partition in range(PARTITIONS) for poison in poisons(topic)]
    places = lab.send_raw(Bytes(topic, partition, KEY, poison.value) for topic, partition, poison in kinds)
    return {place: (topic, poison) for place, (topic, _, poison) in zip(places, kinds, strict=True)}


def assert_kept(lab: Lab, topic: Topic, there: dict[Place, Poison]) -> None:
    """The dead letters of a topic are these records, each once, with where they lay, who refused them and why.

    Each is kept whole; of one that is larger than a record may be, its beginning.
    """
    letters = {_origin(r): r for r in lab.read(topic.dead_letter_name)}
    assert len(letters) == len(lab.read(topic.dead_letter_name)) == len(there)
    assert len({dict(r.headers)["dlq_id"] for r in letters.values()}) == len(there)
    assert set(letters) == set(there)
    for place, poison in there.items():
        record, said = letters[place], {name: value.decode() for name, value in letters[place].headers}
        whole = poison.value or b""
        assert record.key == KEY and whole.startswith(record.value), (topic.name, poison.kind)
        assert len(record.value) >= min(len(whole), MAX_RECORD_BYTES), (topic.name, poison.kind)
        assert said["dlq_stage"] == GOLDEN[topic][2]
        assert poison.reason in said["dlq_reason"], (topic.name, poison.kind, said)
        assert said["dlq_field"].endswith(poison.field), (topic.name, poison.kind, said)


def _origin(record: Any) -> Place:
    said = {name: value.decode() for name, value in record.headers}
    return said["dlq_topic"], int(said["dlq_partition"]), int(said["dlq_offset"])


def test_poison_on_every_topic_is_kept_once_and_the_partitions_go_on(lab: Lab, tmp_path: Path) -> None:
    plant = Plant(seed=3, assets=2, hours=1.2, sensing_s=300)
    facts = plant.records()
    lab.send([*plant.registrations(), *plant.orders(), *facts[: len(facts) // 2]])
    with overseas(lab.bootstrap, tmp_path) as (_, side):
        side.start_api()
        bridge, worker = side.start_bridge(), lab.start_worker()
        lab.drain(worker)
        there = spread(lab)
        lab.send(facts[len(facts) // 2 :])
        lab.drain(worker)
        lab.drain_bridge(bridge)
        counts = {**counted(worker), **counted(bridge)}
    stop(worker)
    assert_conserved(lab, counts)
    by_topic = Counter(topic.name for topic, _ in there.values())
    for (stage, topic), count in counts.items():
        assert count.classes["dead_lettered"] == by_topic[topic], (stage, topic)
    for topic in GOLDEN:
        assert_kept(lab, topic, {place: poison for place, (t, poison) in there.items() if t is topic})
    read_on = {topic.dead_letter_name for topic in GOLDEN}
    assert not [t for t in TOPICS if t.dead_letters and t.dead_letter_name not in read_on and lab.read(t.dead_letter_name)]
    assert differences(lab, rejected=there.keys()) == []


def test_a_producer_is_told_that_a_record_of_2_mib_is_refused(lab: Lab) -> None:
    value = os.urandom(2 * MIB)
    for topic in GOLDEN:
        record = Bytes(topic, 0, KEY, value)
        with pytest.raises(MessageSizeTooLargeError):  # the client itself
            lab.send_raw([record])
        with pytest.raises(MessageSizeTooLargeError):  # the broker, when the client lets it pass
            lab.send_raw([record], max_request_size=8 * MIB)
        assert not any(lab.ends([topic]).values())


#: small enough for the broker only as their producer packs them; lz4, which we pack with, finds no shorter form for the second
PACKED = pytest.mark.parametrize(
    ("codec", "text"),
    [("lz4", lambda: b"x" * 2 * MIB), ("gzip", lambda: os.urandom(3 * MIB // 4).hex().encode())],
    ids=["repetitive, lz4", "hexadecimal digits, gzip"],
)


def send_packed(lab: Lab, topic: Topic, codec: str, text: bytes) -> dict[Place, Poison]:
    """Put a record that is too large once it is unpacked on every partition."""
    records = [Bytes(topic, partition, KEY, b'{"event_time":"' + text) for partition in range(PARTITIONS)]
    places = lab.send_raw(records, compression_type=codec, max_request_size=8 * MIB)
    return dict.fromkeys(places, Poison("large", records[0].value, f"record of {len(text) + 15} bytes"))


@PACKED
def test_a_record_that_only_compressed_is_small_enough_stops_no_step(lab: Lab, codec: str, text: Callable[[], bytes]) -> None:
    plant = Plant(seed=4, assets=1, hours=0.1, sensing_s=60)
    facts = plant.records()
    lab.send([*plant.registrations(), *plant.orders(), *facts[:50]])
    there = send_packed(lab, SENSOR, codec, text())
    lab.send(facts[50:])
    counts = lab.finish()
    assert counts["aggregate", SENSOR.name].classes["dead_lettered"] == PARTITIONS
    assert_kept(lab, SENSOR, there)
    assert differences(lab, rejected=there.keys()) == []


@PACKED
def test_a_record_that_only_compressed_is_small_enough_does_not_stop_the_bridge(
    lab: Lab, tmp_path: Path, codec: str, text: Callable[[], bytes]
) -> None:
    there = send_packed(lab, OUTBOUND, codec, text())
    with overseas(lab.bootstrap, tmp_path) as (_, side):
        side.start_api()
        bridge = side.start_bridge()
        lab.drain_bridge(bridge)
        assert counted(bridge)["bridge", OUTBOUND.name] == Count(PARTITIONS, 0, Counter(dead_lettered=PARTITIONS))
    assert_kept(lab, OUTBOUND, there)


def test_facts_of_an_asset_that_nobody_described_are_kept_by_the_first_step_that_looks_it_up(lab: Lab) -> None:
    known, unknown = Plant(seed=5, assets=1, hours=0.2, sensing_s=60), Plant(seed=5, name="u", assets=1, hours=0.2, sensing_s=60)
    lab.send([*known.registrations(), *known.records(), *unknown.records()])
    counts = lab.finish()
    strangers = {(r.topic, r.partition, r.offset) for t in (SENSOR, MACHINE) for r in lab.read(t) if r.key.startswith(b"u-")}
    letters = [r for t in (SENSOR, MACHINE) for r in lab.read(t.dead_letter_name)]
    assert {_origin(r) for r in letters} == strangers
    assert len(letters) == len(strangers)
    assert {(dict(r.headers)["dlq_reason"], dict(r.headers)["dlq_field"]) for r in letters} == {(b"unknown asset", b"asset")}
    for stage, topic in (("aggregate", SENSOR), ("spc", SENSOR), ("measure", MACHINE), ("alert", MACHINE)):
        assert counts[stage, topic.name].classes["dead_lettered"] == len([s for s in strangers if s[0] == topic.name])
    # the twin needs no description: it shows what it hears
    assert counts["twin", MACHINE.name].classes.keys() == {"applied"}


def test_a_description_that_cannot_be_read_stops_nothing(lab: Lab) -> None:
    plant = Plant(seed=6, assets=1, hours=0.2, sensing_s=60)
    lab.send([*plant.registrations(), *plant.orders()])
    places = lab.send_raw(Bytes(ASSET, partition, b"p-a1", b"{") for partition in range(PARTITIONS))
    lab.send(plant.records())
    worker = lab.start_worker()
    lab.drain(worker)
    counts = counted(worker)
    stop(worker)
    said = [line for line in worker.lines if f"{ASSET.name}/" in line and "is no reference record" in line]
    assert len(said) == len(places)
    assert counts["measure", MACHINE.name].classes == {"applied": counts["measure", MACHINE.name].received}
    assert differences(lab, rejected=places) == []


def test_a_tombstone_of_an_order_is_applied_not_refused(lab: Lab) -> None:
    plant = Plant(seed=7, assets=1, hours=0.2, sensing_s=60)
    lab.send([*plant.registrations(), *plant.orders(), *plant.records()])
    lab.send_raw(Bytes(ORDER, partition, b"gone", None) for partition in range(PARTITIONS))
    counts = lab.finish()
    for step in STEPS:
        if ORDER in step.reads:
            assert counts[step.name, ORDER.name] == Count(10, 0, Counter(applied=10))
    assert lab.read(ORDER.dead_letter_name) == []
    assert json.loads(lab.read(OUTBOUND)[0].value)["customer"] in plant.customers
