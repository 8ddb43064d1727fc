"""The whole line against a real broker: topics of the registry, records as raw bytes, workers as processes, and what they count.

A lab expects a broker without topics (fixture ``clean_kafka``). What should come out is worked out by ``pipeline_expected``.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import MemberToRemove
from kafka.errors import KafkaError
from overseas_lab import ROOT, Process
from prometheus_client.parser import text_string_to_metric_families

from schemas.codec import Encoded
from schemas.registry import OUTBOUND
from schemas.topic import Topic
from services.topics.cluster import create
from streams.pipeline import STEPS

GROUP = "factorystream-streams"
BRIDGE_GROUP = "factorystream-bridge"
READ = {topic.name: topic for step in STEPS for topic in step.reads}
PATIENCE_S = 300.0
PATIENT = {"delivery_timeout_ms": 600_000, "reconnect_backoff_max_ms": 1_000}  # a broker may be away for a while


Place = tuple[str, int, int]  # topic, partition, offset


class Bytes(NamedTuple):
    """A record as it is to lie in the log."""

    topic: Topic
    partition: int
    key: bytes | None
    value: bytes | None


@dataclass
class Count:
    """What one stage has counted of one topic. ``classes`` has only those that are not zero."""

    received: int = 0
    in_flight: int = 0
    classes: Counter[str] = field(default_factory=Counter)


class Worker(Process):
    """A worker of the streams as a process."""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def freeze(self) -> None:
        """SIGSTOP: it does nothing any more and does not know it."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)


class Lab:
    """Topics, a producer, and workers of one run."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.workers: list[Worker] = []
        self.kept: list[Kept] = []
        create(bootstrap)

    def send(self, records: Iterable[Encoded], pace: float = 0.0) -> None:
        """Send records in order and return when the broker has them all; ``pace`` is records/s, 0 for all at once."""
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, acks="all", linger_ms=5, **PATIENT)
        began = time.monotonic()
        futures = []
        for n, r in enumerate(records):
            futures.append(producer.send(r.topic, key=r.key, value=r.value, headers=r.headers))
            if pace and (ahead := n / pace - (time.monotonic() - began)) > 0:
                time.sleep(ahead)
        for future in futures:
            future.get(PATIENCE_S)
        producer.close()

    def send_raw(self, records: Iterable[Bytes], **options: Any) -> list[Place]:
        """Send records as they are; returns where they lie. Raises what the broker or the client says of the first it refuses."""
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, acks="all", **options)
        try:
            sent = [producer.send(r.topic.name, partition=r.partition, key=r.key, value=r.value) for r in records]
            return [(found.topic, found.partition, found.offset) for found in (future.get(60) for future in sent)]
        finally:
            producer.close()

    def start_worker(self, module: str = "streams", **environment: str) -> Worker:
        """A worker of the streams with small batches, or the one of another module."""
        words = {
            "FACTORYSTREAM_BOOTSTRAP": self.bootstrap,
            "FACTORYSTREAM_GROUP": GROUP,
            "FACTORYSTREAM_METRICS_PORT": "0",
            "FACTORYSTREAM_BATCH_RECORDS": "100",
            "FACTORYSTREAM_COMMIT_INTERVAL_S": "0.2",
            "FACTORYSTREAM_SESSION_TIMEOUT_S": "6",
            "FACTORYSTREAM_HEARTBEAT_S": "0.5",
        }
        process = Worker(module, {**words, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", **environment})
        self.workers.append(process)
        return process

    def finish(self, module: str = "streams", **environment: str) -> dict[tuple[str, str], Count]:
        """Let a worker do all that is left and end it; returns what it counted."""
        worker = self.start_worker(module, **environment)
        self.drain(worker)
        counts = counted(worker)
        stop(worker)
        return counts

    def drain(
        self, *workers: Process | Kept, group: str = GROUP, topics: Iterable[Topic] = READ.values(), timeout: float = PATIENCE_S
    ) -> None:
        """Return when the group has committed every end, twice in a row; fails when a worker has ended or time is up."""
        deadline = time.monotonic() + timeout
        before: dict[TopicPartition, int] | None = None
        while True:
            committed, ends = self.committed(group), self.ends(topics)
            done = all(committed.get(tp, 0) >= end for tp, end in ends.items())
            if done and ends == before:
                return
            before = ends if done else None
            for worker in workers:
                assert worker.alive, f"a worker has ended: {worker.lines[-30:]}"
            waiting = {tp: (committed.get(tp, 0), end) for tp, end in ends.items() if committed.get(tp, 0) < end}
            assert time.monotonic() < deadline, f"not processed in {timeout:g} s: {waiting}; {[w.lines[-10:] for w in workers]}"
            time.sleep(0.1)

    def drain_bridge(self, bridge: Process) -> None:
        """Return when everything on the outbound topic has ended."""
        self.drain(bridge, group=BRIDGE_GROUP, topics=[OUTBOUND])

    def committed(self, group: str = GROUP) -> dict[TopicPartition, int]:
        """The committed offsets of a group; none while the broker does not tell."""
        with self._admin() as admin:
            try:
                found = admin.list_group_offsets([group])
            except KafkaError:  # a coordinator that is starting; whoever waits asks again
                return {}
        return {tp: meta.offset for tp, meta in found.get(group, {}).items() if meta.offset >= 0}

    def ends(self, topics: Iterable[Topic]) -> dict[TopicPartition, int]:
        """The end of each partition."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap)
        try:
            return dict(consumer.end_offsets([TopicPartition(t.name, p) for t in topics for p in range(t.partitions)]))
        finally:
            consumer.close()

    def wait_until_reading(self, worker: Process, seconds: float) -> None:
        """Return so many seconds after a worker has its partitions and its states."""
        deadline = time.monotonic() + PATIENCE_S
        while not any("states restored" in line for line in worker.lines):
            assert worker.alive and time.monotonic() < deadline, worker.lines[-30:]
            time.sleep(0.02)
        time.sleep(seconds)

    def expel(self) -> None:
        """Do at once what the broker does when the session of a killed worker is over: take it out of the group."""
        with self._admin() as admin:
            members = admin.describe_groups([GROUP])[GROUP]["members"]
            if members:
                admin.remove_group_members(GROUP, [MemberToRemove(member_id=m["member_id"]) for m in members])

    def read(self, topic: Topic | str) -> list[Any]:
        """Every record of a topic that is there now, each partition in log order, one partition after the other."""
        name = topic if isinstance(topic, str) else topic.name
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, fetch_max_bytes=64 << 20)
        try:
            tps = [TopicPartition(name, p) for p in consumer.partitions_for_topic(name)]
            consumer.assign(tps)
            consumer.seek_to_beginning(*tps)
            ends = consumer.end_offsets(tps)
            records: list[Any] = []
            while any(consumer.position(tp) < end for tp, end in ends.items()):
                for found in consumer.poll(timeout_ms=200, max_records=10_000).values():
                    records.extend(found)
            return sorted(records, key=lambda r: (r.partition, r.offset))
        finally:
            consumer.close()

    def close(self) -> None:
        """End the workers, and before them those that would start them again."""
        for kept in self.kept:
            kept.let_go()
        for worker in self.workers:
            if worker.alive:
                worker.kill()

    @contextmanager
    def _admin(self) -> Iterator[KafkaAdminClient]:
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        try:
            yield admin
        finally:
            admin.close()


class Kept:
    """A worker that is started again whenever it ends by itself, as a supervisor does. ``exits`` are the exit codes so far."""

    def __init__(self, lab: Lab, **environment: str) -> None:
        self._lab = lab
        self._environment = environment
        self._stopping = threading.Event()
        self.exits: list[int] = []
        self.process = lab.start_worker(**environment)
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()
        lab.kept.append(self)

    @property
    def alive(self) -> bool:
        """A supervisor does not give up in the time of a test."""
        return True

    @property
    def lines(self) -> list[str]:
        """What the present process has said."""
        return self.process.lines

    def stop(self) -> int:
        """Let it drain and return its exit code."""
        self.let_go()
        return self.process.stop()

    def let_go(self) -> None:
        """Start it no more."""
        self._stopping.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._stopping.wait(0.2):
            if not self.process.alive:
                self.exits.append(self.process.exit_code())
                self.process = self._lab.start_worker(**self._environment)


@contextmanager
def started(bootstrap: str) -> Iterator[Lab]:
    """A lab whose processes are ended at the end."""
    lab = Lab(bootstrap)
    try:
        yield lab
    finally:
        lab.close()


def stop(worker: Process) -> None:
    """SIGTERM; the worker has to drain and end with 0."""
    assert worker.stop() == 0, worker.lines[-30:]


def kill(worker: Process) -> None:
    """SIGKILL; fails when the worker had ended before by itself."""
    assert worker.alive, worker.lines[-30:]
    worker.kill()
    assert worker.exit_code() == -signal.SIGKILL


def waiting(lab: Lab) -> int:
    """How many records of the topics that the steps read are not committed."""
    committed = lab.committed()
    return sum(end - committed.get(tp, 0) for tp, end in lab.ends(READ.values()).items())


def metrics(process: Process) -> str:
    """The metrics of a service, as it serves them."""
    line = next(line for line in _until_said(process) if "metrics on " in line)
    return httpx.get(line.partition("metrics on ")[2].strip()).text


def _until_said(process: Process) -> list[str]:
    deadline = time.monotonic() + 60
    while not any("metrics on " in line for line in process.lines):
        assert process.alive and time.monotonic() < deadline, process.lines
        time.sleep(0.05)
    return process.lines


def counted(*processes: Process) -> dict[tuple[str, str], Count]:
    """What the stages of these processes have counted, by stage and topic; asserts that each sum holds as it was scraped."""
    found: dict[tuple[str, str], Count] = {}
    for process in processes:
        mine: dict[tuple[str, str], Count] = {}
        for family in text_string_to_metric_families(metrics(process)):
            for sample in family.samples:
                _take(mine, sample.name, sample.labels, int(sample.value) if sample.name.startswith("factory_events_") else 0)
        for where, count in mine.items():
            assert count.received == count.classes.total() + count.in_flight, (where, count)
            total = found.setdefault(where, Count())
            total.received += count.received
            total.in_flight += count.in_flight
            total.classes += count.classes
    return found


def _take(counts: dict[tuple[str, str], Count], name: str, labels: Mapping[str, str], value: int) -> None:
    kind = name.removeprefix("factory_events_").removesuffix("_total")
    if kind == name.removesuffix("_total"):
        return
    count = counts.setdefault((labels["stage"], labels["topic"]), Count())
    if kind == "received":
        count.received += value
    elif kind == "in_flight":
        count.in_flight += value
    elif not name.endswith("_created"):
        count.classes[kind] += value


def assert_conserved(
    lab: Lab, counts: Mapping[tuple[str, str], Count], stages: Sequence[str] = tuple(s.name for s in STEPS)
) -> None:
    """Of a worker that was there from the first record to the last: every record of each topic is in exactly one class."""
    ends: Counter[str] = Counter()
    for tp, end in lab.ends(READ.values()).items():
        ends[tp.topic] += end
    wanted = {(step.name, topic.name) for step in STEPS if step.name in stages for topic in step.reads}
    assert set(counts) >= wanted
    for where in wanted:
        assert counts[where].in_flight == 0, (where, counts[where])
        assert counts[where].received == ends[where[1]], (where, counts[where], ends[where[1]])


def moments(seed: int, count: int, least: float, most: float) -> list[float]:
    """Seeded random waits in seconds."""
    chance = random.Random(seed)
    return [chance.uniform(least, most) for _ in range(count)]


def until_broker_answers(bootstrap: str, seconds: float = 60) -> None:
    """Return when a broker answers an admin call."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            KafkaAdminClient(bootstrap_servers=bootstrap).close()
            return
        except KafkaError:
            assert time.monotonic() < deadline, f"no broker at {bootstrap} after {seconds:g} s"
