"""Heartbeats: every 10 s of event time while a source speaks, one at the end of a silence, a last one at the end."""

from __future__ import annotations

import itertools
from pathlib import Path

from gateway_lab import BUNDLED_LOG, drafts, log_feed, replayed, write_log
from job_lab import items, report, write

from schemas.instant import parse, to_micros
from services.gateway.draft import Draft
from services.gateway.event_feed import EventFeed
from services.gateway.feed import Item
from services.gateway.heartbeat import BEAT_US
from services.gateway.replay import Pace, Replay


def beats(items: list[Item], topic: str = "factory.machine.v1") -> list[tuple[str, str, str]]:
    found = [d for d in drafts(items, "heartbeat.v1") if d.topic.name == topic]
    return [(str(d.asset), d.body["event_time"][11:19], d.body["phase"]) for d in found]


def test_a_replay_waits_by_event_time_and_no_longer_than_it_may(tmp_path: Path) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return False

    pace = Pace(10.0, 1.0, wait, lambda: 7.0 + sum(waits))
    path = write_log(tmp_path, [f"2019-06-06T08:{t}Z|Xload|1" for t in ("00:00", "00:05", "30:00", "30:05")])
    items = list(Replay([log_feed(path)], pace).items())
    assert [round(w, 3) for w in waits if w > 1e-6] == [1.0, 0.5, 1.0, 0.5]
    assert items == replayed(log_feed(path))


def test_one_every_ten_seconds_while_the_log_speaks(tmp_path: Path) -> None:
    lines = [f"2019-06-06T08:00:{s:02}Z|Xload|{s}" for s in range(0, 35, 3)]
    items = replayed(log_feed(write_log(tmp_path, ["2019-06-06T08:00:00Z|mode|MANUAL", *lines])))
    assert [b[1:] for b in beats(items)][1:] == [
        ("08:00:12", "alive"),
        ("08:00:24", "alive"),
        ("08:00:33", "ending"),
    ]
    assert beats(items) == beats(items, "factory.sensor.v1")


def test_hours_of_silence_take_one(tmp_path: Path) -> None:
    items = replayed(log_feed(write_log(tmp_path, ["2019-06-06T08:00:00Z|Xload|1", "2019-06-06T15:00:00Z|Xload|2"])))
    assert [b[1] for b in beats(items)] == ["08:00:00", "15:00:00", "15:00:00"]


def test_a_silent_machine_beats_once_a_minute_beside_a_speaking_one(tmp_path: Path) -> None:
    silent = tmp_path / "silent.ndjson"
    marks = [event("silent", "08:00:00"), event("silent", "08:10:00")]
    silent.write_text("\n".join(marks))
    busy = tmp_path / "busy.ndjson"
    busy.write_text("\n".join(event("busy", f"08:{m:02}:{s:02}") for m in range(10) for s in range(0, 60, 5)))
    items = replayed(EventFeed(silent, "s"), EventFeed(busy, "s"))
    times = [b[1] for b in beats(items) if b[0] == "silent" and b[2] == "alive"]
    assert times == [*(f"08:00:{s}" for s in (10, 20, 30, 40, 50)), *(f"08:0{m}:00" for m in range(1, 10)), "08:10:00"]
    busy_times = [b[1] for b in beats(items) if b[0] == "busy" and b[2] == "alive"]
    assert len(busy_times) == 59


def test_the_ending_is_the_last_record_and_comes_last_on_both_topics() -> None:
    items = replayed(log_feed(BUNDLED_LOG))
    last = items[-2:]
    assert all(isinstance(i, Draft) for i in last)
    assert [(d.topic.name, d.body["phase"]) for d in last if isinstance(d, Draft)] == [
        ("factory.sensor.v1", "ending"),
        ("factory.machine.v1", "ending"),
    ]
    assert {d.body["event_time"] for d in last if isinstance(d, Draft)} == {"2019-06-06T19:47:55.778585Z"}


def test_in_the_bundled_day_nothing_that_is_in_order_comes_after_a_later_heartbeat() -> None:
    behind = set()
    alive_us = 0
    for draft in drafts(replayed(log_feed(BUNDLED_LOG)), ".v1"):
        if draft.asset is None:
            continue
        time_us = to_micros(parse(draft.body["event_time"]))
        if draft.body["type"] == "factory.heartbeat.v1":
            assert time_us >= alive_us
            alive_us = time_us
        elif time_us < alive_us:
            behind.add(draft.body["event_time"])
    assert behind == {  # the three blocks that the log itself has out of order
        "2019-06-06T17:58:06.059519Z",
        "2019-06-06T18:42:43.872076Z",
        "2019-06-06T19:42:08.885133Z",
    }


def test_the_bundled_day_is_alive_every_ten_seconds_but_for_its_own_silences() -> None:
    items = replayed(log_feed(BUNDLED_LOG))
    times = [to_micros(parse(d.body["event_time"])) for d in drafts(items, "heartbeat.v1")]
    lines = sorted({to_micros(parse(d.body["event_time"])) for d in drafts(items, "sensor-frame.v1")})
    for before, after in itertools.pairwise(sorted(set(times))):
        inside = [t for t in lines if before < t < after - BEAT_US]
        assert len(inside) <= 5, f"{after - before} us without a beat although frames went"


# M1 |==08:00-08:30==|                 |==11:10-11:20==|
# M2 |===============08:00-12:00======================|
def test_an_asset_of_job_reports_beats_once_an_hour_and_ends_with_its_last_report(tmp_path: Path) -> None:
    rows = [report("08:00", "08:30"), report("11:10", "11:20"), report("08:00", "12:00", machine="M2")]
    found = beats(items(write(tmp_path, rows)))
    times = {asset: [(time, phase) for name, time, phase in found if name == asset] for asset in ("m1", "m2")}
    assert times["m1"] == [("09:00:00", "alive"), ("10:00:00", "alive"), ("11:00:00", "alive"), ("11:20:00", "ending")]
    assert times["m2"][-1] == ("12:00:00", "ending")


def test_an_asset_of_two_sources_ends_when_both_have_ended(tmp_path: Path) -> None:
    log = write_log(tmp_path, ["2019-06-06T08:00:00Z|Xload|1", "2019-06-06T08:00:05Z|Xload|2"])
    more = tmp_path / "plan.ndjson"
    more.write_text("\n".join([event("mazak01", "07:59:00"), event("mazak01", "08:00:30")]))
    items = replayed(log_feed(log), EventFeed(more, "simulator"))
    endings = [d for d in drafts(items, "heartbeat.v1") if d.body["phase"] == "ending"]
    assert {(d.source, d.body["event_time"][11:19]) for d in endings} == {("mtconnect-replay", "08:00:30")}
    assert len(endings) == 2


def event(asset: str, time: str) -> str:
    body = f'"asset": "{asset}", "fact": {{"kind": "mode", "mode": "{time}"}}'
    return f'{{"type": "factory.machine-event.v1", "event_time": "2019-06-06T{time}Z", {body}}}'
