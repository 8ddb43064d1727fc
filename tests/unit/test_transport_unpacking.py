"""Columns say what aiokafka's own records say, and leave its position where it would leave it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from streams.transport.unpacking import Columns, _Buffer, columns_of, joined

TP = TopicPartition("t", 0)
Row = tuple[bytes | None, bytes | None, int]
rows = st.tuples(st.none() | st.binary(max_size=9), st.none() | st.binary(max_size=40), st.integers(1, 2**40))


def log_of(batches: Sequence[Sequence[Row]], compression: int = 0, begin: int = 100) -> bytes:
    """Record batches as the broker sends them; between two of them lies a hole of five offsets, as compaction leaves it."""
    out, offset = b"", begin
    for batch in batches:
        builder = DefaultRecordBatchBuilder(2, compression, 0, -1, -1, -1, 1 << 20)
        for i, (key, value, timestamp) in enumerate(batch):
            assert builder.append(i, timestamp=timestamp, key=key, value=value, headers=[("h", b"x")]) is not None
        raw = builder.build()
        raw[:8] = offset.to_bytes(8, "big")  # the base offset lies outside the checksum
        out += bytes(raw)
        offset += len(batch) + 5
    return out


def unpacked(log: bytes, position: int, crc: bool = True) -> PartitionRecords:
    return PartitionRecords(TP, MemoryRecords(log), None, position, None, None, crc, READ_UNCOMMITTED)


@given(st.lists(st.lists(rows, min_size=1, max_size=9), min_size=1, max_size=5), st.sampled_from([0, 1, 3]), st.integers(100, 150))
def test_columns_are_what_the_records_say(batches: list[list[Row]], compression: int, position: int) -> None:
    log = log_of(batches, compression)
    plain, ours = unpacked(log, position), unpacked(log, position)
    records = list(plain)
    found = list(columns_of(ours))
    assert ours.next_fetch_offset == plain.next_fetch_offset
    if not records:
        assert found == []
        return
    all_of = joined(found)
    assert list(all_of.offsets) == [r.offset for r in records]
    assert list(all_of.keys) == [r.key for r in records]
    assert list(all_of.values) == [r.value for r in records]
    assert list(all_of.timestamps) == [r.timestamp for r in records]


def test_a_damaged_batch_is_refused_with_the_position_before_it() -> None:
    log = bytearray(log_of([[(b"k", b"first", 1)], [(b"k", b"second", 1)]]))
    log[log.index(b"second")] ^= 1
    records = unpacked(bytes(log), 100)
    found = columns_of(records)
    assert next(found).values == (b"first",)
    with pytest.raises(CorruptRecordException):
        next(found)
    assert records.next_fetch_offset == 101


def test_what_the_fetcher_puts_in_is_unpacked_to_columns_and_errors_stay_errors() -> None:
    buffer = _Buffer()
    buffer[TP] = FetchResult(TP, assignment=None, partition_records=unpacked(log_of([[(b"k", b"v", 7)]]), 100), backoff=0)
    assert list(buffer[TP]._partition_records) == [Columns((100,), (b"k",), (b"v",), (7,))]
    error = object()
    buffer[TP] = error
    assert buffer[TP] is error
