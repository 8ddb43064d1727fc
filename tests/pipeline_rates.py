"""How fast: wall time of one step of a worker over topics that are there already, beside a plain reader of the same topics."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition
from pipeline_lab import READ, Lab, Worker, counted, stop

from schemas.topic import Topic
from streams.pipeline import STEPS

UNHURRIED = {"FACTORYSTREAM_BATCH_RECORDS": "10000", "FACTORYSTREAM_COMMIT_INTERVAL_S": "1"}  # as the product sets them
LOOK_S = 0.02
LONGEST_S = 600.0


@dataclass(frozen=True)
class Row:
    """One figure. ``ratio`` is what share of a plain reader's rate it is, in the same run."""

    what: str
    value: float
    unit: str
    ratio: float | None = None
    note: str = ""


class Rate(NamedTuple):
    """So many records in so many seconds, and the largest memory of the worker in MiB."""

    records: int
    seconds: float
    memory_mib: int

    @property
    def per_second(self) -> float:
        """Records a second."""
        return self.records / self.seconds


def step_rate(lab: Lab, name: str) -> Rate:
    """One worker with this step alone reads its topics from the first record to the last there now."""
    (step,) = (s for s in STEPS if s.name == name)
    worker = lab.start_worker(FACTORYSTREAM_STEPS=name, **UNHURRIED)
    return _timed(lab, worker, step.reads)


def pipeline_rate(lab: Lab, raw: Sequence[Topic]) -> Rate:
    """One worker with all steps; the records are those of the raw topics, the time ends with the last derived one."""
    worker = lab.start_worker(**UNHURRIED)
    rate = _timed(lab, worker, tuple(READ.values()))
    return rate._replace(records=sum(lab.ends(raw).values()))


def _timed(lab: Lab, worker: Worker, topics: Sequence[Topic]) -> Rate:
    lab.wait_until_reading(worker, 0)
    began = time.monotonic()
    records = 0
    while True:
        seconds = time.monotonic() - began
        counts = counted(worker)
        ended = {where: count.received - count.in_flight for where, count in counts.items()}
        if all(ended.values()) or seconds > LONGEST_S:
            ends = _by_topic(lab, topics)
            if all(n >= ends[topic] for (_, topic), n in ended.items() if topic in ends):
                records = sum(ends.values())
                break
            assert seconds < LONGEST_S, (ended, ends)
        time.sleep(LOOK_S)
    memory = peak_memory(worker.pid)
    stop(worker)
    return Rate(records, seconds, memory)


def _by_topic(lab: Lab, topics: Iterable[Topic]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for partition, end in lab.ends(topics).items():
        totals[partition.topic] = totals.get(partition.topic, 0) + end
    return totals


async def reader_rate(bootstrap: str, topics: Sequence[Topic]) -> Rate:
    """A plain aiokafka consumer that fetches every record and looks at none."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(t.name, p) for t in topics for p in range(t.partitions)]
        consumer.assign(partitions)
        left = sum((await consumer.end_offsets(partitions)).values())
        await consumer.seek_to_beginning(*partitions)
        records, began = left, time.monotonic()
        while left > 0:
            left -= sum(map(len, (await consumer.getmany(timeout_ms=200)).values()))
        return Rate(records, time.monotonic() - began, 0)
    finally:
        await consumer.stop()


def peak_memory(pid: int) -> int:
    """The most memory that a process has held, in MiB (Linux: VmHWM; elsewhere what it holds now)."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) // 1024
    return int(psutil.Process(pid).memory_info().rss) >> 20


def children(word: str) -> list[int]:
    """Our child processes with that word in their command line, and theirs."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if word in " ".join(child.cmdline()):
                found.append(child.pid)
        except psutil.Error:
            continue
    return found


def quantile(values: Iterable[float], share: float) -> float:
    """The value below which ``share`` of the values lie (nearest rank)."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]
