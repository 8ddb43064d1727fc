"""Records that are no events: kept whole with their origin, counted, and in nobody's way."""

from __future__ import annotations

import re
import urllib.request

import pytest
from kafka_fixture import KafkaUnderTest
from transport_lab import Lab, Worker

from schemas.codec import decode_dead_letter
from schemas.events.dead_letter import MAX_ORIGINAL

pytestmark = pytest.mark.kafka

GOOD = (
    b'{"event_time":"2026-01-01T00:00:00Z","source":"lab","asset":"%s","sequence":900%d,'
    b'"type":"factory.machine-event.v1","fact":{"kind":"produced","produced":%s}}'
)


@pytest.fixture
def lab(kafka: KafkaUnderTest) -> Lab:
    return Lab(kafka.bootstrap)


def poison(asset: bytes) -> list[bytes | None]:
    """Bad JSON, a wrong type, NaN, nothing, an unknown version, bad UTF-8, two values in one, a million bytes."""
    good = GOOD % (asset, 1, b"5")
    return [
        b"{",
        GOOD % (asset, 2, b'"five"'),
        GOOD % (asset, 3, b"NaN"),
        None,
        good.replace(b"machine-event.v1", b"machine-event.v9"),
        good.replace(b"lab", b"\xff\xfe"),
        good + b"," + good,
        b"x" * 1_010_000,
    ]


def counters(worker: Worker) -> dict[tuple[str, str, str], float]:
    """The worker's counts by (metric, stage, topic)."""
    found = re.search(r"http://\S+", worker.announced())
    assert found is not None
    text = urllib.request.urlopen(found.group(), timeout=10).read().decode()
    rows = re.findall(r'^(factory_events_\w+)\{stage="([^"]+)",topic="([^"]+)"\} (\S+)$', text, re.MULTILINE)
    return {(name, stage, topic): float(value) for name, stage, topic, value in rows}


def test_poison_is_kept_and_the_partition_goes_on(lab: Lab) -> None:
    lab.produce(300, "a")
    key = lab.assets[0]
    origins = [lab.send_raw("a", key, value) for value in poison(key.encode())]
    lab.produce(300, "a")
    with lab.worker() as worker:
        lab.wait_until_committed(worker)
        counted = counters(worker)
        worker.stop()
    assert lab.results() == lab.expected()
    records = lab.read(lab.sources["a"].dead_letter_name)
    letters = [decode_dead_letter(r.topic, r.key, r.value, r.headers) for r in records]
    assert [(x.partition, x.offset) for x in letters] == origins
    assert [x.original for x in letters] == [(value or b"")[:MAX_ORIGINAL] for value in poison(key.encode())]
    assert {x.topic for x in letters} == {lab.sources["a"].name}
    assert {x.stage for x in letters} == {lab.steps[0].name}  # the first step that reads the topic, and it alone
    assert all(x.reason and x.original_key == key.encode() for x in letters)
    for step in lab.steps:
        cell = (step.name, lab.sources["a"].name)
        assert counted["factory_events_dead_lettered_total", *cell] == len(origins)
        assert counted["factory_events_applied_total", *cell] == 600
        assert counted["factory_events_in_flight", *cell] == 0
        ended = sum(v for (name, *rest), v in counted.items() if tuple(rest) == cell and not name.endswith("received_total"))
        assert counted["factory_events_received_total", *cell] == ended == 600 + len(origins)


def test_an_asset_that_nobody_has_described_is_dead_lettered_by_the_step_that_looks_assets_up(lab: Lab) -> None:
    stranger = f"{lab.run}-stranger"
    lab.assets.append(stranger)
    lab.produce(200, "b")
    lab.finish()
    records = lab.read(lab.sources["b"].dead_letter_name)
    letters = [decode_dead_letter(r.topic, r.key, r.value, r.headers) for r in records]
    sent = [r for r in lab.read(lab.sources["b"].name) if r.key == stranger.encode()]
    assert sent
    assert {(x.partition, x.offset) for x in letters} == {(r.partition, r.offset) for r in sent}
    assert {(x.reason, x.field, x.stage) for x in letters} == {("unknown asset", "asset", lab.steps[1].name)}


def test_an_asset_described_after_the_start_is_known(lab: Lab) -> None:
    newcomer = f"{lab.run}-newcomer"
    with lab.worker() as worker:
        lab.produce(50)
        lab.wait_until_committed(worker)
        lab.describe([newcomer])
        lab.assets = [newcomer]
        lab.produce(50)
        lab.wait_until_committed(worker)
        worker.stop()
    assert lab.results() == lab.expected()
    assert lab.read(lab.sources["b"].dead_letter_name) == []
