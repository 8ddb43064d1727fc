"""Seconds per execution state: what the gateway sends must give exactly what the log says, worked out here another way."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from gateway_lab import BUNDLED_LOG, drafts, replayed, shared, states

from services.gateway.feeds import log_feeds
from services.gateway.source_spec import LogSpec
from services.gateway.survey import survey

#: of the same log, worked out elsewhere; rounded to 0.1 s
BUNDLED_SECONDS = {
    "UNAVAILABLE": 64456.8,
    "STOPPED": 1894.5,
    "READY": 2506.7,
    "ACTIVE": 2395.8,
    "FEED_HOLD": 12.8,
    "INTERRUPTED": 9.2,
}
LOGS = [
    "raw/Mazak01/Mazak01-20190606-20190607.txt",
    "raw/Mazak01/Mazak01-20190612-20190613.txt",
    "raw/Mazak03/Mazak03-20160502-20160503.txt",
    "raw/Mazak03/Mazak03-20170906-20170907.txt",
]


def sent_seconds(path: Path) -> dict[str, float]:
    """Of the execution facts that a replay sends, up to its last heartbeat."""
    items = replayed(*log_feeds(LogSpec(paths=[path])))
    end = drafts(items, "heartbeat.v1")[-1].body["event_time"]
    return durations(states(items), end)


def log_seconds(path: Path) -> dict[str, float]:
    """Of the log itself: its execution lines sorted by time, clipped to the first day and the last record."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        rows = [line.rstrip("\n").split("|") for line in file]
    day = path.name.split("-")[1]
    start = f"{day[:4]}-{day[4:6]}-{day[6:]}T00:00:00Z"
    lines = [(max(row[0], start), row[2]) for row in sorted(rows, key=lambda row: row[0]) if row[1] == "execution"]
    return durations(lines, max(row[0] for row in rows))


def durations(changes: list[tuple[str, str]], end: str) -> dict[str, float]:
    """Seconds per state of (time, state); of equal times the later line counts."""
    ordered = sorted(changes, key=lambda change: change[0].rstrip("Z"))
    seconds: dict[str, float] = defaultdict(float)
    for (since, state), (until, _) in zip(ordered, [*ordered[1:], (end, "")], strict=True):
        seconds[state] += (instant(until) - instant(since)).total_seconds()
    return {state: round(value, 6) for state, value in seconds.items() if value > 0}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_the_bundled_day() -> None:
    sent = sent_seconds(BUNDLED_LOG)
    assert sent == log_seconds(BUNDLED_LOG)
    assert {state: round(seconds, 1) for state, seconds in sent.items()} == BUNDLED_SECONDS


@pytest.mark.parametrize("name", LOGS)
def test_recorded_days(name: str) -> None:
    path = shared(f"nist_sms/{name}")
    reference = json.loads(shared("nist_sms/reference_durations_dev.json").read_text())[name]
    sent = sent_seconds(path)
    assert sent == log_seconds(path)
    assert {state: round(seconds, 1) for state, seconds in sent.items()} == reference["seconds"]


@pytest.mark.parametrize("name", LOGS)
def test_inspect_counts_like_the_reference(name: str) -> None:
    path = shared(f"nist_sms/{name}")
    reference = json.loads(shared("nist_sms/reference_durations_dev.json").read_text())[name]
    (file,) = survey([path])["files"]
    assert file["lines"] == reference["records"]
    assert file["items"] == reference["data_items"]
    assert file["traps"]["lines_out_of_order"] == reference["out_of_order_steps"]
    assert {state: round(s, 1) for state, s in file["seconds_by_state"].items()} == reference["seconds"]
    assert file["last"][:26] == reference["window_end"]
    active = sum((instant(i["end"]) - instant(i["start"])).total_seconds() for i in survey([path])["activity"])
    assert round(active, 1) == reference["seconds"]["ACTIVE"]
