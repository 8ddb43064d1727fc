"""The spool: nothing lost and no number twice, whatever ends the process."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gateway_lab import ROOT, until

from schemas.registry import ASSET, MACHINE, ORDER
from services.gateway.door import admit
from services.gateway.draft import Draft
from services.gateway.spool import Spool
from services.runtime.errors import UserError

LIMIT = 10_000_000
CRASHER = """
import sys
from pathlib import Path
sys.path.insert(0, "tests/unit")
from test_gateway_spool import accept, fact
from services.gateway.spool import Spool
spool = Spool(Path(sys.argv[1]), 10_000_000)
taken = int(spool.position("job") or 0)
print("ready", flush=True)
while True:
    accept(spool, [fact("m1", taken + i) for i in range(5)], position=str(taken + 5))
    taken += 5
"""


def fact(asset: str, number: int) -> Draft:
    body = {
        "type": "factory.machine-event.v1",
        "event_time": "2026-01-05T08:00:00Z",
        "fact": {"kind": "signal", "item": "n", "value": str(number)},
    }
    return Draft(MACHINE, "test", asset, body)


def accept(spool: Spool, drafts: list[Draft], position: str = "0") -> None:
    admitted, refused = admit(drafts)
    assert not refused
    spool.accept(admitted, {"job": position})


def values(spool: Spool) -> list[dict[str, Any]]:
    """What waits, oldest first, read beside the spool."""
    with sqlite3.connect(spool.folder / "spool.sqlite3") as db:
        return [json.loads(row[0]) for row in db.execute("SELECT value FROM record ORDER BY id")]


def test_what_was_accepted_is_there_after_a_restart_in_order_and_numbered(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    accept(spool, [fact("m1", 1), fact("m2", 2), fact("m1", 3)], "3")
    spool.close()
    again = Spool(tmp_path, LIMIT)
    assert (again.records, again.position("job")) == (3, "3")
    assert [(v["asset"], v["sequence"], v["fact"]["value"]) for v in values(again)] == [
        ("m1", 1, "1"),
        ("m2", 1, "2"),
        ("m1", 2, "3"),
    ]
    accept(again, [fact("m1", 4)])
    assert values(again)[-1]["sequence"] == 3
    again.close()


def test_forwarded_records_are_forgotten_but_their_numbers_are_not(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    accept(spool, [fact("m1", i) for i in range(5)])
    spool.forwarded(spool.waiting(3, LIMIT))
    assert [v["sequence"] for v in values(spool)] == [4, 5]
    spool.forwarded(spool.waiting(100, LIMIT))
    assert (spool.records, spool.bytes, spool.oldest_accepted()) == (0, 0, 0.0)
    spool.close()
    again = Spool(tmp_path, LIMIT)
    accept(again, [fact("m1", 9)])
    assert values(again)[0]["sequence"] == 6
    again.close()


def test_the_record_carries_its_headers_and_its_key(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    accept(spool, [fact("m1", 1)])
    (stored,) = spool.waiting(1, LIMIT)
    headers = dict(stored.record.headers)
    assert (stored.record.topic, stored.record.key) == ("factory.machine.v1", b"m1")
    assert (headers["ce_id"], headers["ce_sequence"]) == (b"test/m1/1", b"%020d" % 1)
    spool.close()


def test_a_batch_that_fails_leaves_no_trace(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    accept(spool, [fact("m1", 1)], "1")
    admitted, _ = admit([fact("m1", 2)])
    spool._db.execute("PRAGMA query_only = ON")
    with pytest.raises(UserError, match="can't be written"):
        spool.accept(admitted, {"job": "2"})
    spool._db.execute("PRAGMA query_only = OFF")
    assert (spool.records, spool.position("job"), len(values(spool))) == (1, "1", 1)
    accept(spool, [fact("m1", 2)], "2")
    assert [v["sequence"] for v in values(spool)] == [1, 2]
    spool.close()


def test_a_full_disk_is_said_in_a_sentence(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(UserError, match=r"spool in .* can't be written \(database or disk is full\)"):
        accept(spool, [fact("m1", i) for i in range(2_000)])
    assert spool.records == 0
    spool.close()


def test_barriers_share_a_window_with_nothing_else(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    accept(spool, [fact("m1", 1), fact("m1", 2), asset(), asset(name="other"), fact("m1", 3)])
    sizes = []
    while window := spool.waiting(100, LIMIT):
        sizes.append(len(window))
        spool.forwarded(window)
    assert sizes == [2, 2, 1]
    spool.close()


def test_a_window_is_bounded_in_bytes(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    accept(spool, [fact("m1", i) for i in range(10)])
    one = spool.waiting(1, LIMIT)[0].size
    assert len(spool.waiting(100, one * 3)) in (2, 3)
    assert len(spool.waiting(100, 1)) == 1
    spool.close()


def test_the_version_of_an_asset_grows_only_when_its_content_changes(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    accept(spool, [asset(), asset(time="2026-02-01T00:00:00Z"), asset(name="other")])
    spool.close()
    again = Spool(tmp_path, LIMIT)
    accept(again, [asset(name="other")])
    assert [(v["version"], v["name"], v["event_time"][:10]) for v in values(again)] == [
        (1, "m1", "2026-01-05"),
        (1, "m1", "2026-01-05"),
        (2, "other", "2026-01-05"),
        (2, "other", "2026-01-05"),
    ]
    again.close()


def test_reference_events_have_no_sequence(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    body = {"type": "factory.order.v1", "event_time": "2026-01-05T08:00:00Z", "version": 7, "order": "o1", "customer": "acme",
            "part": "p", "line": "l", "planned": 1}  # fmt: skip
    accept(spool, [Draft(ORDER, "test", None, body), fact("m1", 1)])
    order, event = values(spool)
    assert (order["version"], "sequence" in order, event["sequence"]) == (7, False, 1)
    spool.close()


def test_it_says_when_it_is_full_and_when_there_is_room_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1_000)
    assert not spool.full
    accept(spool, [fact("m1", i) for i in range(10)])
    assert spool.full
    assert not spool.wait_for_room(lambda: True)
    spool.forwarded(spool.waiting(100, LIMIT))
    assert spool.wait_for_room(lambda: False)
    spool.close()


def test_two_gateways_do_not_share_a_folder(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    with pytest.raises(UserError, match="another gateway uses the data folder"):
        Spool(tmp_path, LIMIT)
    spool.close()
    Spool(tmp_path, LIMIT).close()


def test_a_folder_that_is_none_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="data folder"):
        Spool(tmp_path / "file", LIMIT)


def test_killed_again_and_again_it_goes_on_without_gap_or_duplicate(tmp_path: Path) -> None:
    for _ in range(4):
        child = subprocess.Popen([sys.executable, "-c", CRASHER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, env=path_env())
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        before = stored(tmp_path)
        until(lambda: stored(tmp_path) > before + 20)  # noqa: B023 - awaited within the turn
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
    spool = Spool(tmp_path, LIMIT)
    found = values(spool)
    assert len(found) == int(spool.position("job") or 0) > 0
    assert [v["sequence"] for v in found] == list(range(1, len(found) + 1))
    assert [v["fact"]["value"] for v in found] == [str(i) for i in range(len(found))]
    spool.close()


def stored(folder: Path) -> int:
    """How many records are on the disk."""
    with sqlite3.connect(folder / "spool.sqlite3") as db:
        return int(db.execute("SELECT count(*) FROM record").fetchone()[0])


def path_env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}


def asset(name: str = "m1", time: str = "2026-01-05T08:00:00Z") -> Draft:
    body = {"type": "factory.asset.v1", "event_time": time, "version": 1, "asset": "m1", "name": name, "site": "s", "area": "a",
            "line": "l"}  # fmt: skip
    return Draft(ASSET, "test", None, body, barrier=True)
