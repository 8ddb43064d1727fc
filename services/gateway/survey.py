"""``inspect``: what is in a log, without sending anything. Pure counting, with the same reading of the layout as a replay."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.gateway.asset_card import asset_id
from services.gateway.devices import Device, Kind
from services.gateway.draft import text_of
from services.gateway.feeds import device_for, log_files
from services.gateway.mtconnect_log import Line, day_start, device_of, read_lines
from services.gateway.observation import Observation

MOST_NAMED = 20


@dataclass(slots=True)
class _Count:
    lines: int = 0
    blank: int = 0
    conditions: int = 0
    unavailable_repeated: int = 0
    steps_back: int = 0
    before_day: int = 0
    oldest_us: int | None = None
    last_us: int | None = None
    items: Counter[str] = field(default_factory=Counter)
    malformed: list[dict[str, Any]] = field(default_factory=list)
    malformed_lines: int = 0
    execution: list[tuple[int, str]] = field(default_factory=list)


def survey(paths: list[Path], devices_file: Path | None = None, asset: str | None = None) -> dict[str, Any]:
    """Counts of each file, the traps found in it by name, and the activity of each asset. Raises UserError."""
    files = []
    activity: list[dict[str, str]] = []
    for path in log_files(paths):
        device = device_for(path, device_of(path), devices_file)
        name = asset or asset_id(device_of(path))
        day_us = day_start(path)
        count = _count(path, device, day_us)
        seconds, active = states(count.execution, day_us, count.last_us or day_us)
        activity += [{"asset": name, "start": text_of(a), "end": text_of(b)} for a, b in active]
        files.append(_report(path, name, device, day_us, count, seconds))
    return {"files": files, "activity": sorted(activity, key=lambda i: (i["start"], i["asset"]))}


def states(changes: list[tuple[int, str]], start_us: int, end_us: int) -> tuple[dict[str, float], list[tuple[int, int]]]:
    """Seconds in each execution state within [start, end), and the spans of ACTIVE, of (time, state) in any order."""
    ordered = sorted(changes, key=lambda change: change[0])
    seconds: Counter[str] = Counter()
    active: list[tuple[int, int]] = []
    for index, (time_us, state) in enumerate(ordered):
        until = ordered[index + 1][0] if index + 1 < len(ordered) else end_us
        begin, finish = max(time_us, start_us), min(until, end_us)
        if finish <= begin:
            continue
        seconds[state] += finish - begin
        if state == "ACTIVE":
            if active and active[-1][1] == begin:
                active[-1] = (active[-1][0], finish)
            else:
                active.append((begin, finish))
    return {state: us / 1e6 for state, us in sorted(seconds.items())}, active


def _count(path: Path, device: Device, day_us: int) -> _Count:
    count = _Count()
    last_value: dict[str, object] = {}
    previous = 0
    for line in read_lines(path):
        count.lines += 1
        observation = line.observation
        if observation is None:
            _count_problem(count, line)
            continue
        count.items[observation.item] += 1
        count.conditions += observation.condition is not None
        count.steps_back += observation.time_us < previous
        count.before_day += observation.time_us < day_us
        previous = observation.time_us
        count.oldest_us = previous if count.oldest_us is None else min(count.oldest_us, previous)
        count.last_us = previous if count.last_us is None else max(count.last_us, previous)
        value = observation.condition or observation.value
        count.unavailable_repeated += observation.unavailable and last_value.get(observation.item) == value
        last_value[observation.item] = value
        if is_execution(device, observation):
            count.execution.append((observation.time_us, observation.value))
    return count


def is_execution(device: Device, observation: Observation) -> bool:
    """Whether the observation is the execution state of the machine."""
    item = device.items.get(observation.item)
    return item.kind is Kind.EXECUTION if item else observation.item.lower() == "execution"


def _count_problem(count: _Count, line: Line) -> None:
    if not line.problem:
        count.blank += 1
        return
    count.malformed_lines += 1
    if len(count.malformed) < MOST_NAMED:
        count.malformed.append({"line": line.number, "reason": line.problem, "text": line.text[:200], "cut_off": line.cut})


def _report(path: Path, asset: str, device: Device, day_us: int, count: _Count, seconds: dict[str, float]) -> dict[str, Any]:
    undeclared = sorted(name for name in count.items if name not in device.items)
    return {
        "file": str(path),
        "asset": asset,
        "first_day": text_of(day_us),
        "first": None if count.oldest_us is None else text_of(count.oldest_us),
        "last": None if count.last_us is None else text_of(count.last_us),
        "lines": count.lines,
        "items": len(count.items),
        "conditions": count.conditions,
        "execution_changes": len(count.execution),
        "seconds_by_state": seconds,
        "undeclared_items": undeclared,
        "traps": dict(_traps(count)),
        "malformed": count.malformed,
    }


def _traps(count: _Count) -> Iterator[tuple[str, int]]:
    yield "snapshot_lines_before_first_day", count.before_day
    yield "lines_out_of_order", count.steps_back
    yield "unavailable_repeated", count.unavailable_repeated
    yield "malformed_lines", count.malformed_lines
    yield "blank_lines", count.blank
