"""Topics on a real broker: created once, repaired, and never repartitioned."""

import json
from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka_fixture import KafkaUnderTest

from schemas.registry import AUDIT, ORDER, SENSOR, broker_topics
from services.runtime.errors import UserError
from services.topics.__main__ import main
from services.topics.cluster import Changes, create, diff, show
from services.topics.plan import Difference

pytestmark = pytest.mark.kafka


@pytest.fixture
def bootstrap(clean_kafka: KafkaUnderTest) -> str:
    return clean_kafka.bootstrap


@pytest.fixture
def client(bootstrap: str) -> Iterator[KafkaAdminClient]:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    yield admin
    admin.close()


def set_on(client: KafkaAdminClient, topic: str, **values: str) -> None:
    settings = {name.replace("_", "."): value for name, value in values.items()}
    answer = client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, settings)])
    assert answer["topic"][topic] == "OK"


def test_everything_is_created_once_and_is_then_as_declared(bootstrap: str) -> None:
    assert {t.name for t in diff(bootstrap).missing} == {t.name for t in broker_topics()}

    first = create(bootstrap)
    assert set(first.created) == {t.name for t in broker_topics()}
    assert create(bootstrap) == Changes()

    there = {t.name: t for t in show(bootstrap)}
    for topic in broker_topics():
        assert there[topic.name].partitions == topic.partitions
        assert topic.config.items() <= there[topic.name].config.items()
    assert diff(bootstrap) == Difference()


def test_a_changed_setting_is_repaired_and_said(bootstrap: str, client: KafkaAdminClient) -> None:
    create(bootstrap, [SENSOR, AUDIT])
    set_on(client, AUDIT.name, retention_ms="60000", cleanup_policy="compact")
    set_on(client, SENSOR.name, segment_bytes="1048576")  # not declared: nobody's business

    changes = create(bootstrap, [SENSOR, AUDIT])
    assert changes.created == ()
    assert {(s.topic, s.name, s.found) for s in changes.repaired} == {
        (AUDIT.name, "retention.ms", "60000"),
        (AUDIT.name, "cleanup.policy", "compact"),
    }
    there = {t.name: t.config for t in show(bootstrap)}
    assert AUDIT.config.items() <= there[AUDIT.name].items()
    assert there[SENSOR.name]["segment.bytes"] == "1048576"
    assert create(bootstrap, [SENSOR, AUDIT]) == Changes()


def test_another_number_of_partitions_is_refused_before_anything_is_changed(bootstrap: str, client: KafkaAdminClient) -> None:
    client.create_topics({ORDER.name: {"num_partitions": 2, "replication_factor": 1}}, wait_for_metadata=True)
    with pytest.raises(UserError, match=r"factory\.order\.v1 has 2 partitions, declared are 4"):
        create(bootstrap)
    assert [t.name for t in show(bootstrap)] == [ORDER.name]


def test_the_command_prints_json_and_tells_by_its_exit_whether_there_is_work(
    bootstrap: str, client: KafkaAdminClient, capsys: pytest.CaptureFixture[str]
) -> None:
    client.create_topics({"factory.sensor.v0": {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    arguments = ["--bootstrap", bootstrap, "--json"]

    assert main(["diff", *arguments]) == 1
    before = json.loads(capsys.readouterr().out)
    assert SENSOR.name in before["missing"]
    assert before["unknown"] == ["factory.sensor.v0"]

    assert main(["create", *arguments]) == 0
    assert set(json.loads(capsys.readouterr().out)["created"]) == {t.name for t in broker_topics()}

    assert main(["diff", *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["needs_work"] is False

    assert main(["show", *arguments]) == 0
    shown = {t["name"]: t for t in json.loads(capsys.readouterr().out)["topics"]}
    assert shown[SENSOR.name]["config"] == SENSOR.config
    assert (shown["factory.sensor.v0"]["declared"], shown[SENSOR.name]["declared"]) == (False, True)
