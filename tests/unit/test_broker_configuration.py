"""What Kafka is told at start."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from services.broker.configuration import java_command, java_environment, log4j_text, properties_text, server_settings
from services.runtime.errors import UserError


def test_every_address_is_loopback_and_carries_the_ports() -> None:
    settings = server_settings(21000, 21001)
    assert settings["listeners"] == "CLIENT://127.0.0.1:21000,CONTROLLER://127.0.0.1:21001"
    assert settings["advertised.listeners"] == "CLIENT://127.0.0.1:21000"
    assert settings["controller.quorum.voters"] == f"{settings['node.id']}@127.0.0.1:21001"


def test_the_settings_that_the_contracts_rely_on() -> None:
    settings = server_settings(1, 2)
    assert settings["auto.create.topics.enable"] == "false"
    assert settings["log.message.timestamp.type"] == "LogAppendTime"
    assert 2**20 <= int(settings["message.max.bytes"]) < 2 * 2**20
    assert int(settings["offsets.retention.minutes"]) > 7 * 24 * 60


def test_one_node_keeps_one_copy_of_everything() -> None:
    copies = {name: value for name, value in server_settings(1, 2).items() if name.endswith((".replication.factor", "min.isr"))}
    assert len(copies) >= 6
    assert set(copies.values()) == {"1"}


def test_an_index_holds_the_entries_of_a_whole_segment() -> None:
    settings = server_settings(1, 2)
    entries = int(settings["log.segment.bytes"]) // 4096
    assert int(settings["log.index.size.max.bytes"]) >= 12 * entries


def test_no_value_needs_escaping_in_a_properties_file() -> None:
    text = properties_text(server_settings(9092, 9093))
    assert text.isascii()
    assert "\\" not in text
    assert dict(line.split("=", 1) for line in text.splitlines()) == server_settings(9092, 9093)


def test_the_log_is_bounded_and_off_the_screen() -> None:
    appenders = ET.fromstring(log4j_text().encode()).find("Appenders")
    assert appenders is not None
    assert [appender.tag for appender in appenders] == ["RollingFile"]
    assert appenders.find("RollingFile/SizeBasedTriggeringPolicy") is not None
    assert appenders.find("RollingFile/DefaultRolloverStrategy") is not None


def test_java_gets_the_heap_and_exactly_the_verified_jars() -> None:
    command = java_command(Path("/j/bin/java"), "256m", [Path("/c/a.jar"), Path("/c/b.jar")], "kafka.Kafka", "server.properties")
    assert command[0] == "/j/bin/java"
    assert "-Xmx256m" in command
    assert command[-4:] == ["-cp", "/c/a.jar:/c/b.jar", "kafka.Kafka", "server.properties"]


@pytest.mark.parametrize("heap", ["", "512", "0m", "lots", "512m -version", "-1g"])
def test_a_heap_that_is_no_size_is_refused(heap: str) -> None:
    with pytest.raises(UserError, match="is not a size; write it as 512m"):
        java_command(Path("java"), heap, [], "kafka.Kafka")


def test_nothing_in_the_environment_slips_options_into_java() -> None:
    environment = java_environment({"PATH": "/bin", "JAVA_TOOL_OPTIONS": "-Xmx1m", "CLASSPATH": "/evil", "LC_ALL": "C"})
    assert environment == {"PATH": "/bin", "LC_ALL": "C.UTF-8"}
