"""Sending: idempotent, acknowledged by all in-sync replicas, and waited for.

Records are packed into one request batch per partition by ourselves (aiokafka's batch API), so that a thousand outputs
cost a handful of futures instead of a thousand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2
from faust.exceptions import ProducerSendError
from faust.transport.drivers import aiokafka as driver

from streams.transport.progress import Partition

BREATH = 4096  # records sorted by partition before the event loop is given back


class Outgoing(NamedTuple):  # a frozen dataclass takes four times as long to make
    """A record to send. Without a partition, the key decides (murmur2)."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None


class Producer(driver.Producer):  # type: ignore[misc] # Faust is untyped
    """Faust's producer with the guarantees it does not have by default, and a way to send many records and await them."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def deliver(self, records: Iterable[Outgoing]) -> dict[Partition, int]:
        """Send the records, in order within each partition, and return when the broker has acknowledged every one.

        Returns the offset of the first record per partition. Raises ProducerSendError when one can't be delivered; some
        of the others may be in the log then, so the caller must not go on.
        """
        groups: dict[Partition, list[Outgoing]] = {}
        partitions: dict[str, list[int]] = {}
        for count, record in enumerate(records, 1):
            if count % BREATH == 0:
                await asyncio.sleep(0)
            if record.partition is None and record.topic not in partitions:
                partitions[record.topic] = sorted(await self._ensure_producer().partitions_for(record.topic))
            number = _partition(record, partitions)
            groups.setdefault((record.topic, number), []).append(record)
        try:
            firsts = await asyncio.gather(*(self._deliver_to(tp, group) for tp, group in groups.items()))
        except KafkaError as exc:
            raise ProducerSendError(f"{type(exc).__name__}: {exc}") from exc
        return dict(zip(groups, firsts, strict=True))

    async def _deliver_to(self, partition: Partition, records: Sequence[Outgoing]) -> int:
        producer = self._ensure_producer()
        topic, number = partition
        futures = []
        at = 0
        while at < len(records):
            batch = producer.create_batch()
            while at < len(records):
                record = records[at]
                appended = batch.append(key=record.key, value=record.value, timestamp=None, headers=list(record.headers))
                if appended is None:  # full; the first record of a batch always fits
                    break
                at += 1
            batch.close()
            futures.append(await producer.send_batch(batch, topic, partition=number))
            await asyncio.sleep(0)  # packing takes milliseconds, and send_batch waits for nothing while there is room
        acknowledged = await asyncio.gather(*futures)
        return int(acknowledged[0].offset)


def _partition(record: Outgoing, partitions: Mapping[str, list[int]]) -> int:
    if record.partition is not None:
        return record.partition
    numbers = partitions[record.topic]
    if record.key is None:
        return numbers[0]
    return numbers[_hash(record.key) % len(numbers)]


@lru_cache(maxsize=65_536)  # aiokafka's murmur2 is plain Python, and keys are few
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF
