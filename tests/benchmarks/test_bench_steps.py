"""Events a second of each step alone and of all together, one worker each, beside a plain reader of the same topics."""

from __future__ import annotations

import asyncio

import pytest
from kafka_fixture import KafkaUnderTest
from pipeline_expected import differences
from pipeline_lab import started
from pipeline_plant import Plant
from pipeline_rates import Row, pipeline_rate, reader_rate, step_rate

from schemas.registry import MACHINE, ORDER, SENSOR
from streams.pipeline import STEPS

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(1800)]
RAW = (SENSOR, MACHINE, ORDER)


def plant(scale: float) -> Plant:
    """16 machines: at scale 1 about 60,000 sensor records and 30,000 facts."""
    return Plant(seed=41, assets=8, hours=8 * scale, sensing_s=int(5400 * scale))


def test_each_step_alone(clean_kafka: KafkaUnderTest, figures: list[Row], scale: float) -> None:
    with started(clean_kafka.bootstrap) as lab:
        made = plant(scale)
        lab.send([*made.registrations(), *made.orders(), *made.records()])
        for step in STEPS:
            rate = step_rate(lab, step.name)
            reader = asyncio.run(reader_rate(lab.bootstrap, step.reads))
            assert rate.records == reader.records > 0
            ratio = rate.per_second / reader.per_second
            figures.append(
                Row(f"step {step.name}", rate.per_second, "events/s", ratio, f"{rate.records} events in {rate.seconds:.1f} s")
            )
            figures.append(Row(f"step {step.name}: memory", rate.memory_mib, "MiB"))
        assert differences(lab) == []


def test_all_steps_in_one_worker(clean_kafka: KafkaUnderTest, figures: list[Row], scale: float) -> None:
    with started(clean_kafka.bootstrap) as lab:
        made = plant(scale)
        lab.send([*made.registrations(), *made.orders(), *made.records()])
        rate = pipeline_rate(lab, RAW)
        reader = asyncio.run(reader_rate(lab.bootstrap, RAW))
        assert rate.records == reader.records > 0
        ratio = rate.per_second / reader.per_second
        note = f"{rate.records} raw events in {rate.seconds:.1f} s, to the last derived one"
        figures.append(Row("all steps, one worker", rate.per_second, "events/s", ratio, note))
        figures.append(Row("all steps, one worker: memory", rate.memory_mib, "MiB"))
        figures.append(Row("plain reader of the raw topics", reader.per_second, "events/s", 1.0))
