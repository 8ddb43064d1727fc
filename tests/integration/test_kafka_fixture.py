"""What tests may rely on in the Kafka they are given, on whichever backend it runs."""

from __future__ import annotations

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka_fixture import KafkaUnderTest

pytestmark = pytest.mark.kafka


def send(kafka: KafkaUnderTest, topic: str, *values: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    try:
        for value in values:
            producer.send(topic, value, partition=0).get(timeout=30)
    finally:
        producer.close()


def read(kafka: KafkaUnderTest, topic: str) -> list[bytes]:
    """Every value of partition 0."""
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest")
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        end = consumer.end_offsets([partition])[partition]
        values: list[bytes] = []
        while consumer.position(partition) < end:
            values += [record.value for record in consumer.poll(1000).get(partition, [])]
        return values
    finally:
        consumer.close()


def topics(kafka: KafkaUnderTest) -> list[str]:
    admin = kafka.admin()
    try:
        return sorted(name for name in admin.list_topics() if not name.startswith("__"))
    finally:
        admin.close()


def groups(kafka: KafkaUnderTest) -> list[str]:
    admin = kafka.admin()
    try:
        return [group["group_id"] for group in admin.list_groups()]
    finally:
        admin.close()


def test_the_bootstrap_address_is_on_loopback(kafka: KafkaUnderTest) -> None:
    assert kafka.bootstrap.startswith("127.0.0.1:")


def test_topics_are_never_made_by_a_misspelt_name(clean_kafka: KafkaUnderTest) -> None:
    clean_kafka.create_topics("right", partitions=3)
    admin = clean_kafka.admin()
    admin.describe_topics(["wrong"])
    admin.close()
    assert topics(clean_kafka) == ["right"]


def test_acknowledged_records_survive_a_kill_on_the_same_port(clean_kafka: KafkaUnderTest) -> None:
    before = clean_kafka.bootstrap
    clean_kafka.create_topics("kept")
    send(clean_kafka, "kept", b"1", b"2")
    clean_kafka.kill()
    assert not clean_kafka.alive
    clean_kafka.start()
    assert clean_kafka.bootstrap == before
    send(clean_kafka, "kept", b"3")
    assert read(clean_kafka, "kept") == [b"1", b"2", b"3"]


def test_acknowledged_records_survive_a_clean_restart(clean_kafka: KafkaUnderTest) -> None:
    clean_kafka.create_topics("kept")
    send(clean_kafka, "kept", b"1")
    clean_kafka.restart()
    assert read(clean_kafka, "kept") == [b"1"]


def test_cleaning_removes_topics_and_a_group_that_still_has_a_member(clean_kafka: KafkaUnderTest) -> None:
    clean_kafka.create_topics("a", "b")
    send(clean_kafka, "a", b"1")
    member = KafkaConsumer("a", bootstrap_servers=clean_kafka.bootstrap, group_id="g", auto_offset_reset="earliest")
    while not member.poll(500):
        pass
    member.commit()
    assert groups(clean_kafka) == ["g"]
    clean_kafka.clean()
    assert groups(clean_kafka) == []
    assert topics(clean_kafka) == []
    member.close(autocommit=False)


def test_a_topic_made_again_after_cleaning_is_empty(clean_kafka: KafkaUnderTest) -> None:
    for _ in range(2):
        clean_kafka.create_topics("again")
        assert read(clean_kafka, "again") == []
        send(clean_kafka, "again", b"1")
        clean_kafka.clean()


def test_a_renewed_broker_is_another_and_empty(clean_kafka: KafkaUnderTest) -> None:
    clean_kafka.create_topics("old")
    clean_kafka.renew()
    assert topics(clean_kafka) == []
