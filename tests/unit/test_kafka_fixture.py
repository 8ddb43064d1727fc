"""The choice of the Kafka that tests run on, its cleaning and its life, without a broker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kafka_container
import kafka_fixture
import pytest
from kafka_fixture import Choice, KafkaUnderTest, choose


class FakeNode:
    """A broker that only keeps account of what was asked of it."""

    bootstrap = "127.0.0.1:1"

    def __init__(self, log: list[str]) -> None:
        self.alive = False
        self.log = log

    def start(self) -> None:
        self.alive = True
        self.log.append("start")

    def stop(self) -> None:
        self.alive = False
        self.log.append("stop")

    def kill(self) -> None:
        self.alive = False
        self.log.append("kill")

    def remove(self) -> None:
        self.alive = False
        self.log.append("remove")


class FakeAdmin:
    """A cluster of topics and groups; ``stubborn`` groups refuse their deletion as often as the number says."""

    def __init__(self, topics: list[str], members: dict[str, list[dict[str, Any]]], stubborn: int = 0) -> None:
        self.topics = topics
        self.members = members
        self.stubborn = stubborn
        self.closed = False

    def list_topics(self) -> list[str]:
        return list(self.topics)

    def list_groups(self) -> list[dict[str, Any]]:
        return [{"group_id": name} for name in self.members]

    def describe_groups(self, names: list[str]) -> dict[str, Any]:
        return {name: {"members": list(self.members[name])} for name in names}

    def remove_group_members(self, name: str, members: list[Any]) -> None:
        gone = {member.group_instance_id or member.member_id for member in members}
        self.members[name] = [m for m in self.members[name] if (m["group_instance_id"] or m["member_id"]) not in gone]

    def delete_groups(self, names: list[str]) -> None:
        if self.stubborn > 0:
            self.stubborn -= 1
            return
        self.members = {name: members for name, members in self.members.items() if name not in names or members}

    def delete_topics(self, names: list[str], raise_errors: bool) -> None:
        assert not raise_errors
        assert not any(name.startswith("__") for name in names)
        self.topics = [name for name in self.topics if name not in names]

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def broker(log: list[str], monkeypatch: pytest.MonkeyPatch) -> KafkaUnderTest:
    monkeypatch.setattr(kafka_fixture, "answers", lambda _bootstrap: True)
    return KafkaUnderTest(Choice("embedded", "a test", lambda: FakeNode(log)))


def clean(broker: KafkaUnderTest, admin: FakeAdmin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "admin", lambda: admin)
    broker.clean()


def test_cleaning_deletes_topics_and_groups_and_leaves_kafkas_own(broker: KafkaUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = FakeAdmin(["a", "b", "__consumer_offsets"], {"g": []})
    clean(broker, admin, monkeypatch)
    assert admin.topics == ["__consumer_offsets"]
    assert admin.members == {}
    assert admin.closed


def test_cleaning_expels_members_that_killed_processes_left(broker: KafkaUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    dynamic = {"member_id": "m-1", "group_instance_id": None}
    static = {"member_id": "m-2", "group_instance_id": "worker-2"}
    admin = FakeAdmin([], {"g": [dynamic, static]})
    clean(broker, admin, monkeypatch)
    assert admin.members == {}


def test_cleaning_asks_again_after_a_refusal(broker: KafkaUnderTest, log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    admin = FakeAdmin(["a"], {"g": []}, stubborn=3)
    clean(broker, admin, monkeypatch)
    assert admin.members == {}
    assert log == ["start"]


def test_a_broker_that_cannot_be_cleaned_is_replaced(
    broker: KafkaUnderTest, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_fixture, "CLEAN_SECONDS", 0.0)
    clean(broker, FakeAdmin([], {"g": []}, stubborn=1000), monkeypatch)
    assert log == ["start", "remove", "start"]


def test_cleaning_starts_a_broker_that_a_test_left_dead(
    broker: KafkaUnderTest, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.start()
    broker.kill()
    clean(broker, FakeAdmin([], {}), monkeypatch)
    assert log == ["start", "kill", "start"]
    assert broker.alive


def test_start_of_a_running_broker_does_nothing(broker: KafkaUnderTest, log: list[str]) -> None:
    broker.start()
    broker.start()
    assert log == ["start"]


def test_the_summary_names_backend_reason_and_counts(broker: KafkaUnderTest) -> None:
    broker.start()
    broker.restart()
    assert broker.summary().startswith("embedded (a test); 2 starts in ")


def test_an_unknown_backend_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="none of auto, testcontainers, embedded"):
        choose(tmp_path, "redpanda")


def test_without_docker_auto_takes_the_embedded_broker_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_DOCKER", "1")
    monkeypatch.setenv("FACTORYSTREAM_TEST_KAFKA", "auto")
    choice = choose(tmp_path)
    assert (choice.backend, choice.reason) == ("embedded", "NO_DOCKER=1 is set")


def test_asked_for_containers_do_not_fall_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_DOCKER", "1")
    with pytest.raises(RuntimeError, match="testcontainers, but NO_DOCKER=1 is set"):
        choose(tmp_path, "testcontainers")


def test_an_engine_elsewhere_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_DOCKER", raising=False)
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    choice = choose(tmp_path, "auto")
    assert choice.backend == "embedded"
    assert "tcp://192.0.2.1:2375" in choice.reason


def test_a_silent_engine_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_DOCKER", raising=False)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    assert choose(tmp_path, "auto").reason.startswith("no Docker engine answers")


@pytest.mark.parametrize(
    ("setting", "variable"),
    [
        ("node.id", "KAFKA_NODE_ID"),
        ("log.dirs", "KAFKA_LOG_DIRS"),
        ("listener.name.client.plain.sasl_x", "KAFKA_LISTENER_NAME_CLIENT_PLAIN_SASL__X"),
        ("confluent.some-thing", "KAFKA_CONFLUENT_SOME___THING"),
    ],
)
def test_settings_become_the_variables_of_kafkas_image(setting: str, variable: str) -> None:
    assert kafka_container.variable(setting) == variable


def test_the_container_advertises_the_port_of_this_machine_and_nothing_else() -> None:
    environment = kafka_container.container_environment(40123)
    assert environment["KAFKA_ADVERTISED_LISTENERS"] == "CLIENT://127.0.0.1:40123,BROKER://localhost:9093"
    assert environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_only_an_ended_process_of_this_machine_is_gone() -> None:
    own = kafka_container.own_label()
    host, pid, started = own.rsplit(":", 2)
    assert not kafka_container.owner_is_gone(own)
    assert kafka_container.owner_is_gone(f"{host}:{pid}:{float(started) - 60:.2f}")  # the number was given again
    assert kafka_container.owner_is_gone(f"{host}:{2**22 + 1}:1.00")
    assert not kafka_container.owner_is_gone(f"elsewhere:{2**22 + 1}:1.00")
