"""``python -m streams.explain KPI-ID``: how a KPI value came about, worked out anew from the log.

It prints one JSON document. Exit code 0: the log gives the same number; 1: it does not, or there is no such value; 2: wrong usage.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.codec import decode
from schemas.envelope import Event, InputRange
from schemas.events.kpi_value import KpiValue
from schemas.events.measure import Measure
from schemas.registry import ASSET, CALENDAR, INSPECTION, KPI, LOSS_MODEL, MACHINE, MEASURE, ORDER
from schemas.topic import Topic
from streams.domain.explanation import Account, Fact, accounts, assets_of, replay, roll_up, series_of
from streams.domain.explanation_document import document
from streams.domain.fold import Origin
from streams.settings import StreamSettings
from streams.transport.references import ReferenceView

FACTS = (MACHINE, INSPECTION)


@dataclass
class Log:
    """Reads partitions from a place to a place; nothing is committed."""

    consumer: AIOKafkaConsumer

    async def read(self, topic: Topic, partition: int, first: int = 0, last: int | None = None) -> AsyncIterator[Fact]:
        """The events of a partition from ``first`` to ``last`` (both inside; None: to the present end), in order."""
        tp = TopicPartition(topic.name, partition)
        self.consumer.assign([tp])
        begin = (await self.consumer.beginning_offsets([tp]))[tp]
        end = (await self.consumer.end_offsets([tp]))[tp]
        stop = end if last is None else min(end, last + 1)
        self.consumer.seek(tp, max(begin, first))
        at = max(begin, first)
        while at < stop:
            for records in (await self.consumer.getmany(tp, timeout_ms=500)).values():
                kept = [r for r in records if r.offset < stop]
                at = records[-1].offset + 1
                for index, event in decode(topic, [r.value for r in kept]).events:
                    yield Fact(Origin(topic.name, partition, kept[index].offset), event)

    async def partitions(self, topic: Topic) -> list[int]:
        """The numbers of a topic's partitions."""
        await self.consumer._client._wait_on_metadata(topic.name)  # an unassigned consumer knows no topics yet
        return sorted(self.consumer.partitions_for_topic(topic.name) or ())


class NotExplained(Exception):
    """There is no such value, or what it was made of is not in the log any more. The text is for people."""


async def explain(log: Log, references: ReferenceView, kpi_id: str) -> dict[str, object]:
    """The explanation of the value with that id. Raises NotExplained."""
    value, revisions = await _value(log, kpi_id)
    measures = [
        (f.origin.offset, f.event) for r in value.inputs for f in await _list(log, MEASURE, r) if isinstance(f.event, Measure)
    ]
    if not measures:
        raise NotExplained(f"the measures behind {kpi_id} are not in {MEASURE.name} any more: they are kept for 30 days")
    found = roll_up(value, measures, value.inputs[0].partition)
    parts = accounts(value, measures)
    for asset, own in assets_of(parts).items():
        replay(own, await _facts(log, asset, own), references)
    return document(value, revisions, found, parts)


async def _value(log: Log, kpi_id: str) -> tuple[KpiValue, list[KpiValue]]:
    """The value of that id, and every revision of it."""
    for partition in await log.partitions(KPI):
        seen: list[KpiValue] = [f.event async for f in log.read(KPI, partition) if isinstance(f.event, KpiValue)]
        named = next((v for v in seen if v.id == kpi_id), None)
        if named is not None:
            alike = {v.revision: v for v in seen if series_of(v) == series_of(named)}
            return named, [alike[r] for r in sorted(alike)]
    raise NotExplained(f"no value with the id {kpi_id} is on {KPI.name}; `factorystream query kpi --json` has the ids")


async def _list(log: Log, topic: Topic, wanted: InputRange) -> list[Fact]:
    return [f async for f in log.read(topic, wanted.partition, wanted.first_offset, wanted.last_offset)]


async def _facts(log: Log, asset: str, own: Iterable[Account]) -> list[Fact]:
    """Every fact of an asset that is in the log."""
    numbers = sorted({r.partition for account in own for r in account.measure.inputs})
    topics: Sequence[Topic] = FACTS
    return [f for topic in topics for n in numbers async for f in log.read(topic, n) if _is_of(f.event, asset)]


def _is_of(event: Event, asset: str) -> bool:
    return getattr(event, "asset", None) == asset


@asynccontextmanager
async def opened(settings: StreamSettings) -> AsyncIterator[tuple[Log, ReferenceView]]:
    """A log to read and the reference data as they are now."""
    options = settings.client_options()
    consumer = AIOKafkaConsumer(**options, enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=100)
    references = ReferenceView(options, (ASSET, CALENDAR, LOSS_MODEL, ORDER), _gave_up)
    await consumer.start()
    try:
        await references.ready()
        yield Log(consumer), references
    finally:
        await references.stop()
        await consumer.stop()


def _gave_up(exc: BaseException) -> None:
    raise exc


async def run(kpi_id: str, settings: StreamSettings) -> int:
    """Print the explanation; the exit code."""
    async with opened(settings) as (log, references):
        found = await explain(log, references, kpi_id)
    print(json.dumps(found, ensure_ascii=False))
    return 0 if found["same"] else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m streams.explain", description="How a KPI value came about, from the log.")
    parser.add_argument("kpi_id", help="id of a KPI value")
    given = parser.parse_args(arguments)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # its errors reach us as exceptions
    settings = StreamSettings()
    try:
        return asyncio.run(run(given.kpi_id, settings))
    except NotExplained as exc:
        print(f"error: {exc}", file=sys.stderr)
    except KafkaError as exc:
        print(f"error: the broker at {settings.bootstrap} does not answer ({type(exc).__name__})", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
