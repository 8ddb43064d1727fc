"""``python -m services.topics create|show|diff``: the topics of the registry on a broker."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from schemas.registry import broker_topics
from schemas.topic import DAY_MS
from services.runtime.errors import run
from services.runtime.settings import ServiceSettings
from services.topics.cluster import create, diff, show
from services.topics.plan import Difference, Found


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m services.topics", description="The topics of the registry on a broker.")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--bootstrap", metavar="HOST:PORT", help="the broker (default: $FACTORYSTREAM_BOOTSTRAP or 127.0.0.1:9092)")
    shared.add_argument("--json", action="store_true", help="print one JSON object")
    actions = command.add_subparsers(dest="action", required=True)
    actions.add_parser(
        "create", parents=[shared], help="create what is missing and put settings right; doing it again changes nothing"
    )
    actions.add_parser("show", parents=[shared], help="list the topics on the broker")
    actions.add_parser("diff", parents=[shared], help="tell how broker and registry differ; exit 1 when there is work for create")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the three. Raises UserError for what a person can set right."""
    options = parser().parse_args(arguments)
    bootstrap: str = options.bootstrap or ServiceSettings().bootstrap
    actions = {"create": _create, "show": _show, "diff": _diff}
    return actions[options.action](bootstrap, options.json)


def _create(bootstrap: str, as_json: bool) -> int:
    changes = create(bootstrap)
    _say(as_json, asdict(changes), changes.sentences() or [f"{len(broker_topics())} topics are as declared"])
    return 0


def _show(bootstrap: str, as_json: bool) -> int:
    topics = show(bootstrap)
    _say(as_json, {"topics": [_row(t) for t in topics]}, [_line(t) for t in topics] or ["no topics"])
    return 0


def _diff(bootstrap: str, as_json: bool) -> int:
    difference = diff(bootstrap)
    _say(as_json, _difference(difference), difference.sentences() or ["broker and registry agree"])
    return 1 if difference.needs_work else 0


def _row(topic: Found) -> dict[str, Any]:
    declared = {t.name: t.config for t in broker_topics()}.get(topic.name, {})
    shown = sorted(declared.keys() | topic.own)
    return {
        "name": topic.name,
        "declared": bool(declared),
        "partitions": topic.partitions,
        "replicas": topic.replicas,
        "config": {name: topic.config[name] for name in shown if name in topic.config},
    }


def _line(topic: Found) -> str:
    days = int(topic.config["retention.ms"]) / DAY_MS
    kept = "for good" if days < 0 else f"{days:g} d"
    return f"{topic.name:42} {topic.partitions:3} partitions  {topic.replicas} replicas  {topic.config['cleanup.policy']:14} {kept}"


def _difference(difference: Difference) -> dict[str, Any]:
    return {**asdict(difference), "missing": [t.name for t in difference.missing], "needs_work": difference.needs_work}


def _say(as_json: bool, value: dict[str, Any], lines: Sequence[str]) -> None:
    print(json.dumps(value, indent=2) if as_json else "\n".join(lines))


if __name__ == "__main__":
    run(main)
