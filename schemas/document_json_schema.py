"""JSON Schema 2020-12 of each event, with the labels of its fields as ``x-`` keywords."""

from functools import cache
from typing import Any

from pydantic import TypeAdapter

from schemas.envelope import Event
from schemas.registry import broker_topics

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


@cache
def event_types() -> tuple[type[Event], ...]:
    """Every event type of every topic, once, in the order of the registry."""
    return tuple(dict.fromkeys(e for topic in broker_topics() for e in topic.events))


def schema_id(event: type[Event]) -> str:
    """The ``$id`` of an event's schema, also its CloudEvents ``dataschema``."""
    return f"urn:factorystream:schema:{event.TYPE}"


def json_schema(event: type[Event]) -> Schema:
    """The schema of an event's JSON value."""
    body = tidy(TypeAdapter(event).json_schema(mode="validation"))
    return {"$schema": DIALECT, "$id": schema_id(event), **body}


def tidy(node: Any) -> Any:
    """What pydantic renders, as a contract says it.

    - A constant such as ``type`` or ``kind`` is required: it tells the members of a union apart.
    - ``discriminator`` (OpenAPI) goes: the constants say the same in JSON Schema.
    - A map takes no key but those of its pattern.
    - Titles made from field names go; a model or enumeration keeps its name.
    - Descriptions are one line.
    """
    if isinstance(node, list):
        return [tidy(part) for part in node]
    if not isinstance(node, dict):
        return node
    out = {key: tidy(value) for key, value in node.items() if key != "discriminator"}
    if isinstance(out.get("description"), str):
        out["description"] = " ".join(out["description"].split()).replace("``", "`")
    if "patternProperties" in out:
        out["additionalProperties"] = False
    if "properties" in out:
        out["properties"] = {name: _untitled(prop) for name, prop in out["properties"].items()}
        required = set(out.get("required", ())) | {name for name, prop in out["properties"].items() if "const" in prop}
        out["required"] = [name for name in out["properties"] if name in required]
    return out


def _untitled(prop: Schema) -> Schema:
    drop = {"title", "default"} if "const" in prop else {"title"}
    return {key: value for key, value in prop.items() if key not in drop}
