"""A bench for the batch transport: topics of a run's own, events, workers as processes, and what should have come out.

The expectation is computed from the source topics as they lie in the broker, by code that shares nothing with the streams
but the steps' description.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from counting_worker import GROUP_OF, described, pipeline, source
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from schemas.codec import encode, encode_on
from schemas.events.machine_event import MachineEvent, UnitProduced
from schemas.identity import derived_id
from schemas.registry import HEALTH, LATE, changelog_topic
from streams.transport.changelog import Replay

ROOT = Path(__file__).resolve().parents[1]
START = datetime(2026, 1, 1, tzinfo=UTC)
Results = dict[str, set[Any]]


class Worker:
    """A worker's process and what it has logged; to a file, because a full pipe would stop it."""

    def __init__(self, process: subprocess.Popen[str], log: IO[str]) -> None:
        self.process = process
        self._log = log
        self._announced = ""

    def announced(self) -> str:
        """The line that it prints when it begins; waits for it."""
        if not self._announced:
            assert self.process.stdout is not None
            self._announced = self.process.stdout.readline()
        return self._announced

    def logged(self) -> str:
        """What it has logged so far."""
        self._log.seek(0)
        return self._log.read()

    def ended(self, timeout: float = 60) -> tuple[int, str]:
        """Wait until it ends; its exit code and what it logged."""
        return self.process.wait(timeout), self.logged()

    def stop(self, timeout: float = 30) -> str:
        """SIGTERM it, once it has begun, and expect that it drains; what it logged."""
        assert self.announced(), self.logged()[-3000:]
        self.process.send_signal(signal.SIGTERM)
        code, logged = self.ended(timeout)
        assert code == 0, logged[-3000:]
        return logged


class Lab:
    """One run against a broker; ``run`` makes the names of topics, steps, group and assets its own."""

    def __init__(self, bootstrap: str, config: Mapping[str, str] | None = None) -> None:
        self.bootstrap = bootstrap
        self.run = uuid.uuid4().hex[:8]
        self.group = f"lab-{self.run}"
        self.steps = pipeline(self.run)
        self.sources = {name: source(self.run, name, compacted=name == "b") for name in "ab"}
        self.assets = [f"{self.run}-m{i}" for i in range(32)]
        self._sequence = dict.fromkeys(self.assets, 0)
        self._random = random.Random(7)
        self._make_topics(config or {})
        self.describe(self.assets)

    def _make_topics(self, config: Mapping[str, str]) -> None:
        wanted: dict[str, tuple[int, dict[str, str]]] = {}
        for step in self.steps:
            for topic in (*step.writes, *step.references, changelog_topic(step.name)):
                wanted[topic.name] = (topic.partitions, topic.config)
            for topic in step.reads:
                wanted[topic.name] = (topic.partitions, {**topic.config, **config})
                wanted[topic.dead_letter_name] = (1, {})
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        missing = set(wanted) - set(admin.list_topics())
        admin.create_topics(
            {name: {"num_partitions": wanted[name][0], "replication_factor": 1, "configs": wanted[name][1]} for name in missing}
        )
        admin.close()

    def describe(self, assets: list[str]) -> None:
        """Make assets known."""
        with self.producer() as producer:
            for asset in assets:
                record = encode(described(asset))
                producer.send(record.topic, key=record.key, value=record.value)

    def send_raw(self, name: str, key: str, value: bytes | None) -> tuple[int, int]:
        """Send bytes to a source; returns partition and offset."""
        with self.producer() as producer:
            sent = producer.send(self.sources[name].name, key=key.encode(), value=value).get(timeout=30)
        return sent.partition, sent.offset

    @contextmanager
    def producer(self) -> Iterator[KafkaProducer]:
        """A producer that is flushed at the end."""
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=20)
        try:
            yield producer
            producer.flush()
        finally:
            producer.close()

    def event(self, asset: str, units: int) -> MachineEvent:
        """The next event of an asset."""
        self._sequence[asset] = self._sequence.get(asset, 0) + 1
        return MachineEvent(
            event_time=START,
            source="lab",
            asset=asset,
            sequence=self._sequence[asset],
            fact=UnitProduced(produced=units),
        )

    def produce(self, count: int, names: str = "ab", pace: float = 0.0) -> None:
        """Send events of random assets, in turn to the sources ``names``; ``pace`` is events/s, 0 for all at once."""
        with self.producer() as producer:
            for i in range(count):
                asset = self._random.choice(self.assets)
                record = encode_on(self.sources[names[i % len(names)]], self.event(asset, self._random.randrange(9)))
                producer.send(record.topic, key=record.key, value=record.value, headers=record.headers)
                if pace:
                    time.sleep(1 / pace)

    @contextmanager
    def worker(self, **environment: str) -> Iterator[Worker]:
        """A worker; killed at the end if it still runs."""
        with tempfile.TemporaryFile("w+") as log:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "tests" / "counting_worker.py")],
                env={**os.environ, **self._environment(), **environment},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
            with process:
                try:
                    yield Worker(process, log)
                finally:
                    process.kill()

    def _environment(self) -> dict[str, str]:
        return {
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
            "RUN": self.run,
            "FACTORYSTREAM_BOOTSTRAP": self.bootstrap,
            "FACTORYSTREAM_GROUP": self.group,
            "FACTORYSTREAM_BATCH_RECORDS": "40",
            "FACTORYSTREAM_COMMIT_INTERVAL_S": "0.2",
            "FACTORYSTREAM_SESSION_TIMEOUT_S": "6",
            "FACTORYSTREAM_HEARTBEAT_S": "0.5",
        }

    def ends(self) -> dict[TopicPartition, int]:
        """The end of each source partition."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap)
        tps = [TopicPartition(t.name, p) for t in self.sources.values() for p in range(t.partitions)]
        ends: dict[TopicPartition, int] = consumer.end_offsets(tps)
        consumer.close()
        return ends

    def committed(self, group: str | None = None) -> dict[TopicPartition, int]:
        """The committed offset of each source partition that has one."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, group_id=group or self.group, enable_auto_commit=False)
        found = {tp: consumer.committed(tp) for tp in self.ends()}
        consumer.close()
        return {tp: offset for tp, offset in found.items() if offset is not None}

    def wait_until_committed(self, *workers: Worker, timeout: float = 90) -> None:
        """Return when everything that is on the sources now is committed; fails when a worker has ended or time is up."""
        deadline = time.monotonic() + timeout
        ends = self.ends()
        while any(self.committed().get(tp, 0) < end for tp, end in ends.items()):
            for worker in workers:
                if worker.process.poll() is not None:
                    raise AssertionError(f"a worker ended with {worker.process.returncode}: {worker.logged()[-3000:]}")
            if time.monotonic() > deadline:
                raise AssertionError(f"not committed in {timeout} s: {self.committed()} of {ends}")
            time.sleep(0.2)

    def finish(self, **environment: str) -> str:
        """Let a worker do all that is left, and end it; returns what it logged."""
        with self.worker(**environment) as worker:
            self.wait_until_committed(worker)
            return worker.stop()

    def marks(self, step: int) -> dict[TopicPartition, int]:
        """The next offset that a step has not applied, by its changelog, of each source partition that has a mark."""
        replays: dict[int, Replay] = {}
        for record in self.read(changelog_topic(self.steps[step].name).name):
            replay = replays.setdefault(record.partition, Replay())
            replay.feed(record.offset, record.key, record.value, record.headers)
        return {
            TopicPartition(topic, partition): mark + 1
            for partition, replay in replays.items()
            for topic, mark in replay.result().marks.items()
        }

    def assert_commits_behind_marks(self, group: str | None = None) -> None:
        """No partition is committed beyond what every step that reads it has in its changelog."""
        for tp, offset in self.committed(group).items():
            readers = [i for i, step in enumerate(self.steps) if tp.topic in {t.name for t in step.reads}]
            assert offset <= min(self.marks(i).get(tp, 0) for i in readers), f"{tp} is committed at {offset}"

    def read(self, topic: str) -> list[Any]:
        """Every record of a topic that is there now."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
        tps = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)]
        consumer.assign(tps)
        ends = consumer.end_offsets(tps)
        consumer.seek_to_beginning(*tps)
        records: list[Any] = []
        while any(consumer.position(tp) < end for tp, end in ends.items()):
            for found in consumer.poll(timeout_ms=200).values():
                records.extend(found)
        consumer.close()
        return records

    def results(self) -> Results:
        """What the steps have sent for this run: each id with every different content that it had."""
        found: Results = {}
        for topic, field in ((HEALTH.name, "model"), (LATE.name, "lateness_us")):
            for record in self.read(topic):
                if record.key.decode().startswith(self.run):
                    body = json.loads(record.value)
                    found.setdefault(body["id"], set()).add(str(body[field]))
        return found

    def expected(self) -> Results:
        """What they should have sent."""
        wanted: Results = {}
        groups: dict[str, list[int]] = {}
        sums: dict[tuple[str, str], int] = {}
        for topic in self.sources.values():
            for record in sorted(self.read(topic.name), key=lambda r: (r.partition, r.offset)):
                event = _plain(record.value)
                if event is None:
                    continue
                asset, sequence, units = event
                total = sums[asset, topic.name] = sums.get((asset, topic.name), 0) + units
                wanted[derived_id("sums", f"sums-{self.run}", asset, topic.name, sequence)] = {str(total)}
                if topic is self.sources["a"]:
                    group = groups.setdefault(asset, [])
                    group.append(units)
                    if len(group) == GROUP_OF:
                        wanted[derived_id("counts", asset, sequence)] = {str(sum(group))}
                        group.clear()
        return wanted


def _plain(value: bytes | None) -> tuple[str, int, int] | None:
    try:
        body = json.loads(value or b"")
        if body["type"] != MachineEvent.TYPE:
            return None
        return str(body["asset"]), int(body["sequence"]), int(body["fact"]["produced"])
    except (ValueError, KeyError, TypeError):
        return None
