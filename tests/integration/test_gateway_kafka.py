"""The gateway and a real broker: all arrives, in order per asset, once, whatever is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gateway_lab import BUNDLED, BUNDLED_LOG, DEVICES, ROOT, drafts, log_feed, replayed, until
from kafka import KafkaConsumer, TopicPartition
from kafka_fixture import KafkaUnderTest

from schemas.registry import ASSET, MACHINE, ORDER, SENSOR, TOPICS, topic_named
from schemas.topic import Topic
from services.gateway.draft import Draft
from services.simulator.agent_buffer import AgentBuffer, read_items, read_log
from services.simulator.agent_server import AgentServer
from services.topics.cluster import create

Event = dict[str, Any]


@pytest.fixture
def broker(clean_kafka: KafkaUnderTest) -> KafkaUnderTest:
    """A broker with the topics of the registry."""
    create(clean_kafka.bootstrap)
    return clean_kafka


class Run:
    """The command in a process of its own."""

    def __init__(self, bootstrap: str, folder: Path, *words: str) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("FACTORYSTREAM_")} | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "services.gateway", *words, "--bootstrap", bootstrap, "--data-dir", str(folder), "--json"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.said: list[str] = []
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        self.said.extend(self.process.stderr)

    def ended(self, code: int = 0) -> Event:
        """Wait for the end; the summary."""
        assert self.process.stdout is not None
        out = self.process.stdout.read()
        assert self.process.wait(120) == code, self.said
        self._close()
        return dict(json.loads(out)) if out else {}

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait(20)
        self._close()

    def _close(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._listener.join(20)
        self.process.stdout.close()
        self.process.stderr.close()


def partitions(bootstrap: str, *topics: Topic) -> list[list[Event]]:
    """The events of each partition, from its first to its end."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    try:
        wanted = [TopicPartition(t.name, p) for t in topics for p in range(t.partitions)]
        consumer.assign(wanted)
        consumer.seek_to_beginning(*wanted)
        ends = consumer.end_offsets(wanted)
        found: dict[TopicPartition, list[Event]] = {tp: [] for tp in wanted}
        while any(consumer.position(tp) < ends[tp] for tp in wanted):
            for tp, records in consumer.poll(500).items():
                found[tp] += [json.loads(r.value) for r in records]
        return list(found.values())
    finally:
        consumer.close()


def numbers(events: list[Event]) -> list[int]:
    return [int(e["sequence"]) for e in events]


def check_complete(bootstrap: str, expected: int) -> None:
    """Each number 1..expected of (source, mazak01) is there, and within a partition they only grow, but for whole repeats."""
    seen: set[int] = set()
    for events in partitions(bootstrap, SENSOR, MACHINE):
        newest = 0
        fresh = []
        for number in numbers(events):
            if number > newest:
                fresh.append(number)
                newest = number
        assert set(fresh) == set(numbers(events)), "a number came only after a higher one: a consumer would drop it as a repeat"
        seen |= set(fresh)
    assert seen == set(range(1, expected + 1))


def expected_items() -> list[Draft]:
    return [d for d in drafts(replayed(log_feed(BUNDLED_LOG)), ".v1") if d.asset is not None]


def test_the_bundled_day_arrives_complete_once_and_in_order(broker: KafkaUnderTest, tmp_path: Path) -> None:
    run = Run(broker.bootstrap, tmp_path, "replay", "mtconnect", str(BUNDLED / "raw"), "--source", "nist-sms-replay")
    summary = run.ended()
    wanted = expected_items()
    assert summary["events"]["factory.sensor.v1"] + summary["events"]["factory.machine.v1"] == len(wanted)
    assert (summary["waiting"], summary["rejected"], summary["out_of_order"]) == (0, 0, 3)
    sent = [e for events in partitions(broker.bootstrap, SENSOR, MACHINE) for e in events]
    assert sorted(numbers(sent)) == list(range(1, len(wanted) + 1))
    by_number = {e["sequence"]: e for e in sent}
    for number, draft in enumerate(wanted, 1):
        event = by_number[number]
        assert event["source"] == "nist-sms-replay"
        assert {k: v for k, v in event.items() if k not in ("source", "asset", "sequence", "since")}.items() >= {
            k: v for k, v in draft.body.items() if k in ("type", "event_time", "times_us", "columns", "phase")
        }.items()
    for events in partitions(broker.bootstrap, SENSOR, MACHINE):
        assert numbers(events) == sorted(numbers(events))
    (asset,) = [e for events in partitions(broker.bootstrap, ASSET) for e in events]
    assert (asset["asset"], asset["version"], asset["simulated"]) == ("mazak01", 1, False)
    again = Run(broker.bootstrap, tmp_path, "replay", "mtconnect", str(BUNDLED / "raw"), "--source", "nist-sms-replay").ended()
    assert again["events"] == {}


def test_orders_and_facts_of_the_simulator_come_with_the_log(broker: KafkaUnderTest, tmp_path: Path) -> None:
    work = tmp_path / "plan"
    work.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    inspect = [sys.executable, "-m", "services.gateway", "inspect", "mtconnect", str(BUNDLED_LOG), "--json"]
    (work / "activity.json").write_bytes(subprocess.run(inspect, cwd=ROOT, env=environment, check=True, capture_output=True).stdout)
    plan = [sys.executable, "-m", "services.simulator", "plan", "--activity", str(work / "activity.json"), "--inspections"]
    files = ["--out", str(work / "events.ndjson"), "--orders", str(work / "orders.ndjson")]
    counts = json.loads(subprocess.run([*plan, *files], cwd=ROOT, env=environment, check=True, capture_output=True).stdout)
    merged = ["--events", str(work / "orders.ndjson"), "--events", str(work / "events.ndjson")]
    Run(broker.bootstrap, tmp_path / "data", "replay", "mtconnect", str(BUNDLED / "raw"), *merged).ended()
    orders = [e for events in partitions(broker.bootstrap, ORDER) for e in events]
    assert len(orders) == counts["orders"]
    sources: dict[str, list[int]] = defaultdict(list)
    for topic in ("factory.sensor.v1", "factory.machine.v1", "factory.inspection.v1"):
        for events in partitions(broker.bootstrap, topic_named(topic)):
            for event in events:
                sources[event["source"]].append(event["sequence"])
    assert sorted(sources["simulator"]) == list(range(1, counts["events"] + 1))
    assert sorted(sources["mtconnect-replay"]) == list(range(1, len(sources["mtconnect-replay"]) + 1))


def test_a_broker_that_is_killed_in_the_middle_loses_nothing(broker: KafkaUnderTest, tmp_path: Path) -> None:
    words = ["replay", "mtconnect", str(BUNDLED / "raw"), "--speed", "2000", "--max-wait", "0.1"]
    run = Run(broker.bootstrap, tmp_path, *words)
    wait_for_records(broker.bootstrap, 300)
    for _ in range(2):
        broker.kill()
        time.sleep(1.0)  # the source goes on into the spool
        broker.start()
    summary = run.ended()
    assert summary["waiting"] == 0
    check_complete(broker.bootstrap, len(expected_items()))


def test_a_gateway_that_is_killed_in_the_middle_goes_on_without_a_gap(broker: KafkaUnderTest, tmp_path: Path) -> None:
    words = ["replay", "mtconnect", str(BUNDLED / "raw"), "--speed", "2000", "--max-wait", "0.1"]
    for at_least in (100, 1_000):
        run = Run(broker.bootstrap, tmp_path, *words)
        wait_for_records(broker.bootstrap, at_least)
        run.kill()
    summary = Run(broker.bootstrap, tmp_path, "replay", "mtconnect", str(BUNDLED / "raw")).ended()
    assert summary["waiting"] == 0
    check_complete(broker.bootstrap, len(expected_items()))


def test_a_gateway_that_is_asked_to_end_drains_and_goes_on_later(broker: KafkaUnderTest, tmp_path: Path) -> None:
    words = ["replay", "mtconnect", str(BUNDLED / "raw"), "--speed", "2000", "--max-wait", "0.1"]
    run = Run(broker.bootstrap, tmp_path, *words)
    wait_for_records(broker.bootstrap, 100)
    run.process.send_signal(signal.SIGTERM)
    first = run.ended()
    assert first["waiting"] == 0
    second = Run(broker.bootstrap, tmp_path, "replay", "mtconnect", str(BUNDLED / "raw")).ended()
    both = sum(first["events"].values()) + sum(second["events"].values())
    assert both == len(expected_items()) + 1
    check_complete(broker.bootstrap, len(expected_items()))


def test_what_was_taken_in_without_a_broker_is_sent_when_there_is_one(broker: KafkaUnderTest, tmp_path: Path) -> None:
    broker.stop()
    words = ["replay", "mtconnect", str(BUNDLED / "raw"), "--broker-timeout", "3"]
    Run(broker.bootstrap, tmp_path, *words).ended(code=1)
    broker.start()
    summary = Run(broker.bootstrap, tmp_path, *words).ended()
    assert summary["forwarded"] == len(expected_items()) + 1
    check_complete(broker.bootstrap, len(expected_items()))


def test_a_topic_that_is_missing_is_said_in_a_sentence(clean_kafka: KafkaUnderTest, tmp_path: Path) -> None:
    run = Run(clean_kafka.bootstrap, tmp_path, "replay", "mtconnect", str(BUNDLED / "raw"))
    run.ended(code=1)
    assert "error: topic factory.asset.v1 is not on the broker" in run.said[-1]


def test_a_full_spool_slows_the_source_and_loses_nothing(broker: KafkaUnderTest, tmp_path: Path) -> None:
    broker.stop()
    words = ["replay", "mtconnect", str(BUNDLED / "raw"), "--spool-limit", "1", "--broker-timeout", "60"]
    run = Run(broker.bootstrap, tmp_path, *words)
    until(lambda: any("the spool is full" in line for line in run.said), 60)
    broker.start()
    assert run.ended()["waiting"] == 0
    check_complete(broker.bootstrap, len(expected_items()))


def test_a_live_agent_is_polled_until_asked_to_end(broker: KafkaUnderTest, tmp_path: Path) -> None:
    buffer = AgentBuffer("Mazak01", read_items(DEVICES.read_bytes(), "Mazak01"))
    lines = list(read_log(BUNDLED_LOG))
    with AgentServer(buffer, DEVICES.read_bytes()) as agent:
        agent.say(lines[:200])
        run = Run(broker.bootstrap, tmp_path, "poll", "mtconnect", agent.url, "--device", "Mazak01", "--interval", "0.1")
        wait_for_records(broker.bootstrap, 10)
        agent.say(lines[200:])
        until(lambda: count_records(broker.bootstrap) > 2_000, 60)
        run.process.send_signal(signal.SIGTERM)
        summary = run.ended()
    found = [e for events in partitions(broker.bootstrap, SENSOR, MACHINE) for e in events]
    assert sorted(numbers(found)) == list(range(1, len(found) + 1))
    assert {e["source"] for e in found} == {"mtconnect-agent"}
    assert summary["waiting"] == 0


def count_records(bootstrap: str) -> int:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    try:
        wanted = [TopicPartition(t.name, p) for t in TOPICS for p in range(t.partitions)]
        return sum(consumer.end_offsets(wanted).values())
    finally:
        consumer.close()


def wait_for_records(bootstrap: str, count: int) -> None:
    enough: Callable[[], bool] = lambda: count_records(bootstrap) >= count  # noqa: E731
    until(enough, 60)
