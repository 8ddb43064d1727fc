"""What the tests of the gateway share: where recordings are, and how to run a replay without Kafka."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.gateway.asset_card import AssetCard
from services.gateway.devices import Device, device_named, read_devices
from services.gateway.draft import Draft
from services.gateway.feed import Feed, Item, Reject
from services.gateway.feeds import log_feeds
from services.gateway.gateway import Live
from services.gateway.intake import Intake
from services.gateway.interpreter import Interpreter
from services.gateway.log_feed import LogFeed
from services.gateway.metrics import GatewayMetrics
from services.gateway.rejects import Rejects
from services.gateway.replay import Replay
from services.gateway.source_spec import LogSpec
from services.gateway.spool import Spool
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


class Taken:
    """A real intake on a spool in ``folder``, without a broker; ``events`` reads what waits."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.spool = Spool(folder / "data", 100_000_000)
        metrics = GatewayMetrics(CollectorRegistry())
        self.intake = Intake(self.spool, Rejects(folder / "data" / "rejects.ndjson"), metrics, self.said.append)

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        """The events that wait, oldest first, whose type or fact is of that kind."""
        with sqlite3.connect(self.spool.folder / "spool.sqlite3") as db:
            found = [json.loads(row[0]) for row in db.execute("SELECT value FROM record ORDER BY id")]
        return [e for e in found if kind in (str(e["type"]).split(".")[1], e.get("fact", {}).get("kind"), "")]

    def close(self) -> None:
        """Let the folder go, as the end of a process would."""
        self.spool.close()


@contextmanager
def running(live: Live, taken: Taken) -> Iterator[None]:
    """Run a live source in a thread; what it raises is raised at the end."""
    stop = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            live.run(taken.intake, stop, taken.said.append)
        except Exception as exc:  # noqa: BLE001 - raised again below
            failed.append(exc)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()
    if failed:
        raise failed[0]


def until(condition: Callable[[], object], seconds: float = 90.0) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)
