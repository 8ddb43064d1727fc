"""The page about topics for people: one table of topics, then each event with its fields and an example."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from schemas.document_asyncapi import Examples
from schemas.document_json_schema import Schema, event_types, json_schema
from schemas.envelope import Event
from schemas.party import PARTIES
from schemas.registry import STATEFUL_STEPS, TOPICS, changelog_name, dead_letter_topic
from schemas.topic import DAY_MS, Topic
from schemas.version import VERSION

INTRODUCTION = f"""# Topics and events

Version {VERSION} of the contracts. Rendered by `python -m schemas.generate` from `schemas/`: change it there.

A value is one JSON object of a closed model: an unknown field is an error. CloudEvents attributes travel in headers
(`ce_id`, `ce_source`, `ce_type`, `ce_time`, and `ce_sequence` for facts from outside). Delivery is at least once; source
and id of an event never change. Times are RFC 3339; the platform writes UTC with six digits. Units are UCUM codes.
A field leaves the factory only as far as its export label and the policy of the customer agree: **deny** never,
**aggregate** only in a number over enough units and time, **mask** only disguised, **allow** as it is.
"""


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A line of a field table. ``path`` is ``window.start``, ``account[].order``, ``channels{}.unit`` or ``fact(energy).kind``."""

    path: str
    schema: Schema
    required: bool


def topics_page(examples: Examples) -> str:
    """The page as Markdown."""
    parts = [INTRODUCTION, _topic_table(), _dead_letters(), _party_table(), "## Events\n"]
    parts += [_event(event, examples) for event in event_types()]
    return "\n".join(parts)


def field_rows(schema: Schema) -> Iterator[FieldRow]:
    """Every field of an event's schema and of the models inside it, depth first."""
    return _fields(schema, schema.get("$defs", {}), "")


def type_text(schema: Schema, models: Schema) -> str:
    """The type of a value in few words."""
    if "$ref" in schema:
        target = models[schema["$ref"].rpartition("/")[2]]
        return "object" if "properties" in target else type_text(target, models)
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " or ".join(dict.fromkeys(type_text(s, models) for s in schema[union]))
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    if schema["type"] == "array":
        return f"list of {type_text(schema.get('items', {}).get('prefixItems', [schema.get('items')])[0], models)}"
    if schema["type"] == "object":
        return f"map to {type_text(next(iter(schema['patternProperties'].values())), models)}"
    return "time" if schema.get("format") == "date-time" else str(schema["type"])


def _fields(node: Schema, models: Schema, prefix: str) -> Iterator[FieldRow]:
    for name, prop in node.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield FieldRow(path, prop, name in node["required"])
        for suffix, inner in _inner_models(prop, models):
            yield from _fields(inner, models, f"{path}{suffix}.")


def _inner_models(schema: Schema, models: Schema) -> Iterator[tuple[str, Schema]]:
    """The models inside a value, with what the path to each adds to the field's name."""
    if "$ref" in schema:
        target = models[schema["$ref"].rpartition("/")[2]]
        if "properties" in target:
            yield "", target
    for option in schema.get("anyOf", []):
        yield from _inner_models(option, models)
    for option in schema.get("oneOf", []):
        for suffix, model in _inner_models(option, models):
            yield f"{suffix}({_constant(model)})", model
    if "items" in schema:
        yield from ((f"[]{suffix}", model) for suffix, model in _inner_models(schema["items"], models))
    for values in schema.get("patternProperties", {}).values():
        yield from ((f"{{}}{suffix}", model) for suffix, model in _inner_models(values, models))


def _constant(model: Schema) -> str:
    return str(next(prop["const"] for prop in model["properties"].values() if "const" in prop))


def _topic_table() -> str:
    head = ["## Topics\n", _row("topic", "what", "key", "events", "partitions", "kept", "written by", "read by"), _rule(8)]
    return "\n".join(head + [_topic_row(t) for t in TOPICS]) + "\n"


def _topic_row(topic: Topic) -> str:
    events = ", ".join(f"[{e.__name__}](#{e.__name__.lower()})" for e in topic.events)
    who = ", ".join(topic.producers), ", ".join(topic.consumers)
    return _row(f"`{topic.name}`", topic.text, f"`{topic.key}`", events, str(topic.partitions), kept(topic), *who)


def kept(topic: Topic) -> str:
    """How long a record stays, in words."""
    if topic.retention_days is None:
        return "newest per key, for good"
    return f"{topic.retention_days} d"


def _dead_letters() -> str:
    days = {t.name: int(dead_letter_topic(t).config["retention.ms"]) // DAY_MS for t in TOPICS if t.dead_letters}
    longer = ", ".join(f"`{name}.dlq` {d} d" for name, d in days.items() if d != min(days.values()))
    changelogs = ", ".join(f"`{changelog_name(step)}`" for step in STATEFUL_STEPS)
    return (
        f"Beside each topic stands its dead-letter topic `<topic>.dlq` with the records that are no events, byte for byte; it\n"
        f"keeps them for {min(days.values())} d ({longer}). The state of the steps is in {changelogs}: these have no contract.\n"
    )


def _party_table() -> str:
    rows = [_row(f"`{p.name}`", p.kind.value, p.text) for p in PARTIES]
    return "\n".join(["## Who writes and reads\n", _row("name", "kind", "what"), _rule(3), *rows]) + "\n"


def _event(event: type[Event], examples: Examples) -> str:
    schema = json_schema(event)
    models = schema.get("$defs", {})
    topics = [t for t in TOPICS if event in t.events]
    on = ", ".join(f"`{t.name}`" for t in topics) or "`<topic>.dlq`, its fields in `dlq_*` headers"
    rows = [_field_row(r, models) for r in field_rows(schema)]
    head = _row("field", "type", "unit", "meaning", "class", "export")
    lines = [f"### {event.__name__}\n", f"`{event.TYPE}` on {on}\n", f"{schema['description']}\n", head, _rule(6), *rows, ""]
    shown = _example(event, topics, examples)
    return "\n".join(lines + ([f"```json\n{shown}\n```\n"] if shown else []))


def _field_row(row: FieldRow, models: Schema) -> str:
    s = row.schema
    optional = "" if row.required else f", default `{json.dumps(s.get('default'), ensure_ascii=False)}`"
    kind = type_text(s, models) + optional
    return _row(
        f"`{row.path}`", kind, s.get("x-unit", ""), s.get("description", ""), s.get("x-class", ""), s.get("x-export", "deny")
    )


def _example(event: type[Event], topics: list[Topic], examples: Examples) -> str | None:
    for topic in topics:
        for value in examples.get(topic.name, {}).values():
            if value["type"] == event.TYPE:
                return json.dumps(value, indent=2, ensure_ascii=False)
    return None


def _row(*cells: Any) -> str:
    return "| " + " | ".join(str(c).replace("|", "\\|") for c in cells) + " |"


def _rule(columns: int) -> str:
    return "|" + "---|" * columns
