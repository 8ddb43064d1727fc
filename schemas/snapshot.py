"""The contracts of one version, as code and as a folder ``released/<version>/``."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.document_json_schema import Schema, event_types, json_schema
from schemas.generate import as_json, load_examples
from schemas.registry import TOPICS
from schemas.topic import Topic
from schemas.version import VERSION

RELEASED = Path(__file__).parent / "released"
Shape = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The contracts of one version: schemas by event type, topic shapes by name, golden payloads by topic and name."""

    version: str
    schemas: dict[str, Schema]
    topics: dict[str, Shape]
    examples: dict[str, dict[str, Any]]


def present() -> Snapshot:
    """The contracts as they are in the code."""
    schemas = {event.TYPE: json_schema(event) for event in event_types()}
    return Snapshot(VERSION, schemas, {t.name: _shape(t) for t in TOPICS}, load_examples())


def versions(folder: Path = RELEASED) -> list[str]:
    """The released versions, oldest first."""
    return sorted((p.name for p in folder.glob("*/") if (p / "topics.json").is_file()), key=number_of)


def load(version: str, folder: Path = RELEASED) -> Snapshot:
    """A released snapshot."""
    root = folder / version
    schemas = {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in sorted((root / "json-schema").glob("*.json"))}
    return Snapshot(
        version, schemas, json.loads((root / "topics.json").read_text(encoding="utf-8")), load_examples(root / "examples")
    )


def save(snapshot: Snapshot, folder: Path = RELEASED) -> None:
    """Write a snapshot, in place of one of the same version."""
    root = folder / snapshot.version
    shutil.rmtree(root, ignore_errors=True)
    files = {f"json-schema/{kind}.json": schema for kind, schema in snapshot.schemas.items()}
    files |= {f"examples/{topic}/{name}.json": value for topic, named in snapshot.examples.items() for name, value in named.items()}
    files["topics.json"] = snapshot.topics
    for name, value in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_json(value), encoding="utf-8")


def number_of(version: str) -> tuple[int, ...]:
    """``0.1.0`` as numbers, so that versions compare."""
    return tuple(int(part) for part in version.split("."))


def _shape(topic: Topic) -> Shape:
    return {
        "key": topic.key,
        "partitions": topic.partitions,
        "compacted": topic.compacted,
        "retention_days": topic.retention_days,
        "events": [e.TYPE for e in topic.events],
        "written by": list(topic.producers),
        "read by": list(topic.consumers),
    }
