"""What is rendered from the registry is checked in, fresh, and says what the code does."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from schemas.codec import decode, encode_on, headers
from schemas.document_asyncapi import asyncapi
from schemas.document_json_schema import Schema, event_types, json_schema, schema_id
from schemas.document_topics import field_rows, topics_page
from schemas.envelope import Event
from schemas.events.dead_letter import DeadLetter
from schemas.evolution import inline
from schemas.generate import drift, load_examples, main, render, write
from schemas.golden import canonical
from schemas.party import PARTIES
from schemas.registry import TOPICS, broker_topics, topic_named
from schemas.version import VERSION

EXAMPLES = load_examples()
ASYNCAPI = asyncapi(EXAMPLES)
EVENTS = [e for e in event_types() if e is not DeadLetter]


def test_the_generated_files_are_fresh() -> None:
    assert drift(render(EXAMPLES)) == []


def test_rendering_twice_gives_the_same_text() -> None:
    assert render(EXAMPLES) == render(load_examples())


def test_drift_names_what_is_missing_stale_or_left_over(tmp_path: Path) -> None:
    write({"a.json": "1", "folder/b.md": "2"}, tmp_path)
    assert drift({"a.json": "1", "folder/b.md": "2"}, tmp_path) == []
    assert drift({"a.json": "9", "c.md": "3"}, tmp_path) == [
        "c.md is missing",
        "a.json is out of date",
        "folder/b.md is rendered from nothing",
    ]
    write({"a.json": "9"}, tmp_path)
    assert drift({"a.json": "9"}, tmp_path) == []


def test_the_command_checks_without_writing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("event", event_types(), ids=lambda e: e.__name__)
def test_a_json_schema_is_closed_named_and_without_loose_ends(event: type[Event]) -> None:
    schema = json_schema(event)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == schema_id(event)
    for node in objects_in(schema):
        if "properties" in node:
            assert node["additionalProperties"] is False
            constants = {name for name, prop in node["properties"].items() if "const" in prop}
            assert constants <= set(node["required"])
        if "patternProperties" in node:
            assert node["additionalProperties"] is False
        assert "discriminator" not in node


def objects_in(node: Any) -> list[Schema]:
    """Every JSON object inside a value, the value itself first."""
    if isinstance(node, dict):
        return [node, *(found for part in node.values() for found in objects_in(part))]
    if isinstance(node, list):
        return [found for part in node for found in objects_in(part)]
    return []


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.__name__)
def test_the_members_of_a_golden_payload_are_those_of_its_schema(event: type[Event]) -> None:
    schema = inline(json_schema(event))
    for topic in TOPICS:
        for payload in EXAMPLES[topic.name].values():
            if payload["type"] == event.TYPE:
                assert list(payload) == list(schema["properties"])
                assert set(schema["required"]) <= set(payload)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    references = {node["$ref"] for node in objects_in(ASYNCAPI) if "$ref" in node}
    assert references
    for reference in references:
        target: Any = ASYNCAPI
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        assert isinstance(target, dict)


def test_the_asyncapi_document_has_a_channel_for_every_topic_with_a_contract() -> None:
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert ASYNCAPI["info"]["version"] == VERSION
    with_contract = [t for t in broker_topics() if t.events]
    assert list(ASYNCAPI["channels"]) == [t.name for t in with_contract]
    for topic in with_contract:
        channel = ASYNCAPI["channels"][topic.name]
        assert list(channel["messages"]) == [e.__name__ for e in topic.events]
        kafka = channel["bindings"]["kafka"]
        assert (kafka["topic"], kafka["partitions"]) == (topic.name, topic.partitions)
        assert kafka["topicConfiguration"]["cleanup.policy"] == [topic.config["cleanup.policy"]]
        assert kafka["topicConfiguration"]["retention.ms"] == int(topic.config["retention.ms"])
        assert kafka["bindingVersion"] == "0.5.0"


def test_every_writer_sends_and_every_reader_receives() -> None:
    operations = {(o["action"], o["tags"][0]["name"], o["channel"]["$ref"]) for o in ASYNCAPI["operations"].values()}
    wanted = {("send", name, f"#/channels/{t.name}") for t in TOPICS for name in t.producers}
    wanted |= {("receive", name, f"#/channels/{t.name}") for t in TOPICS for name in t.consumers}
    assert operations == wanted
    assert len(ASYNCAPI["operations"]) == len(wanted)
    for operation in ASYNCAPI["operations"].values():
        for message in operation["messages"]:
            assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")
    assert {tag["name"] for tag in ASYNCAPI["info"]["tags"]} == {p.name for p in PARTIES}


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.__name__)
def test_the_headers_of_a_message_are_those_the_codec_writes(event: type[Event]) -> None:
    message = ASYNCAPI["components"]["messages"][event.__name__]
    assert message["examples"]
    for topic in (t for t in TOPICS if event in t.events):
        sent = [e for e in golden(topic.name) if type(e) is event]
        assert sent
        for instance in sent:
            declared = message["headers"]["properties"]
            assert [name for name, _ in headers(instance)] == message["headers"]["required"] == list(declared)
            written = {name: value.decode() for name, value in headers(instance)}
            for name, schema in declared.items():
                assert schema.get("const", written[name]) == written[name]
            assert encode_on(topic, instance).key == topic.key_of(instance)


def golden(name: str) -> list[Event]:
    return [event for _, event in decode(topic_named(name), [canonical(p) for p in EXAMPLES[name].values()]).events]


def test_the_message_of_a_dead_letter_shows_the_headers_the_codec_writes() -> None:
    message = ASYNCAPI["components"]["messages"]["DeadLetter"]
    record = EXAMPLES["factory.sensor.v1.dlq"]["dead-letter"]
    assert set(message["headers"]["properties"]) == set(record["headers"])
    assert message["contentType"] == "application/octet-stream"
    assert message["examples"][0]["payload"] == record["value"]


def test_the_topic_page_shows_every_topic_every_event_and_every_field() -> None:
    page = topics_page(EXAMPLES)
    for topic in TOPICS:
        assert f"| `{topic.name}` |" in page
    for event in event_types():
        assert f"\n### {event.__name__}\n" in page
        section = page.split(f"\n### {event.__name__}\n")[1].split("\n### ")[0]
        for row in field_rows(json_schema(event)):
            assert f"| `{row.path}` |" in section
        if event is not DeadLetter:
            shown = json.loads(section.split("```json\n")[1].split("```")[0])
            assert shown["type"] == event.TYPE


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    tables = topics_page(EXAMPLES).split("\n\n")
    for table in (t for t in tables if t.startswith("|")):
        widths = {line.replace("\\|", "").count("|") for line in table.strip().splitlines()}
        assert len(widths) == 1


def test_field_paths_show_lists_maps_and_the_members_of_a_union() -> None:
    paths = {e.__name__: {r.path for r in field_rows(json_schema(e))} for e in event_types()}
    assert "account[].duration_us" in paths["Measure"]
    assert "channels{}.unit" in paths["Asset"]
    assert "fact(energy).counter_kwh" in paths["MachineEvent"]
    assert "remaining_life.hours" in paths["HealthIndex"]
    assert "event.payload(kpi).window.start" in paths["HeldEvent"]


def test_the_version_of_the_contracts_is_that_of_the_distribution() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION
