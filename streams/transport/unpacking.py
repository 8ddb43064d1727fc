"""aiokafka's record batches as columns, without an object per record.

aiokafka makes a ConsumerRecord of every record (eleven fields, headers copied), of which four are read here. Taken from
the log's own batches they cost about a third.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import CorruptRecordException

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Columns:
    """Records in offset order. ``timestamps`` in milliseconds since 1970."""

    offsets: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    timestamps: Sequence[int]

    def __len__(self) -> int:
        return len(self.offsets)

    def cut(self, begin: int, end: int) -> Columns:
        """The records [begin, end) of these."""
        return Columns(self.offsets[begin:end], self.keys[begin:end], self.values[begin:end], self.timestamps[begin:end])


def joined(parts: Sequence[Columns]) -> Columns:
    """All records of the parts, in their order."""
    if len(parts) == 1:
        return parts[0]
    return Columns(
        _flat([p.offsets for p in parts]), _flat([p.keys for p in parts]), _flat([p.values for p in parts]),
        _flat([p.timestamps for p in parts]),
    )  # fmt: skip


def unpack_columns(consumer: AIOKafkaConsumer) -> None:
    """From now on what this consumer fetches is Columns, one per record batch of the log. To be called before it has partitions.

    It has to be a consumer that reads uncommitted records: aborted transactions are not looked for. Other consumers of the
    process are left as they are.
    """
    consumer._fetcher._records = _Buffer()


class _Buffer(OrderedDict[Any, Any]):
    """Where aiokafka's fetcher puts what has arrived and is not unpacked yet."""

    def __setitem__(self, partition: Any, result: Any) -> None:
        if type(result) is FetchResult:
            records = result._partition_records
            records._records_iterator = columns_of(records)
        super().__setitem__(partition, result)


def columns_of(records: Any) -> Iterator[Columns]:
    """In place of ``PartitionRecords._unpack_records``, and like it: moves ``next_fetch_offset`` behind each batch, also behind
    what compaction and transactions left empty. Raises CorruptRecordException."""
    log = records._records
    while log.has_next():
        batch = log.next_batch()
        if records._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"Invalid CRC - {records._tp}")
        begin = records.next_fetch_offset
        rows = [] if batch.is_control_batch else [(r.offset, r.key, r.value, r.timestamp or 0) for r in batch]
        if rows and rows[0][0] < begin:  # a position inside a batch: the broker sends the whole of it
            rows = [row for row in rows if row[0] >= begin]
        records.next_fetch_offset = batch.next_offset
        if rows:
            yield Columns(*zip(*rows, strict=True))


def _flat(parts: Sequence[Sequence[T]]) -> Sequence[T]:
    return list(chain.from_iterable(parts))
