"""What the tests of the gateway share: where recordings are, and how to run a replay without Kafka."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from services.gateway.asset_card import AssetCard
from services.gateway.devices import Device, device_named, read_devices
from services.gateway.draft import Draft
from services.gateway.feed import Feed, Item, Reject
from services.gateway.feeds import log_feeds
from services.gateway.interpreter import Interpreter
from services.gateway.log_feed import LogFeed
from services.gateway.replay import Replay
from services.gateway.source_spec import LogSpec
from services.gateway.tally import Tally

ROOT = Path(__file__).resolve().parents[1]
BUNDLED = ROOT / "services" / "gateway" / "samples" / "nist_sms"
BUNDLED_LOG = BUNDLED / "raw" / "Mazak01" / "Mazak01-20190606-20190607.txt.gz"
DEVICES = BUNDLED / "mtconnect" / "agent" / "Devices.xml"
SHARED = ROOT.parent / "shared" / "data"


def shared(path: str) -> Path:
    """A file of ../shared/data; the test is skipped where it is missing."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"../shared/data/{path} is not here: this recording is not part of the project")
    return found


def mazak01() -> Device:
    """The device of the bundled log."""
    device = device_named(read_devices(DEVICES), "Mazak01")
    assert device is not None
    return device


def interpreter(device: Device | None = None, tally: Tally | None = None) -> Interpreter:
    """An interpreter of one asset, mazak01."""
    device = device or mazak01()
    card = AssetCard("mazak01", device.text, "site-1", "area-1", "line-1")
    for channel, unit in device.readings().items():
        card.declare(channel, unit)
    return Interpreter(card, "test", device, tally or Tally())


def write_log(folder: Path, lines: Iterable[str], name: str = "Mazak01-20190606-20190607.txt") -> Path:
    """A log of these lines."""
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def log_feed(*paths: Path, strict: bool = False) -> LogFeed:
    """The feed of logs of Mazak01."""
    (feed,) = log_feeds(LogSpec(paths=list(paths), devices=DEVICES, device="Mazak01", strict=strict))
    assert isinstance(feed, LogFeed)
    return feed


def replayed(*feeds: Feed) -> list[Item]:
    """All items of a replay."""
    return list(Replay(list(feeds)).items())


def drafts(items: Sequence[Item], kind: str) -> list[Draft]:
    """The drafts whose type ends in ``kind``, e.g. ``machine-event.v1``."""
    return [i for i in items if isinstance(i, Draft) and str(i.body["type"]).endswith(kind)]


def rejects(items: Sequence[Item]) -> list[Reject]:
    """What was set aside."""
    return [i for i in items if isinstance(i, Reject)]


def facts(items: Sequence[Item], kind: str) -> list[tuple[str, Any]]:
    """(event time, fact) of each fact of a kind, in the order sent."""
    found = [(d.body["event_time"], d.body["fact"]) for d in drafts(items, "machine-event.v1")]
    return [(time, fact) for time, fact in found if fact["kind"] == kind]


def states(items: Sequence[Item]) -> list[tuple[str, str]]:
    """(event time, state) of each execution fact, in the order sent."""
    return [(time, fact["state"]) for time, fact in facts(items, "execution")]
