"""AsyncAPI 3.0: channels, messages with their CloudEvents headers, and who sends and receives what."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from schemas.document_json_schema import Schema, event_types, tidy
from schemas.envelope import Event, SourceEvent
from schemas.events.dead_letter import DeadLetter
from schemas.instant import RFC3339
from schemas.party import PARTIES
from schemas.registry import TOPICS, dead_letter_topic
from schemas.topic import Topic
from schemas.version import VERSION

KAFKA_BINDING = "0.5.0"
#: golden payloads: topic name, file name without suffix, JSON value
Examples = Mapping[str, Mapping[str, Any]]
Document = dict[str, Any]

INTRODUCTION = (
    "Every topic of the platform that has a contract. Values are JSON; CloudEvents attributes travel in headers (binary mode of "
    "the CloudEvents Kafka protocol binding). The value alone is enough to process an event. Delivery is at least once: "
    "source and id of an event never change, so that a reader can tell a duplicate."
)


def asyncapi(examples: Examples) -> Document:
    """The document. ``examples`` are shown with the message of their event type."""
    channels = (*TOPICS, *(dead_letter_topic(t) for t in TOPICS if t.dead_letters))
    return {
        "asyncapi": "3.0.0",
        "id": "urn:factorystream",
        "info": {
            "title": "factorystream",
            "version": VERSION,
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0"},
            "tags": [{"name": p.name, "description": f"{p.text} ({p.kind.value})"} for p in PARTIES],
        },
        "defaultContentType": "application/json",
        "servers": {"embedded": {"host": "127.0.0.1:9092", "protocol": "kafka", "description": "The broker of the embedded mode"}},
        "channels": {t.name: _channel(t) for t in channels},
        "operations": dict(_operations(TOPICS)),
        "components": {
            "messages": {e.__name__: _message(e, examples) for e in event_types()},
            "schemas": _schemas(),
        },
    }


def _channel(topic: Topic) -> Document:
    return {
        "address": topic.name,
        "title": topic.text,
        "messages": {e.__name__: {"$ref": f"#/components/messages/{e.__name__}"} for e in topic.events},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": _configuration(topic),
                "bindingVersion": KAFKA_BINDING,
            }
        },
        "x-key": topic.key,
        "x-written-by": list(topic.producers),
        "x-read-by": list(topic.consumers),
    }


def _configuration(topic: Topic) -> Document:
    typed: Document = {name: int(value) if value.lstrip("-").isdigit() else value for name, value in topic.config.items()}
    return {**typed, "cleanup.policy": [typed["cleanup.policy"]]}


def _operations(topics: Sequence[Topic]) -> list[tuple[str, Document]]:
    out = []
    for topic in topics:
        out += [(f"{name}.send.{topic.name}", _operation("send", name, topic)) for name in topic.producers]
        out += [(f"{name}.receive.{topic.name}", _operation("receive", name, topic)) for name in topic.consumers]
    return out


def _operation(action: str, party: str, topic: Topic) -> Document:
    channel = f"#/channels/{topic.name}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{e.__name__}"} for e in topic.events],
        "tags": [{"name": party}],
    }


def _message(event: type[Event], examples: Examples) -> Document:
    if event is DeadLetter:
        return _dead_letter(examples)
    shown = [
        {"name": name, "payload": value}
        for topic in TOPICS
        if event in topic.events
        for name, value in examples.get(topic.name, {}).items()
        if value["type"] == event.TYPE
    ]
    key = next(t.key for t in TOPICS if event in t.events)
    return {
        "name": event.TYPE,
        "title": event.__name__,
        "contentType": "application/json",
        "headers": _cloud_events(event),
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
        "bindings": {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": KAFKA_BINDING}},
        "examples": shown,
    }


def _cloud_events(event: type[Event]) -> Schema:
    """Headers of CloudEvents 1.0 in binary mode, as :func:`schemas.codec.headers` writes them."""
    properties: Schema = {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "minLength": 1, "description": "Unique with ce_source, the same at every replay"},
        "ce_source": {"type": "string", "format": "uri-reference"},
        "ce_type": {"type": "string", "const": event.TYPE},
        "ce_time": {"type": "string", "format": "date-time", "pattern": RFC3339},
        "content-type": {"type": "string", "const": "application/json"},
    }
    if issubclass(event, SourceEvent):
        properties["ce_sequence"] = {"type": "string", "pattern": "^[0-9]{20}$", "description": "sequence with leading zeros"}
    return {"type": "object", "required": list(properties), "properties": properties}


def _dead_letter(examples: Examples) -> Document:
    """The record of a dead letter: the original bytes, with what is known of them in headers."""
    fields = [name for name in DeadLetter.model_fields if name not in {"type", "dead_letter_topic", "original", "original_key"}]
    properties = {f"dlq_{name}": {"type": "string", "description": f"{name} of a DeadLetter"} for name in fields}
    return {
        "name": DeadLetter.TYPE,
        "title": "DeadLetter",
        "summary": "Key and value are those of the rejected record, byte for byte; they are no event",
        "contentType": "application/octet-stream",
        "headers": {"type": "object", "required": list(properties), "properties": properties},
        "payload": {"type": "string", "format": "binary"},
        "examples": [
            {"name": name, "headers": record["headers"], "payload": record["value"]}
            for topic in map(dead_letter_topic, TOPICS)
            for name, record in examples.get(topic.name, {}).items()
        ],
        "bindings": {
            "kafka": {"key": {"type": "string", "description": "key of the rejected record"}, "bindingVersion": KAFKA_BINDING}
        },
    }


def _schemas() -> Schema:
    """Every model once. AsyncAPI has JSON Schema draft 07 with references into the document."""
    inputs: Any = [(event, "validation") for event in event_types()]
    _, rendered = models_json_schema(inputs, ref_template="#/components/schemas/{model}")
    return {name: tidy(schema) for name, schema in sorted(rendered["$defs"].items())}
