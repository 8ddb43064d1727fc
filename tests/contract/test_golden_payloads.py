"""Golden payloads: every event type of every topic has one, and each is exactly what the codec reads and writes."""

import json
import math
import statistics
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from schemas.chain import verify
from schemas.codec import decode, encode_on, to_json
from schemas.events.machine_event import Fact
from schemas.events.sensor_frame import SensorFrame
from schemas.events.window_aggregate import WindowAggregate
from schemas.generate import EXAMPLES, as_json, load_examples
from schemas.golden import canonical, fault_of
from schemas.registry import AGGREGATE, SENSOR, TOPICS, broker_topics, dead_letter_topic, topic_named

GOLDEN = load_examples()
EVENTS = [(topic, name) for topic in GOLDEN if not topic.endswith(".dlq") for name in GOLDEN[topic]]


@pytest.mark.parametrize(("topic", "name"), EVENTS)
def test_a_golden_payload_round_trips_byte_for_byte(topic: str, name: str) -> None:
    value = canonical(GOLDEN[topic][name])
    decoded = decode(topic_named(topic), [value])
    assert decoded.rejections == []
    [(_, event)] = decoded.events
    assert to_json(event) == value
    assert encode_on(topic_named(topic), event).value == value


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*")), ids=lambda p: f"{p.parent.name}/{p.name}")
def test_no_file_is_an_orphan_and_each_is_laid_out_the_same_way(path: Path) -> None:
    assert path.suffix == ".json"
    assert path.parent.name in {t.name for t in broker_topics()}
    assert path.read_text(encoding="utf-8") == as_json(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda t: t.name)
def test_every_event_type_of_a_topic_has_a_golden_payload_and_no_other_has(topic: Any) -> None:
    assert {payload["type"] for payload in GOLDEN[topic.name].values()} == {e.TYPE for e in topic.events}


def test_every_kind_of_machine_fact_has_a_golden_payload() -> None:
    declared = {model.model_fields["kind"].default for model in get_args(get_args(Fact)[0])}
    shown = {payload["fact"]["kind"] for payload in GOLDEN["factory.machine.v1"].values() if "fact" in payload}
    assert shown == declared


def test_the_golden_dead_letter_is_a_record_that_the_codec_reads_and_writes_and_that_really_is_no_event() -> None:
    record = GOLDEN[dead_letter_topic(SENSOR).name]["dead-letter"]
    assert fault_of(dead_letter_topic(SENSOR), record) is None
    [rejection] = decode(SENSOR, [record["value"].encode()]).rejections
    assert (rejection.reason, rejection.field) == (record["headers"]["dlq_reason"], record["headers"]["dlq_field"])


def test_a_golden_dead_letter_with_a_changed_header_is_found_out() -> None:
    record = GOLDEN[dead_letter_topic(SENSOR).name]["dead-letter"]
    for header, value in (("dlq_offset", "not a number"), ("dlq_event_time", "2026-11-24T08:15:51Z")):
        changed = {**record, "headers": {**record["headers"], header: value}}
        assert fault_of(dead_letter_topic(SENSOR), changed) is not None


def test_the_golden_aggregate_is_that_of_the_golden_frame() -> None:
    frame = decode(SENSOR, [canonical(GOLDEN[SENSOR.name]["sensor-frame"])]).events[0][1]
    result = decode(AGGREGATE, [canonical(GOLDEN[AGGREGATE.name]["window-aggregate"])]).events[0][1]
    assert isinstance(frame, SensorFrame)
    assert isinstance(result, WindowAggregate)
    values = [v for channel, at, v in frame.readings() if channel == result.channel and _inside(result, at)]
    assert (result.n, result.mean, result.min, result.max) == (len(values), statistics.fmean(values), min(values), max(values))
    assert result.sd == pytest.approx(statistics.stdev(values), rel=1e-15)
    assert result.rms == pytest.approx(math.sqrt(statistics.fmean(v * v for v in values)), rel=1e-15)


def _inside(result: WindowAggregate, at_us: int) -> bool:
    seconds = at_us / 1_000_000
    return result.window.start.timestamp() <= seconds < result.window.end.timestamp()


def test_the_account_of_a_golden_measure_adds_up_to_its_observed_time() -> None:
    for payload in GOLDEN["factory.measure.v1"].values():
        start, end = (_seconds(payload, *path) for path in (("window", "start"), ("observed_until",)))
        assert sum(entry["duration_us"] for entry in payload["account"]) == round((end - start) * 1_000_000)


def _seconds(payload: dict[str, Any], *path: str) -> float:
    value: Any = payload
    for name in path:
        value = value[name]
    return datetime.fromisoformat(value).timestamp()


def test_the_golden_audit_records_are_a_chain() -> None:
    records = sorted(GOLDEN["factory.audit.v1"].values(), key=lambda r: r["sequence"])
    assert verify(records).sequence == len(records)
