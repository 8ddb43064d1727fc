"""What many assets cost a worker with all steps: its memory, and how long it takes to start again with their states."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from kafka_fixture import KafkaUnderTest
from pipeline_lab import Lab, started, stop
from pipeline_rates import UNHURRIED, Row, peak_memory

from schemas.codec import Encoded, encode
from schemas.events.asset import Asset, Channel
from schemas.events.machine_event import Execution, ExecutionChanged, MachineEvent
from schemas.events.sensor_frame import SensorFrame
from schemas.instant import from_micros

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]
BEGIN = from_micros(1_700_000_000_000_000)
FEW, MANY = 1_000, 10_000


def plant(assets: int) -> Iterator[Encoded]:
    """Descriptions, then one frame and one fact of each asset."""
    names = [f"mill-{n}" for n in range(assets)]
    for n, name in enumerate(names):
        channels = {"load": Channel(unit="%", high=95.0)}
        yield encode(
            Asset(event_time=BEGIN, version=1, asset=name, name=name, site="s", area="a", line=f"line-{n % 50}", channels=channels)
        )
    for name in names:
        yield encode(
            SensorFrame(event_time=BEGIN, source="gw", asset=name, sequence=1, times_us=[0, 1000], columns={"load": [1.0, 2.0]})
        )
        fact = ExecutionChanged(state=Execution.ACTIVE)
        yield encode(MachineEvent(event_time=BEGIN, source="gw", asset=name, sequence=2, fact=fact))


def restart_s(lab: Lab) -> tuple[float, int]:
    """Seconds from the start of a worker process to its states restored, and its memory then in MiB."""
    began = time.monotonic()
    worker = lab.start_worker(**UNHURRIED)
    lab.wait_until_reading(worker, 0)
    seconds = time.monotonic() - began
    memory = peak_memory(worker.pid)
    stop(worker)
    return seconds, memory


def test_memory_and_restart_with_many_assets(clean_kafka: KafkaUnderTest, figures: list[Row], scale: float) -> None:
    for assets in (int(FEW * scale), int(MANY * scale)):
        clean_kafka.clean()
        with started(clean_kafka.bootstrap) as lab:
            empty, small = restart_s(lab)
            lab.send(plant(assets))
            worker = lab.start_worker(**UNHURRIED)
            lab.drain(worker)
            memory = peak_memory(worker.pid)
            stop(worker)
            seconds, restored = restart_s(lab)
            figures.append(Row(f"worker, {assets} assets: memory", memory, "MiB", note=f"{small} MiB with none"))
            note = f"{empty:.1f} s with none; {restored} MiB"
            figures.append(Row(f"worker, {assets} assets: start to states restored", seconds, "s", note=note))
