"""Batch oracle for a raw MTConnect log (``time|item|value`` a line): time per hour and execution state, read from the file alone.

The window is [00:00Z of the day in the file's name, the latest time in the file); what was said before holds from its start.
"""

import gzip
import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from oracle.machine_records import HOUR, micros


def log_accounts(path: Path) -> dict[tuple[int, str], int]:
    """(hour, execution state) -> microseconds."""
    start, end = log_window(path)
    told = sorted(
        (max(time, start), time, number, value) for number, (time, item, value) in enumerate(_lines(path)) if item == "execution"
    )
    out: dict[tuple[int, str], int] = defaultdict(int)
    for (begin, _, _, state), (until, *_) in zip(told, [*told[1:], (end, 0, 0, "")], strict=True):
        at = begin
        while at < until:
            step = min(until, at // HOUR * HOUR + HOUR)
            out[at // HOUR * HOUR, state] += step - at
            at = step
    return dict(out)


def log_window(path: Path) -> tuple[int, int]:
    """Start and end of the window."""
    day = re.search(r"-(\d{4})(\d\d)(\d\d)-", path.name)
    assert day is not None, f"{path.name} has no day in its name"
    return micros("{}-{}-{}T00:00:00Z".format(*day.groups())), max(time for time, _, _ in _lines(path))


def log_records(path: Path, asset: str, source: str = "log") -> list[dict[str, Any]]:
    """Raw records of factory.machine.v1 in the order of the file: an execution fact for each line that states one, a signal for any
    other tenth line (they tell the time), a last heartbeat at the end of the window. Times before the window are clipped."""
    start, end = log_window(path)
    out: list[dict[str, Any]] = []
    for number, (time, item, value) in enumerate(_lines(path)):
        if item == "execution":
            fact = {"kind": "execution", "state": value}
        elif number % 10 == 0:
            fact = {"kind": "signal", "item": item[:64], "value": value[:500]}
        else:
            continue
        out.append(_record(asset, source, len(out) + 1, max(time, start), type="factory.machine-event.v1", fact=fact))
    out.append(_record(asset, source, len(out) + 1, end, type="factory.heartbeat.v1", phase="ending"))
    return out


def _record(asset: str, source: str, sequence: int, time: int, **rest: Any) -> dict[str, Any]:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)
    return {
        "event_time": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "source": source,
        "asset": asset,
        "sequence": sequence,
        **rest,
    }


def _lines(path: Path) -> list[tuple[int, str, str]]:
    """(time, item, value) of each line that has them."""
    out = []
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) >= 3:
            out.append((micros(fields[0]), fields[1], fields[2]))
    return out
