"""Reference data from an event file to the steps: through the gateway and a real broker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gateway_lab import ROOT
from kafka_fixture import KafkaUnderTest

from schemas.registry import CALENDAR, LOSS_MODEL, ORDER
from services.cli.commands.tail import resolve
from services.stack.log_reader import read_all
from services.topics.cluster import create
from streams.transport.references import ReferenceView

pytestmark = pytest.mark.kafka
TIME = "2026-11-24T00:00:00Z"
ORDER_LINE = {"type": "factory.order.v1", "event_time": TIME, "version": 1, "order": "o-1", "customer": "acme", "part": "p",
              "line": "l1", "planned": 5, "planned_run_time_us": 60_000_000}  # fmt: skip


def calendar(version: int, **changes: object) -> dict[str, object]:
    return {"type": "factory.calendar.v1", "event_time": TIME, "version": version, "line": "l1", "zone": "Asia/Shanghai",
            "valid_from": TIME, "shifts": [], **changes}  # fmt: skip


def loss_model(version: int) -> dict[str, object]:
    return {"type": "factory.loss-model.v1", "event_time": TIME, "version": version, "line": "l1", "valid_from": TIME}


def publish(bootstrap: str, folder: Path, name: str, *lines: dict[str, object]) -> dict[str, int]:
    """What a person does: an event file through the gateway; the events sent per topic."""
    path = folder / name
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FACTORYSTREAM_")} | {"PYTHONPATH": str(ROOT)}
    words = [
        "replay",
        "events",
        str(path),
        "--source",
        "erp",
        "--bootstrap",
        bootstrap,
        "--data-dir",
        str(folder / "data"),
        "--json",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "services.gateway", *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout)["events"])


async def test_published_calendars_loss_models_and_orders_are_what_the_steps_see(
    clean_kafka: KafkaUnderTest, tmp_path: Path
) -> None:
    bootstrap = clean_kafka.bootstrap
    create(bootstrap)
    sent = publish(bootstrap, tmp_path, "first.jsonl", calendar(2), calendar(1), loss_model(1), ORDER_LINE)
    assert sent == {"factory.calendar.v1": 2, "factory.loss-model.v1": 1, "factory.order.v1": 1}
    failures: list[BaseException] = []
    view = ReferenceView({"bootstrap_servers": bootstrap}, (CALENDAR, LOSS_MODEL, ORDER), failures.append)
    try:
        await view.ready()
        before = view.calendars("l1")
        order = view.order("o-1")
        assert [c.version for c in before] == [1, 2]
        assert [m.version for m in view.loss_models("l1")] == [1]
        assert order is not None and order.planned_run_time_us == 60_000_000
        publish(bootstrap, tmp_path, "corrected.jsonl", calendar(1, zone="UTC"), calendar(2))  # the second is a repeat
        await view.catch_up()
        after = view.calendars("l1")
        assert [c.zone for c in after] == ["UTC", "Asia/Shanghai"]
        assert after[1] is before[1]
    finally:
        await view.stop()
    assert not failures
    on_topic = [r.event for r in read_all(bootstrap, resolve("calendar"))]
    assert [c.event_id for c in before] == ["factory.calendar.v1/l1/1", "factory.calendar.v1/l1/2"]
    assert len(on_topic) == 4 and None not in on_topic
