"""Compares the contracts with those last released: ``python -m schemas.compatibility [check|release] [--json]``.

A released version is a folder ``released/<version>/`` with the JSON Schemas, the golden payloads and the shape of the topics of
that day. It never changes once it has been shipped. What a change means is decided in :mod:`schemas.evolution`; here it is
traced to the topics and to those who read them, and every old golden payload is replayed against the present models.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from schemas.evolution import Change, Effect, changes
from schemas.golden import fault_of
from schemas.registry import broker_topics
from schemas.snapshot import RELEASED, Shape, Snapshot, load, number_of, present, save, versions
from schemas.topic import Topic


@dataclass(frozen=True, slots=True)
class Finding:
    """One change with what it touches. ``subject`` is an event type or a topic; ``hits`` are the names of the topics' readers."""

    subject: str
    path: str
    effect: Effect
    reason: str
    topics: tuple[str, ...]
    hits: tuple[str, ...]

    def sentence(self) -> str:
        """The finding for people."""
        where = f"{self.subject} {self.path}".rstrip()
        return f"{where}: {self.reason}. Topics: {', '.join(self.topics)}; read by: {', '.join(self.hits) or 'nobody'}."


def check(old: Snapshot, new: Snapshot) -> list[Finding]:
    """Every change between two snapshots, breaking ones first."""
    found = [*_schema_findings(old, new), *_topic_findings(old, new)]
    return sorted(found, key=lambda f: (f.effect is not Effect.BREAKING, f.subject, f.path))


def replay(examples: dict[str, dict[str, Any]], topics: Iterable[Topic]) -> list[Finding]:
    """Decode every golden payload with the present models: each must be an event that says the same."""
    by_name = {t.name: t for t in topics}
    found = []
    for name, payloads in examples.items():
        topic = by_name.get(name)
        for example, payload in payloads.items():
            fault = "the topic is gone" if topic is None else fault_of(topic, payload)
            if fault:
                hits = topic.consumers if topic else ()
                found.append(Finding(name, example, Effect.BREAKING, f"the golden payload fails: {fault}", (name,), hits))
    return found


def _schema_findings(old: Snapshot, new: Snapshot) -> Iterator[Finding]:
    for kind, schema in old.schemas.items():
        gone = [Change("", Effect.BREAKING, "the event type is gone")]
        found = changes(schema, new.schemas[kind]) if kind in new.schemas else gone
        topics, hits = _touched(kind, old, new)
        for change in found:
            yield Finding(kind, change.path, change.effect, change.reason, topics, hits)


def _touched(kind: str, old: Snapshot, new: Snapshot) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The topics that have carried an event type, and who reads them today (at the release, where the topic is gone)."""
    shapes = {name: shape for name, shape in {**new.topics, **old.topics}.items() if kind in shape["events"]}
    hits = dict.fromkeys(reader for name, shape in shapes.items() for reader in new.topics.get(name, shape)["read by"])
    return tuple(shapes) or ("every dead-letter topic",), tuple(hits) or ("ops",)


def _topic_findings(old: Snapshot, new: Snapshot) -> Iterator[Finding]:
    for name, before in old.topics.items():
        after = new.topics.get(name)
        found = _shape_changes(before, after) if after else [Change("", Effect.BREAKING, "the topic is gone")]
        for change in found:
            hits = tuple((after or before)["read by"])
            yield Finding(name, change.path, change.effect, change.reason, (name,), hits)


def _shape_changes(old: Shape, new: Shape) -> Iterator[Change]:
    for word in ("key", "partitions", "compacted"):
        if old[word] != new[word]:
            yield Change(word, Effect.BREAKING, f"it was {old[word]} and is {new[word]}")
    if _days(new) < _days(old):
        yield Change("retention_days", Effect.BREAKING, f"it was {old['retention_days']} and is {new['retention_days']}")
    for kind in new["events"]:
        if kind not in old["events"]:
            yield Change("events", Effect.READERS_FIRST, f"{kind} is on the topic now")
    for kind in old["events"]:
        if kind not in new["events"]:
            yield Change("events", Effect.BREAKING, f"{kind} is no longer on the topic")


def _days(shape: Shape) -> float:
    return float("inf") if shape["retention_days"] is None else float(shape["retention_days"])


def obstacle(old: Snapshot | None, new: Snapshot, replace: bool) -> str | None:
    """Why ``new`` may not be released after ``old``; None when it may. Versions follow Semantic Versioning 2.0.0."""
    if old is None or (replace and old.version == new.version):
        return None
    if old.version == new.version:
        if old == new:
            return None
        return f"{new.version} is released already. Raise schemas/version.py, or --replace it if it was never shipped"
    if number_of(new.version) < number_of(old.version):
        return f"{new.version} is older than {old.version}, the last release"
    broken = [f for f in check(old, new) if f.effect is Effect.BREAKING]
    if broken and _series(old.version) == _series(new.version):
        return f"{len(broken)} breaking changes need a new {_series_word(old.version)} version after {old.version}"
    return None


def _series(version: str) -> tuple[int, ...]:
    """What must grow with a breaking change: the major version, and before 1.0.0 the minor one."""
    number = number_of(version)
    return number[:1] if number[0] else number[:2]


def _series_word(version: str) -> str:
    return "major" if number_of(version)[0] else "minor"


def main(arguments: list[str] | None = None, folder: Path = RELEASED) -> int:
    """Check (the default) or release. Exit 1 on a breaking change, or when a release is not allowed."""
    parser = argparse.ArgumentParser(
        prog="python -m schemas.compatibility", description="Compare the contracts with the last release."
    )
    parser.add_argument("command", nargs="?", choices=("check", "release"), default="check")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument("--replace", action="store_true", help="release again under a version that was never shipped")
    options = parser.parse_args(arguments)
    known = versions(folder)
    old = load(known[-1], folder) if known else None
    if options.command == "release":
        return _release(old, folder, options.replace)
    if old is None:
        print("error: nothing is released yet. Run python -m schemas.compatibility release.", file=sys.stderr)
        return 1
    return _check(old, options.json)


def _check(old: Snapshot, as_data: bool) -> int:
    found = [*check(old, present()), *replay(old.examples, broker_topics())]
    broken = sum(f.effect is Effect.BREAKING for f in found)
    if as_data:
        print(json.dumps({"released": old.version, "compatible": not broken, "changes": [asdict(f) for f in found]}, indent=2))
    else:
        for finding in found:
            print(f"{finding.effect.value}: {finding.sentence()}")
        print(f"{broken} breaking changes since {old.version}, {len(found) - broken} that need readers to be upgraded first")
    return 1 if broken else 0


def _release(old: Snapshot | None, folder: Path, replace: bool) -> int:
    new = present()
    reason = obstacle(old, new, replace)
    if reason:
        print(f"error: {reason}.", file=sys.stderr)
        return 1
    save(new, folder)
    print(f"{new.version}: {len(new.schemas)} events on {len(new.topics)} topics")
    return 0


if __name__ == "__main__":
    sys.exit(main())
