"""``factorystream tail``: the records of one topic as they come."""

import json
from itertools import islice
from typing import Annotated, Any

import typer

from schemas.instant import rfc3339
from schemas.registry import TOPICS, topic_named
from schemas.topic import Topic
from services.cli.options import DATA_DIR, Bootstrap, Json, LastDir
from services.cli.screen import OUT, note
from services.runtime.errors import UserError
from services.stack.log_reader import Record, follow, read_all
from services.stack.session import broker_at

DEAD_LETTERS = ".dlq"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tail", epilog="Example: factorystream tail factory.kpi.v1 --from-start --count 5 --json")(tail)


def tail(
    topic: Annotated[str, typer.Argument(help="Name of the topic, with or without factory. and .v1", show_default=False)],
    data_dir: LastDir = DATA_DIR,
    bootstrap: Bootstrap = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin with the oldest record, and stop at the end")] = False,
    count: Annotated[int | None, typer.Option("--count", min=1, help="Stop after so many records")] = None,
    as_json: Json = False,
) -> None:
    """Print the records of a topic: those that come from now on, or with --from-start those that are there."""
    found = resolve(topic)
    with broker_at(data_dir, bootstrap, note) as where:
        records = read_all(where, found) if from_start else follow(where, found, from_start=False)
        for record in islice(records, count):
            print(json.dumps(as_dict(record), ensure_ascii=False), flush=True) if as_json else OUT.print(line(record), markup=False)


def resolve(name: str) -> Topic:
    """The topic of that name; ``kpi`` stands for ``factory.kpi.v1``. Raises UserError that names the known ones."""
    for candidate in (name, f"factory.{name}.v1", f"factory.{name}"):
        try:
            return topic_named(candidate)
        except KeyError:
            continue
    names = ", ".join(t.name for t in TOPICS)
    raise UserError(f"no topic is named {name!r}; there are {names}, and beside each its dead letters, NAME{DEAD_LETTERS}")


def as_dict(record: Record) -> dict[str, Any]:
    """A record as JSON: where it lies, and its event or, where it is none, its text and why."""
    place = {"topic": record.topic, "partition": record.partition, "offset": record.offset, "arrived": rfc3339(record.arrived)}
    key = None if record.key is None else record.key.decode("utf-8", "replace")
    if record.event is not None and not record.note:
        return {**place, "key": key, "event": json.loads(record.value or b"null")}
    text = None if record.value is None else record.value.decode("utf-8", "replace")
    return {**place, "key": key, "event": None, "text": text, "note": record.note}


def line(record: Record) -> str:
    """A record as one line."""
    key = "" if record.key is None else record.key.decode("utf-8", "replace")
    text = "" if record.value is None else record.value.decode("utf-8", "replace")
    note = f"  [{record.note}]" if record.note else ""
    return f"{record.partition}/{record.offset}  {key}  {text}{note}"
