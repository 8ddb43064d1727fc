"""The workload of the job benchmark: its input, a pure function of (n, t0, seed), and the windows that must come out of it.

64 assets, 16 on each of 4 partitions. One JSON record of about 170 bytes per event; event time moves on by 100 ms per asset
and event; 1 % of the events are up to 2 s behind. Behind every 10,000th event comes
a record that is none: one half of these are cut off, the others lack the value.
Values are multiples of 1/8, so that their sums are exact in any order.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiokafka.partitioner import murmur2

PARTITIONS = 4
PER_PARTITION = 16
STEP_MS = 100
SIZE_MS, GRACE_MS = 10_000, 5_000
SPACING = 10_000  # events between two records that are none
BEHIND_MS = 2_000


class Window(NamedTuple):
    """What is known of one asset in one window. ``total`` is the sum of the values."""

    n: int
    total: float
    low: float
    high: float


Place = tuple[str, int]  # asset, start of the window in ms


@dataclass
class Expected:
    """``closed`` has to come out; ``open`` may, from an engine whose watermark is that of the partition. ``needed`` counts the
    records up to the last that closes a window."""

    closed: dict[Place, Window] = field(default_factory=dict)
    open: dict[Place, Window] = field(default_factory=dict)
    needed: int = 0
    records: int = 0


def partition_of(asset: str) -> int:
    """The partition of a key, as Kafka's own partitioner says."""
    return (int(murmur2(asset.encode())) & 0x7FFFFFFF) % PARTITIONS


def assets() -> list[str]:
    """Names that are spread evenly."""
    left = dict.fromkeys(range(PARTITIONS), PER_PARTITION)
    names, number = [], 0
    while any(left.values()):
        name = f"mill-{number:03d}"
        number += 1
        if left[partition_of(name)]:
            left[partition_of(name)] -= 1
            names.append(name)
    return names


def records(n: int, t0: int, seed: int = 7) -> Iterator[tuple[str, bytes]]:
    """(key, value) of ``n`` events and the others between them; ``t0`` in milliseconds since 1970, at the start of a window."""
    chance = random.Random(seed)
    names = assets()
    broken = 0
    for i in range(n):
        asset = names[i % len(names)]
        at = t0 + i // len(names) * STEP_MS
        if chance.random() < 0.01:
            at = max(t0, at - chance.randint(1, BEHIND_MS))
        event = {
            "id": f"{asset}-{i:09d}-{chance.getrandbits(48):012x}",
            "asset": asset,
            "channel": "temperature",
            "value": chance.randrange(800) / 8,
            "unit": "Cel",
            "event_time": at,
            "seq": i,
        }
        text = json.dumps(event).encode()
        yield asset, text
        if i % SPACING == SPACING - 1:
            broken += 1
            if broken % 2:
                yield asset, text[: len(text) // 2]
            else:
                del event["value"]
                yield asset, json.dumps(event).encode()


def expected(n: int, t0: int, seed: int = 7) -> Expected:
    """The windows by plain Python; a window is closed when an event of its asset lies GRACE_MS or more behind its end."""
    out = Expected()
    windows: dict[Place, list[float]] = {}
    newest: dict[str, int] = {}
    seen, last = [0] * PARTITIONS, [0] * PARTITIONS
    for key, value in records(n, t0, seed):
        number = partition_of(key)
        seen[number] += 1
        try:
            event = json.loads(value)
        except ValueError:
            continue
        if "value" not in event:
            continue
        at = event["event_time"]
        if at > newest.get(key, -1):
            if (at - GRACE_MS) // SIZE_MS > (newest.get(key, t0) - GRACE_MS) // SIZE_MS:
                last[number] = seen[number]
            newest[key] = at
        windows.setdefault((key, at - at % SIZE_MS), []).append(event["value"])
    for (asset, start), values in windows.items():
        closed = start + SIZE_MS + GRACE_MS <= newest[asset]
        (out.closed if closed else out.open)[asset, start] = Window(len(values), sum(values), min(values), max(values))
    out.needed, out.records = sum(last), sum(seen)
    return out


def differences(wanted: Expected, got: list[tuple[Place, Window]]) -> list[str]:
    """What is missing, wrong, contradictory or was never asked for, at most ten of each; empty when all is well."""
    found: dict[Place, Window] = {}
    wrong = []
    for place, window in got:
        if found.setdefault(place, window) != window:
            wrong.append(f"{place} came twice and differs: {found[place]} and {window}")
        if place not in wanted.closed and place not in wanted.open:
            wrong.append(f"{place} was never asked for")
        if place in wanted.closed and wanted.closed[place] != window:
            wrong.append(f"{place} is {window}, not {wanted.closed[place]}")
    missing = [f"{place} is missing" for place in wanted.closed if place not in found]
    return wrong[:10] + missing[:10]


def window_of(value: Mapping[str, Any]) -> tuple[Place, Window]:
    """A window as the peers write it."""
    place = (str(value["asset"]), int(value["start"]))
    return place, Window(int(value["count"]), float(value["sum"]), float(value["min"]), float(value["max"]))
