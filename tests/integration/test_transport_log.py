"""What the logs may look like: holes, a zombie's late writes, a rival's claim, a topic made anew, a bug in the fold."""

from __future__ import annotations

import itertools
import time

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from kafka_fixture import KafkaUnderTest
from transport_lab import Lab

from schemas.codec import encode_on
from schemas.registry import changelog_name
from streams.transport.changelog import AT, claim

pytestmark = pytest.mark.kafka

FAULT = 70


@pytest.fixture
def lab(kafka: KafkaUnderTest) -> Lab:
    return Lab(kafka.bootstrap)


def ended(lab: Lab, **environment: str) -> tuple[int, str]:
    """Run a worker until it ends by itself; its exit code and what it logged."""
    with lab.worker(**environment) as worker:
        return worker.ended()


def test_holes_left_by_transactions_are_no_gaps(lab: Lab) -> None:
    producer = KafkaProducer(bootstrap_servers=lab.bootstrap, transactional_id=f"lab-{lab.run}")
    producer.init_transactions()
    for _ in range(30):  # each commit leaves a control record in every partition it touched
        producer.begin_transaction()
        for asset in lab.assets[:8]:
            record = encode_on(lab.sources["a"], lab.event(asset, 3))
            producer.send(record.topic, key=record.key, value=record.value)
        producer.commit_transaction()
    producer.close()
    lab.produce(400)  # plain records behind the last control record
    logged = lab.finish()
    assert lab.results() == lab.expected()
    assert "reading again" not in logged


def test_a_compacted_source_with_holes_is_read_through(kafka: KafkaUnderTest) -> None:
    lab = Lab(
        kafka.bootstrap,
        {"cleanup.policy": "compact", "segment.ms": "200", "min.compaction.lag.ms": "0", "min.cleanable.dirty.ratio": "0.01"},
    )
    compact_often(kafka.bootstrap)
    for _ in range(4):
        lab.produce(500, "b")
        time.sleep(0.3)  # the segment is old enough to be closed by what comes next
    lab.produce(500, "b")
    deadline = time.monotonic() + 60
    while len(lab.read(lab.sources["b"].name)) == 2_500:
        assert time.monotonic() < deadline, "the broker did not compact"
        time.sleep(0.5)
    logged = lab.finish()
    offsets = sorted((r.partition, r.offset) for r in lab.read(lab.sources["b"].name))
    assert any(b[0] == a[0] and b[1] > a[1] + 1 for a, b in itertools.pairwise(offsets))
    assert lab.results() == lab.expected()
    assert "reading again" not in logged


def compact_often(bootstrap: str) -> None:
    """Let the broker look for something to compact twice a second instead of every 15 s."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    for broker in admin.describe_cluster()["brokers"]:
        setting = {"log.cleaner.backoff.ms": "500"}
        admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, str(broker["broker_id"]), setting)])
    admin.close()


def test_a_replaced_worker_that_still_writes_is_void(lab: Lab) -> None:
    lab.produce(1_000)
    lab.finish()
    lab.produce(1_000)
    lab.finish()
    stale = {}
    for step in lab.steps:  # the first worker's states, once more at the end of the log
        for record in lab.read(changelog_name(step.name)):
            if record.value and not record.key.startswith(b"#"):
                stale.setdefault((record.topic, record.key), record)
    with lab.producer() as producer:
        for record in stale.values():
            producer.send(record.topic, key=record.key, value=record.value, headers=record.headers, partition=record.partition)
    lab.produce(1_000)
    logged = lab.finish()
    assert f" {len(stale)} void records ignored" in logged
    assert lab.results() == lab.expected()


def test_a_worker_whose_partition_was_claimed_by_another_ends(lab: Lab) -> None:
    lab.produce(500)
    with lab.worker() as worker:
        lab.wait_until_committed(worker)
        rival = claim("rival")
        with lab.producer() as producer:
            for partition in range(4):
                producer.send(changelog_name(lab.steps[0].name), key=rival.key, value=rival.value, partition=partition)
        lab.produce(500)
        code, logged = worker.ended()
    assert code == FAULT
    assert "another worker has claimed" in logged
    lab.finish()
    assert lab.results() == lab.expected()


def test_foreign_records_in_a_changelog_end_the_worker(lab: Lab) -> None:
    with lab.producer() as producer:
        producer.send(changelog_name(lab.steps[0].name), key=b"k", value=b"v", headers=[(AT + "x", b"")], partition=0)
    code, logged = ended(lab)
    assert code == FAULT
    assert "is not a changelog record of this platform" in logged


def test_a_bug_in_the_fold_ends_the_worker_with_nothing_acknowledged(lab: Lab) -> None:
    lab.produce(200, "a")
    with lab.producer() as producer:
        record = encode_on(lab.sources["a"], lab.event(lab.assets[0], 13_013))
        sent = producer.send(record.topic, key=record.key, value=record.value).get(timeout=10)
    for group in ("first", "second"):
        code, logged = ended(lab, FACTORYSTREAM_GROUP=group + lab.run)
        assert code == FAULT
        assert "ZeroDivisionError" in logged
        assert lab.marks(0).get((sent.topic, sent.partition), 0) <= sent.offset
        lab.assert_commits_behind_marks(group + lab.run)


def test_a_source_that_was_made_anew_is_not_read_as_if_nothing_had_happened(lab: Lab) -> None:
    lab.produce(500)
    lab.finish()
    topic = lab.sources["a"]
    admin = KafkaAdminClient(bootstrap_servers=lab.bootstrap)
    admin.delete_topics([topic.name])
    deadline = time.monotonic() + 30
    while topic.name in admin.list_topics():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1)
    admin.create_topics({topic.name: {"num_partitions": 4, "replication_factor": 1, "configs": topic.config}})
    admin.close()
    code, logged = ended(lab)
    assert code == FAULT
    assert "it was truncated or made anew" in logged


def test_records_deleted_before_they_were_read_are_reported_and_reading_goes_on(lab: Lab) -> None:
    lab.produce(500, "a")
    lab.finish()
    lab.produce(500, "a")
    admin = KafkaAdminClient(bootstrap_servers=lab.bootstrap)
    admin.delete_records({tp: end for tp, end in lab.ends().items() if end and tp.topic == lab.sources["a"].name})
    admin.close()
    lab.produce(100, "a")
    with lab.worker() as worker:
        lab.wait_until_committed(worker)
        logged = worker.stop()
    assert "were deleted before they were read" in logged
