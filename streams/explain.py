"""``python -m streams.explain [KPI-ID ...]``: how KPI values came about, worked out anew from the log.

It prints one JSON document a line. Exit code 0: the log gives the same numbers; 1: it does not, or there is no such value; 2: wrong
usage.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.codec import decode
from schemas.envelope import InputRange
from schemas.events.kpi_value import KpiValue
from schemas.events.measure import Measure
from schemas.registry import ASSET, CALENDAR, INSPECTION, KPI, LOSS_MODEL, MACHINE, MEASURE, ORDER
from schemas.topic import Topic
from streams.domain.explanation import Fact, Place, Replayed, accounts, replay, roll_up, series_of, settle
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


class Explainer:
    """Explains values; what several of them rest on is read and folded once."""

    def __init__(self, log: Log, references: ReferenceView) -> None:
        self._log = log
        self._references = references
        self._values: dict[str, KpiValue] = {}
        self._revisions: dict[tuple[Any, ...], dict[int, KpiValue]] = {}
        self._places: dict[tuple[int, int, int], list[Place]] = {}
        self._replayed: dict[tuple[str, int], Replayed] = {}

    async def explain(self, kpi_id: str) -> dict[str, Any]:
        """The explanation of the value with that id. Raises NotExplained."""
        await self._read_values()
        value = self._values.get(kpi_id)
        if value is None:
            raise NotExplained(f"no value with the id {kpi_id} is on {KPI.name}; `factorystream query kpi --json` has the ids")
        measures = [place for r in value.inputs for place in await self._measures(r)]
        if not measures:
            raise NotExplained(f"the measures behind {kpi_id} are not in {MEASURE.name} any more: they are kept for 30 days")
        found = roll_up(value, measures, value.inputs[0].partition, self._references)
        parts = accounts(value, measures)
        for account in parts:
            settle(account, await self._replay(account.measure))
        alike = self._revisions[series_of(value)]
        return document(value, [alike[r] for r in sorted(alike)], found, parts)

    async def newest(self) -> list[str]:
        """The ids of the newest value of each KPI, scope and window."""
        await self._read_values()
        return [revisions[max(revisions)].id for revisions in self._revisions.values()]

    async def _read_values(self) -> None:
        """Read the topic once, and find values by their ids and by what they are revisions of."""
        if self._values:
            return
        for partition in await self._log.partitions(KPI):
            async for fact in self._log.read(KPI, partition):
                if isinstance(value := fact.event, KpiValue):
                    self._values.setdefault(value.id, value)
                    self._revisions.setdefault(series_of(value), {})[value.revision] = value

    async def _measures(self, wanted: InputRange) -> list[Place]:
        """The measures of a range; the KPIs of one scope and window name the same."""
        where = wanted.partition, wanted.first_offset, wanted.last_offset
        if where not in self._places:
            read = self._log.read(MEASURE, *where)
            self._places[where] = [(f.origin.offset, f.event) async for f in read if isinstance(f.event, Measure)]
        return self._places[where]

    async def _replay(self, measure: Measure) -> Replayed:
        """What the facts of an asset give, all that are in the log."""
        where = measure.asset, measure.inputs[0].partition if measure.inputs else 0
        if where not in self._replayed:
            facts = [f for t in FACTS async for f in self._log.read(t, where[1]) if getattr(f.event, "asset", None) == where[0]]
            self._replayed[where] = replay(facts, self._references)
        return self._replayed[where]


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


async def run(kpi_ids: Sequence[str], settings: StreamSettings) -> int:
    """Print an explanation a line, of the newest of every value when none is named; the exit code."""
    same = True
    async with opened(settings) as (log, references):
        explainer = Explainer(log, references)
        for kpi_id in kpi_ids or await explainer.newest():
            found = await explainer.explain(kpi_id)
            print(json.dumps(found, ensure_ascii=False), flush=True)
            same = same and found["same"]
    return 0 if same else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m streams.explain", description="How KPI values came about, from the log.")
    parser.add_argument("kpi_ids", nargs="*", help="ids of KPI values; the newest of every value when none is named")
    given = parser.parse_args(arguments)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # its errors reach us as exceptions
    settings = StreamSettings()
    try:
        return asyncio.run(run(given.kpi_ids, settings))
    except NotExplained as exc:
        print(f"error: {exc}", file=sys.stderr)
    except KafkaError as exc:
        print(f"error: the broker at {settings.bootstrap} does not answer ({type(exc).__name__})", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
