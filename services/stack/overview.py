"""How a stack stands: its processes, what every stage has counted, how many records the topics hold and what waits."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from schemas.registry import OUTBOUND, TOPICS, broker_topics, topic_named
from services.stack.drained import Offsets
from services.stack.programs import BRIDGE_GROUP, STREAMS_GROUP
from services.stack.record import ServiceRecord, StackRecord
from services.stack.scrape import Counts, fetch, stage_counts

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServiceState:
    """One service as it is now; ``memory_mib`` counts its children (such as Java) with it."""

    name: str
    pid: int | None
    restarts: int
    memory_mib: int | None
    metrics_url: str | None
    log: Path


def service_state(record: ServiceRecord) -> ServiceState:
    """The state of a recorded service."""
    process = record.process.alive() if record.process is not None else None
    return ServiceState(
        record.name, process.pid if process else None, record.restarts, _memory(process), record.metrics_url, record.log
    )  # fmt: skip


def metrics_texts(record: StackRecord) -> dict[str, str]:
    """The metrics of each service that serves some; one that does not answer is left out."""
    texts: dict[str, str] = {}
    for service in record.services:
        if service.metrics_url is not None:
            try:
                texts[service.name] = fetch(service.metrics_url)
            except OSError:
                continue  # it is between two starts: its restarts say so
    return texts


def groups_of(texts: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """The topics, with their numbers of partitions, that each consumer group must have read to the end.

    The streams declare what they read in their metrics; reference topics are read whole by each worker, without a group.
    """
    groups: dict[str, dict[str, int]] = {}
    if "streams" in texts:
        topics = {topic for _, topic in stage_counts([texts["streams"]])}
        groups[STREAMS_GROUP] = {name: topic_named(name).partitions for name in topics}
    if "bridge" in texts:
        groups[BRIDGE_GROUP] = {OUTBOUND.name: OUTBOUND.partitions}
    return groups


def record_counts(offsets: Offsets) -> dict[str, int]:
    """How many records were ever written to each topic and dead-letter topic of the registry that exists."""
    wanted = {t.name: t.partitions for t in broker_topics() if t in TOPICS or t.name.endswith(".dlq")}
    counts: dict[str, int] = {}
    for partition, end in offsets.ends(offsets.existing(wanted)).items():
        counts[partition.topic] = counts.get(partition.topic, 0) + end
    return counts


def counts_of(texts: Mapping[str, str]) -> Counts:
    """What all stages have counted."""
    return stage_counts(texts.values())


def _memory(process: psutil.Process | None) -> int | None:
    if process is None:
        return None
    try:
        family = [process, *process.children(recursive=True)]
        return sum(p.memory_info().rss for p in family) // MIB
    except psutil.NoSuchProcess:
        return None
