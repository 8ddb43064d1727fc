"""Reference data as the steps see it: the compacted topics, read whole before the first fold and followed afterwards."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.codec import decode
from schemas.events.asset import Asset
from schemas.events.calendar import Calendar
from schemas.events.loss_model import LossModel
from schemas.events.order import Order
from schemas.registry import ASSET, CALENDAR, LOSS_MODEL, ORDER
from schemas.topic import Topic

log = logging.getLogger(__name__)

POLL_MS = 200

V = TypeVar("V", Calendar, LossModel)


class ReferenceView:
    """The newest version of every key of some compacted topics, on this worker. Read without a group: every worker has all.

    ``failed`` is called with the exception when following stops: a view that is silently old would judge wrongly.
    """

    def __init__(self, client: Mapping[str, Any], topics: Sequence[Topic], failed: Callable[[BaseException], None]) -> None:
        self._client = client
        self._topics = {t.name: t for t in topics}
        self._failed = failed
        self._values: dict[str, dict[bytes, Any]] = {t.name: {} for t in topics}
        self._of_line: dict[tuple[str, str], tuple[Any, ...]] = {}  # by topic and line; forgotten when a version changes
        self._consumer: AIOKafkaConsumer | None = None
        self._follower: asyncio.Task[None] | None = None
        self._positions: dict[TopicPartition, int] = {}
        self._moved = asyncio.Condition()
        self._starting: asyncio.Task[None] | None = None

    def asset(self, asset_id: str) -> Asset | None:
        """The description of an asset; None when it has none or the topic is not among ours."""
        found = self._values.get(ASSET.name, {}).get(asset_id.encode())
        return found if isinstance(found, Asset) else None

    def calendars(self, line: str) -> Sequence[Calendar]:
        """All calendars of a line, ascending by version; none when the topic is not among ours."""
        return self._versions(CALENDAR, Calendar, line)

    def loss_models(self, line: str) -> Sequence[LossModel]:
        """All loss models of a line, ascending by version; none when the topic is not among ours."""
        return self._versions(LOSS_MODEL, LossModel, line)

    def order(self, order_id: str) -> Order | None:
        """The order of that id; None when there is none or the topic is not among ours."""
        found = self._values.get(ORDER.name, {}).get(order_id.encode())
        return found if isinstance(found, Order) else None

    async def ready(self) -> None:
        """Return when everything has been read that was there at the first call, which begins to read."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        await asyncio.shield(self._starting)  # a rebalance may cancel its wait, not the reading

    async def catch_up(self) -> None:
        """Return when everything has been read that was on the topics at the time of the call."""
        if self._consumer is None:
            return
        ends = await self._consumer.end_offsets(list(self._positions))
        async with self._moved:
            await self._moved.wait_for(lambda: all(self._positions[tp] >= end for tp, end in ends.items()))

    async def stop(self) -> None:
        """Stop to follow."""
        if self._follower is not None:
            self._follower.remove_done_callback(self._ended)
            self._follower.cancel()
            await asyncio.wait([self._follower])
        if self._consumer is not None:
            await self._consumer.stop()

    async def _start(self) -> None:
        if not self._topics:
            return
        self._consumer = AIOKafkaConsumer(
            **self._client, enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=POLL_MS
        )
        await self._consumer.start()
        await self._assign(self._consumer)
        self._follower = asyncio.create_task(self._follow(self._consumer))
        self._follower.add_done_callback(self._ended)
        await self.catch_up()

    async def _assign(self, consumer: AIOKafkaConsumer) -> None:
        for name in self._topics:
            await consumer._client._wait_on_metadata(name)  # an unassigned consumer knows no topics yet
        tps = [TopicPartition(t, p) for t in self._topics for p in consumer.partitions_for_topic(t) or ()]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        self._positions = dict.fromkeys(tps, 0)

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            for tp, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                self._take(self._topics[tp.topic], records)
            positions = {tp: await consumer.position(tp) for tp in self._positions}
            if positions != self._positions:
                async with self._moved:
                    self._positions = positions
                    self._moved.notify_all()

    def _take(self, topic: Topic, records: Sequence[Any]) -> None:
        decoded = decode(topic, [r.value for r in records])
        changes: dict[int, Any] = {**dict(decoded.events), **dict.fromkeys(decoded.tombstones)}
        for index in sorted(changes):  # a key may come several times: the last counts
            self._put(topic.name, records[index].key, changes[index])
        for rejection in decoded.rejections:
            at = records[rejection.index]
            why = f"{rejection.field} {rejection.reason}".strip()
            log.error("%s/%d offset %d is no reference record: %s", topic.name, at.partition, at.offset, why)

    def _put(self, topic: str, key: bytes, new: Any) -> None:
        """Keep a value, or with None forget it. A repeat leaves the object that is there."""
        values = self._values[topic]
        old = values.get(key)
        if new == old:
            return
        if new is None:
            del values[key]
        else:
            values[key] = new
        for value in (old, new):
            if isinstance(value, (Calendar, LossModel)):
                self._of_line.pop((topic, value.line), None)

    def _versions(self, topic: Topic, kind: type[V], line: str) -> tuple[V, ...]:
        found = self._of_line.get((topic.name, line))
        if found is None:
            values = sorted(self._values.get(topic.name, {}).items())  # by key, so that equal versions have an order, too
            of_line = [v for _, v in values if isinstance(v, kind) and v.line == line]
            found = self._of_line[topic.name, line] = tuple(sorted(of_line, key=lambda v: v.version))
        return found

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._failed(task.exception() or KafkaError("following ended"))
