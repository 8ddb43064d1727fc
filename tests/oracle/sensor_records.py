"""Batch oracle for factory.sensor.v1: windows of 10 s in exact arithmetic, without any import from the streams.

Readings are judged in log order, as the platform promises: a window is closed once an earlier record of the asset was
5 s beyond its end, or once a source ended in it or after it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from oracle.machine_records import by_asset, micros

WINDOW = 10_000_000
DISORDER = 5_000_000
Record = Mapping[str, Any]


class Statistics(NamedTuple):
    """Exact statistics of one channel and window; ``variance`` with n - 1 (None for one reading)."""

    n: int
    mean: Fraction
    variance: Fraction | None
    mean_square: Fraction
    low: float
    high: float


class Windows(NamedTuple):
    """``closed``: (asset, channel, window start) -> statistics. ``late``: (source, asset, sequence) -> late readings."""

    closed: dict[tuple[str, str, int], Statistics]
    late: dict[tuple[str, str, int], int]


def aggregates(records: Iterable[Record | bytes]) -> Windows:
    """The windows that are closed after all records, and the readings that came too late."""
    values: dict[tuple[str, str, int], list[float]] = defaultdict(list)
    late: dict[tuple[str, str, int], int] = defaultdict(int)
    ends: dict[str, int] = {}
    for asset, log in by_asset(records).items():
        newest = end = 0
        for record in log:
            for channel, time, value in _readings(record):
                start = time // WINDOW * WINDOW
                if start + WINDOW <= end:
                    late[record["source"], asset, record["sequence"]] += 1
                else:
                    values[asset, channel, start].append(value)
            time = _last(record)
            newest = max(newest, time)
            end = max(end, newest - DISORDER)
            if record.get("phase") == "ending":
                end = max(end, time // WINDOW * WINDOW + WINDOW)
        ends[asset] = end
    closed = {key: _statistics(v) for key, v in values.items() if key[2] + WINDOW <= ends[key[0]]}
    return Windows(closed, dict(late))


def _readings(record: Record) -> Iterator[tuple[str, int, float]]:
    begin = micros(record["event_time"])
    for channel, column in record.get("columns", {}).items():
        for after, value in zip(record["times_us"], column, strict=True):
            if value is not None:
                yield channel, begin + after, float(value)


def _last(record: Record) -> int:
    return micros(record["event_time"]) + (record["times_us"][-1] if "times_us" in record else 0)


def _statistics(values: list[float]) -> Statistics:
    exact = [Fraction(v) for v in values]
    n = len(exact)
    mean = sum(exact) / n
    variance = sum((x - mean) ** 2 for x in exact) / (n - 1) if n > 1 else None
    return Statistics(n, Fraction(mean), variance, sum(x * x for x in exact) / n, min(values), max(values))
