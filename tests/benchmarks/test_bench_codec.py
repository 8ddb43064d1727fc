"""What it costs to decode and to encode one event of each type that travels in numbers."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from pipeline_rates import Row

from schemas.codec import decode, encode_on
from schemas.registry import AGGREGATE, ALERT, KPI, MACHINE, MEASURE, OUTBOUND, SENSOR, TWIN_STATE
from schemas.topic import Topic

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
BATCH = 256
SAMPLES = {
    "frame of one reading": (SENSOR, "sensor-frame-single-reading"),
    "frame": (SENSOR, "sensor-frame"),
    "machine event": (MACHINE, "machine-event-execution"),
    "aggregate": (AGGREGATE, "window-aggregate"),
    "measure": (MEASURE, "measure"),
    "KPI": (KPI, "kpi-value-availability"),
    "alert": (ALERT, "alert-raised"),
    "twin state": (TWIN_STATE, "twin-state-asset"),
    "outbound event": (OUTBOUND, "outbound-event-kpi"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_decode_and_encode(name: str, figures: list[Row], scale: float) -> None:
    topic, example = SAMPLES[name]
    value = json.dumps(json.loads((EXAMPLES / topic.name / f"{example}.json").read_text())).encode()
    (_, event), = decode(topic, [value]).events  # fmt: skip
    count = int(20_000 * scale)
    decoding = _per_event(lambda: decode(topic, [value] * BATCH), count)
    encoding = _per_event(lambda: _encode(topic, event), count)
    figures.append(Row(f"decode: {name}", 1e6 * decoding, "us/event", note=f"{len(value)} B"))
    figures.append(Row(f"encode: {name}", 1e6 * encoding, "us/event"))


def _encode(topic: Topic, event: Any) -> None:
    for _ in range(BATCH):
        encode_on(topic, event)


def _per_event(work: Any, count: int) -> float:
    work()
    began = time.perf_counter()
    for _ in range(max(1, count // BATCH)):
        work()
    return (time.perf_counter() - began) / (max(1, count // BATCH) * BATCH)
