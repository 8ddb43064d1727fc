"""``factorystream status``: what runs, what it has counted, what waits."""

from dataclasses import asdict
from typing import Any

import typer

from services.cli.options import DATA_DIR, Json, LastDir
from services.cli.screen import OUT, note, print_json, table
from services.cli.stages import stage_table, stages_json
from services.stack.drained import Offsets
from services.stack.folder import DataFolder
from services.stack.overview import counts_of, groups_of, metrics_texts, record_counts, service_state
from services.stack.record import StackRecord, running_stack
from services.stack.session import broker_at


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status", epilog="Example: factorystream status --data-dir .data/demo --json")(status)


def status(data_dir: LastDir = DATA_DIR, as_json: Json = False) -> None:
    """Show the processes of a stack, the records on its topics by what became of them, and what still waits."""
    record = running_stack(DataFolder(data_dir).record)
    with broker_at(data_dir, None, note) as bootstrap:
        found = gather(bootstrap, record)
    if as_json:
        print_json(found)
    else:
        show(found)


def gather(bootstrap: str, record: StackRecord | None) -> dict[str, Any]:
    """Everything there is to say, as JSON."""
    texts = metrics_texts(record) if record else {}
    offsets = Offsets(bootstrap)
    try:
        waiting = offsets.look(groups_of(texts)).waiting
        topics = record_counts(offsets)
    finally:
        offsets.close()
    return {
        "running": record is not None,
        "bootstrap": bootstrap if record else None,
        "api": record.api_url if record else None,
        "services": [asdict(service_state(s)) | {"log": str(s.log)} for s in record.services] if record else [],
        "topics": topics,
        "stages": stages_json(counts_of(texts)),
        "waiting": [{"group": g, "topic": t, "records": n} for (g, t), n in sorted(waiting.items())],
    }


def show(found: dict[str, Any]) -> None:
    """The same for people."""
    if found["running"]:
        OUT.print(f"Kafka {found['bootstrap']}   API {found['api'] or '–'}")
        services = table("Services", "name", "pid", "restarts", "MiB", "metrics", "log", right=("pid", "restarts", "MiB"))
        for s in found["services"]:
            services.add_row(
                s["name"], _text(s["pid"]), str(s["restarts"]), _text(s["memory_mib"]), _text(s["metrics_url"]), s["log"]
            )
        OUT.print(services)
        OUT.print(stage_table(found["stages"]))
    topics = table("Records per topic", "topic", "records", right=("records",))
    for name, records in sorted(found["topics"].items()):
        if records:
            topics.add_row(name, f"{records:,}")
    OUT.print(topics)
    waiting = sum(w["records"] for w in found["waiting"])
    if found["running"]:
        OUT.print(f"{waiting:,} records wait to be processed" if waiting else "everything has been processed")


def _text(value: object) -> str:
    return "–" if value is None else str(value)
