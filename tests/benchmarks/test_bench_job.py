"""A complete job on our transport beside a plain reader, the same job by hand and, where they can run, other engines.

All in turns against one broker, so that what else the machine does hits all of them. The figure is events a second, from the
first record that user code has to the broker's time of the last window that can close; and its ratio to the plain reader
of the same round. Every output is compared with the oracle.

Other engines: BENCH_PEERS names a folder of peers (programs of the same job, with their own settings from the environment) and
BENCH_PYTHON an interpreter with their packages; Kafka Streams needs java, and its jar built in ``streams/target``.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from bench_workload import PARTITIONS, Expected, Place, Window, differences, expected, partition_of, records, window_of
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka_fixture import KafkaUnderTest
from pipeline_rates import Row, peak_memory

from schemas.registry import AGGREGATE, changelog_topic
from schemas.topic import Topic
from services.topics.cluster import create

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
EVENTS = 400_000
ROUNDS = 3
LONGEST_S = 120.0
STREAMS_JAR = "{peers}/streams/target/streams-1.jar:{peers}/streams/target/lib/*"
OTHERS = {  # name: what starts it, with its settings in the environment
    "a peer by hand on aiokafka, no state": ("{python}", "{peers}/aiokafka_raw.py"),
    "Kafka Streams, 1 thread": (
        "java", "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dcommit.ms=1000", "-cp", STREAMS_JAR,
        "bench.App", "{bootstrap}", "{group}", "{source}", "{sink}", "{state}", "1", "windows",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """One run: events a second, CPU seconds of the process, its largest memory in MiB, bytes of changelog."""

    per_second: float
    cpu_s: float = 0.0
    memory_mib: int = 0
    changelog_bytes: int = 0


class Bench:
    """The input, and how an engine is run on it."""

    def __init__(self, bootstrap: str, events: int, folder: Path) -> None:
        self.bootstrap, self.folder = bootstrap, folder
        self.source = f"bench.{uuid.uuid4().hex[:8]}.v1"
        t0 = int(time.time() - 86_400) // 10 * 10_000
        self.wanted: Expected = expected(events, t0)
        create(bootstrap)
        self._make(Topic(self.source, "", (), "", 1, (), ()), Topic(f"{self.source}.dlq", "", (), "", 1, (), (), partitions=1))
        asyncio.run(fill(bootstrap, self.source, events, t0))

    def ours(self, role: str) -> Ran:
        """The job on our transport, or by hand."""
        run = uuid.uuid4().hex[:8]
        changelog = changelog_topic(f"job-{run}")
        self._make(changelog)
        environment = {"BENCH_RUN": run, "FACTORYSTREAM_GROUP": f"bench-{run}", "FACTORYSTREAM_BOOTSTRAP": self.bootstrap}
        began = self._ends(AGGREGATE.name)
        with self._process([sys.executable, str(ROOT / "tests" / "bench_job.py"), role], environment) as (process, log):
            cpu = self._wait(process, log, AGGREGATE.name, began)
            memory = peak_memory(process.pid)
        written = self._read(changelog.name, dict.fromkeys(range(PARTITIONS), 0))
        size = sum(len(r.key or b"") + len(r.value or b"") + sum(len(k) + len(v) for k, v in r.headers) for r in written)
        return self._judge(log, AGGREGATE.name, began, _aggregate, cpu, memory, size)

    def other(self, command: tuple[str, ...], python: str, peers: str) -> Ran:
        """The job on another engine."""
        run = uuid.uuid4().hex[:8]
        sink, group = Topic(f"bench.{run}.out", "", (), "", 1, (), ()), f"bench-{run}"
        self._make(sink, Topic(f"{group}-state-changelog", "", (), "", None, (), (), compacted=True))
        state = self.folder / run
        state.mkdir()
        words = {
            "python": python, "peers": peers, "bootstrap": self.bootstrap, "group": group, "source": self.source,
            "sink": sink.name, "state": str(state),
        }  # fmt: skip
        environment = {
            "BOOTSTRAP": self.bootstrap, "SOURCE": self.source, "SINK": sink.name, "GROUP": group, "STATE_DIR": str(state),
            "MODE": "windows", "PYTHONPATH": peers,
        }  # fmt: skip
        began = self._ends(sink.name)
        with self._process([part.format(**words) for part in command], environment) as (process, log):
            cpu = self._wait(process, log, sink.name, began)
            memory = peak_memory(process.pid)
        return self._judge(log, sink.name, began, lambda v: window_of(json.loads(v)), cpu, memory)

    def reader(self) -> Ran:
        """Reads every record and looks at none."""
        environment = {"FACTORYSTREAM_BOOTSTRAP": self.bootstrap, "BENCH_RECORDS": str(self.wanted.records)}
        with self._process([sys.executable, str(ROOT / "tests" / "bench_job.py"), "reader"], environment) as (process, log):
            process.wait(LONGEST_S)
        return Ran(self.wanted.records / (_said(log, "LAST") - _said(log, "FIRST")))

    def _make(self, *topics: Topic) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        made = {t.name: {"num_partitions": t.partitions, "replication_factor": 1, "configs": t.config} for t in topics}
        admin.create_topics(made)
        admin.close()

    @contextmanager
    def _process(self, command: list[str], environment: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
        log = self.folder / f"{uuid.uuid4().hex[:8]}.log"
        path = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
        words = {**os.environ, **path, "BENCH_SOURCE": self.source, "PYTHONUNBUFFERED": "1", "GC": "200000", **environment}
        with log.open("w") as out, subprocess.Popen(command, env=words, stdout=out, stderr=out, cwd=self.folder) as process:
            try:
                yield process, log
            finally:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()

    def _wait(self, process: subprocess.Popen[bytes], log: Path, sink: str, began: Mapping[int, int]) -> float:
        """Return when all windows are there: the CPU seconds that the process took from its first record on, to about 0.1 s."""
        deadline = time.monotonic() + LONGEST_S
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap)
        partitions = [TopicPartition(sink, p) for p in range(PARTITIONS)]
        before = None
        while sum(consumer.end_offsets(partitions).values()) - sum(began.values()) < len(self.wanted.closed):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
            if before is None and "FIRST " in log.read_text():
                before = _cpu(process.pid)
            time.sleep(0.1)
        consumer.close()
        return _cpu(process.pid) - (before or 0.0)

    def _judge(
        self, log: Path, sink: str, began: Mapping[int, int], parse: Callable[[bytes], tuple[Place, Window]],
        cpu: float, memory: int, size: int = 0,
    ) -> Ran:  # fmt: skip
        got = [(r.timestamp, *parse(r.value)) for r in self._read(sink, began)]
        assert differences(self.wanted, [(place, window) for _, place, window in got]) == []
        last = max(at for at, place, _ in got if place in self.wanted.closed) / 1000
        return Ran(self.wanted.needed / (last - _said(log, "FIRST")), cpu, memory, size)

    def _ends(self, topic: str) -> dict[int, int]:
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap)
        ends = consumer.end_offsets([TopicPartition(topic, p) for p in range(PARTITIONS)])
        consumer.close()
        return {tp.partition: end for tp, end in ends.items()}

    def _read(self, topic: str, began: Mapping[int, int]) -> list[Any]:
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, fetch_max_bytes=64 << 20)
        ends = {TopicPartition(topic, p): end for p, end in self._ends(topic).items()}
        consumer.assign(list(ends))
        for tp in ends:
            consumer.seek(tp, began[tp.partition])
        found: list[Any] = []
        while any(consumer.position(tp) < end for tp, end in ends.items()):
            for polled in consumer.poll(timeout_ms=200, max_records=10_000).values():
                found += polled
        consumer.close()
        return found


async def fill(bootstrap: str, topic: str, events: int, t0: int) -> None:
    """Write the input in batches of about 256 KiB a partition, as a busy gateway would."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=256 << 10)
    await producer.start()
    numbers: dict[str, int] = {}
    batches = {p: producer.create_batch() for p in range(PARTITIONS)}
    pending = []
    for key, value in records(events, t0):
        number = numbers.get(key)
        if number is None:
            number = numbers[key] = partition_of(key)
        if batches[number].append(key=key.encode(), value=value, timestamp=None) is None:
            pending.append(await producer.send_batch(batches[number], topic, partition=number))
            batches[number] = producer.create_batch()
            batches[number].append(key=key.encode(), value=value, timestamp=None)
    for number, batch in batches.items():
        pending.append(await producer.send_batch(batch, topic, partition=number))
    await asyncio.gather(*pending)
    await producer.stop()


def _aggregate(value: bytes) -> tuple[Place, Window]:
    body = json.loads(value)
    start = int(datetime.fromisoformat(body["window"]["start"]).timestamp() * 1000)
    assert body["mean"] == body["rms"] / body["n"]  # rms carries the sum
    return (body["asset"], start), Window(body["n"], body["rms"], body["min"], body["max"])


def _said(log: Path, word: str) -> float:
    return next(float(line.split()[-1]) for line in log.read_text().splitlines() if f"{word} " in line)


def _cpu(pid: int) -> float:
    """CPU seconds of a process so far (Linux; 0 elsewhere)."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    words = stat.read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def others(bench: Bench) -> dict[str, Callable[[], Ran]]:
    """The other engines that can run here."""
    python, peers = os.environ.get("BENCH_PYTHON", ""), os.environ.get("BENCH_PEERS", "")
    found: dict[str, Callable[[], Ran]] = {}
    if python and peers:
        for name, command in OTHERS.items():
            built = Path(peers, "streams", "target", "streams-1.jar").exists() and shutil.which("java")
            if command[0] != "java" or built:
                found[name] = lambda command=command: bench.other(command, python, peers)  # type: ignore[misc]
    return found


def test_the_job_beside_its_peers(clean_kafka: KafkaUnderTest, tmp_path: Path, figures: list[Row], scale: float) -> None:
    bench = Bench(clean_kafka.bootstrap, int(EVENTS * scale), tmp_path)
    engines: dict[str, Callable[[], Ran]] = {
        "plain aiokafka reader": bench.reader,
        "job, our transport": lambda: bench.ours("streams"),
        "job, by hand on aiokafka, no state": lambda: bench.ours("hand"),
        **others(bench),
    }
    rounds = [{name: run() for name, run in engines.items()} for _ in range(ROUNDS)]
    load = f"load {os.getloadavg()[0]:.1f}"
    for name in engines:
        runs = [r[name] for r in rounds]
        ratio = statistics.median(r[name].per_second / r["plain aiokafka reader"].per_second for r in rounds)
        rate = statistics.median(run.per_second for run in runs)
        spread = f"{min(run.per_second for run in runs):,.0f} to {max(run.per_second for run in runs):,.0f}"
        figures.append(Row(name, rate, "events/s", ratio, f"{spread} in {ROUNDS} rounds, {load}"))
        if runs[0].memory_mib:
            cost = statistics.median(run.cpu_s for run in runs) / bench.wanted.needed
            figures.append(Row(f"{name}: CPU", 1e6 * cost, "us/event"))
            figures.append(Row(f"{name}: memory", max(run.memory_mib for run in runs), "MiB"))
    ours = [r["job, our transport"] for r in rounds]
    size = statistics.median(run.changelog_bytes for run in ours) / bench.wanted.records
    figures.append(Row("job, our transport: changelog", size, "B/event"))
    for name in engines:
        if name.startswith(("job, by hand", "a peer", "Kafka Streams")):
            ratios = [r["job, our transport"].per_second / r[name].per_second for r in rounds]
            cpu = statistics.median(r[name].cpu_s / max(r["job, our transport"].cpu_s, 0.01) for r in rounds)
            note = f"{min(ratios):.2f} to {max(ratios):.2f}; {cpu:.2f} in events per CPU second"
            figures.append(Row(f"our job as a multiple of {name}", statistics.median(ratios), "times", note=note))
