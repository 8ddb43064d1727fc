"""The two ends: readings a second through the gateway, and how long a fact is under way to an alert and to a customer's ledger."""

from __future__ import annotations

import json
import sqlite3
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from kafka_fixture import KafkaUnderTest
from overseas_lab import Process, overseas
from pipeline_lab import Lab, started
from pipeline_plant import SOURCE, Plant
from pipeline_rates import UNHURRIED, Row, children, peak_memory, quantile

from schemas.codec import Encoded, encode
from schemas.events.machine_event import ConditionChanged, MachineEvent
from schemas.events.order import Order
from schemas.instant import from_micros
from schemas.registry import ALERT, MACHINE, ORDER

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]
PER_SECOND = 50
SECONDS = 10
MACHINE_DAY = "services/gateway/samples/nist_sms/raw/Mazak01/Mazak01-20190606-20190607.txt.gz"


def run_gateway(lab: Lab, folder: Path, *arguments: str) -> tuple[dict[str, Any], float, int]:
    """The summary of a replay, its seconds from start to end, and its largest memory in MiB."""
    environment = {"FACTORYSTREAM_BOOTSTRAP": lab.bootstrap, "FACTORYSTREAM_METRICS_PORT": "0"}
    began = time.monotonic()
    gateway = Process("services.gateway", environment, "replay", *arguments, "--data-dir", str(folder), "--json")
    memory = 0
    while gateway.alive:
        memory = max([memory, *map(peak_memory, children("services.gateway"))])
        time.sleep(0.02)
    assert gateway.exit_code() == 0, gateway.lines[-20:]
    summary: dict[str, Any] = json.loads(next(line for line in reversed(gateway.lines) if line.startswith("{")))
    return summary, time.monotonic() - began, memory


def test_readings_through_the_gateway(clean_kafka: KafkaUnderTest, tmp_path: Path, figures: list[Row], scale: float) -> None:
    made = tmp_path / "plant.ndjson"
    made.write_text("\n".join(Plant(seed=42, assets=8, hours=8 * scale, sensing_s=int(5400 * scale)).lines()))
    with started(clean_kafka.bootstrap) as lab:
        for name, arguments in (("a made-up plant", ("events", str(made))), ("a real machine-day", ("mtconnect", MACHINE_DAY))):
            summary, seconds, memory = run_gateway(lab, tmp_path / name.replace(" ", "-"), *arguments)
            events = sum(summary["events"].values())
            note = f"{summary['readings']} readings, {events} records in {seconds:.1f} s with its start"
            figures.append(Row(f"gateway, {name}", summary["readings"] / seconds, "readings/s", note=note))
            figures.append(Row(f"gateway, {name}", events / seconds, "records/s"))
            figures.append(Row(f"gateway, {name}: memory", memory, "MiB"))


def conditions(plant: Plant) -> list[Encoded]:
    """Conditions that come and go, so that each is a step of an alarm."""
    asset, begin = next(iter(plant.line_of)), 1_700_000_000_000_000
    out = []
    for n in range(PER_SECOND * SECONDS):
        fact = ConditionChanged(item=f"item-{n % 10}", level="fault" if n // 10 % 2 == 0 else "normal")
        out.append(encode(MachineEvent(event_time=from_micros(begin + n), source=SOURCE, asset=asset, sequence=n + 1, fact=fact)))
    return out


def versions(plant: Plant) -> list[Encoded]:
    """Versions of one order; version n plans n units, so that what the customer reads can be told apart."""
    line = next(iter(plant.line_of.values()))
    return [
        encode(
            Order(
                event_time=from_micros(1_700_000_000_000_000 + n), version=n, order="bench-order", customer=plant.served[0],
                part="bracket", line=line, planned=n,
            )
        )
        for n in range(1, PER_SECOND * SECONDS + 1)
    ]  # fmt: skip


def test_how_long_a_fact_is_under_way(clean_kafka: KafkaUnderTest, tmp_path: Path, figures: list[Row]) -> None:
    plant = Plant(seed=43, assets=1, hours=0.1, sensing_s=10)
    with started(clean_kafka.bootstrap) as lab, overseas(lab.bootstrap, tmp_path) as (_, side):
        side.start_api()
        lab.send(plant.registrations())
        bridge, worker = side.start_bridge(), lab.start_worker(**UNHURRIED)
        lab.wait_until_reading(worker, 1.0)
        lab.send(conditions(plant), pace=PER_SECOND)
        lab.send(versions(plant), pace=PER_SECOND)
        lab.drain(worker)
        lab.drain_bridge(bridge)
        said = {f"{SOURCE}/{b['asset']}/{b['sequence']}": r.timestamp for r in lab.read(MACHINE) for b in (json.loads(r.value),)}
        alerts = [r.timestamp - said[json.loads(r.value)["cause"]] for r in lab.read(ALERT)]
        ordered = {json.loads(r.value)["version"]: r.timestamp for r in lab.read(ORDER)}
        stored = [at - ordered[planned] for planned, at in ledger(tmp_path)]
        assert (len(alerts), len(stored)) == (PER_SECOND * SECONDS, PER_SECOND * SECONDS)
        for what, times in (("condition to alert, in the log", alerts), ("order to the customer's ledger", stored)):
            for share in (0.5, 0.99):
                note = f"{len(times)} events, {PER_SECOND} a second"
                figures.append(Row(f"{what}, p{100 * share:g}", quantile(times, share), "ms", note=note))
        figures.append(Row("streams, all steps: memory", peak_memory(worker.pid), "MiB"))
        for name, word in (("API", "services.api"), ("bridge", "services.bridge"), ("broker", "kafka.Kafka")):
            pids = children(word)
            if pids:  # a broker in a container is no child of ours
                figures.append(Row(f"{name}: memory", sum(map(peak_memory, pids)), "MiB"))


def ledger(folder: Path) -> list[tuple[int, float]]:
    """(planned units, Unix ms at which it was stored) of each progress of an order in the ledger."""
    (file,) = folder.glob("*.sqlite")
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT payload, stored_at FROM ledger WHERE product = 'order'").fetchall()
    return [(json.loads(payload)["planned"], datetime.fromisoformat(at).timestamp() * 1000) for payload, at in rows]
