"""Events as JSON lines: recorded, and followed while another program writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO

import pytest
from gateway_lab import Taken, drafts, rejects, replayed, running, until

from services.gateway.door import admit
from services.gateway.draft import Draft
from services.gateway.event_feed import EventFeed
from services.gateway.event_follow import EventFollow
from services.gateway.event_line import EventLine, parse_event
from services.gateway.feed import Reject
from services.runtime.errors import UserError


def mode(second: int, asset: str = "m1", word: str = "") -> str:
    fact = {"kind": "mode", "mode": word or str(second)}
    return json.dumps({"type": "factory.machine-event.v1", "event_time": at(second), "asset": asset, "fact": fact})


def mark(second: int, asset: str = "m1", phase: str = "ending") -> str:
    return json.dumps({"type": "factory.heartbeat.v1", "event_time": at(second), "asset": asset, "phase": phase})


def at(second: int) -> str:
    return f"2026-01-05T08:{second // 60:02}:{second % 60:02}Z"


ORDER = {
    "type": "factory.order.v1",
    "event_time": at(0),
    "version": 1,
    "order": "o-1",
    "customer": "acme",
    "part": "p",
    "line": "l",
    "planned": 5,
}


def test_a_fact_an_order_and_a_frame_find_their_topics(tmp_path: Path) -> None:
    frame = {"type": "factory.sensor-frame.v1", "event_time": at(1), "asset": "m1", "times_us": [0], "columns": {"t": [20.5]}}
    path = tmp_path / "events.ndjson"
    path.write_text("\n".join([json.dumps(ORDER), json.dumps(frame), mode(2)]))
    feed = EventFeed(path, "simulator")
    items = replayed(feed)
    assert [i.topic.name for i in items if isinstance(i, Draft)][:3] == [
        "factory.order.v1",
        "factory.sensor.v1",
        "factory.machine.v1",
    ]
    assert feed.tally.readings == 1
    admitted, refused = admit([i for i in items if isinstance(i, Draft)])
    assert not refused
    assert {e.event_source for _, e in admitted} == {"/factory/reference", "/factory/simulator"}


CALENDAR = {
    "type": "factory.calendar.v1",
    "event_time": at(0),
    "version": 3,
    "line": "l",
    "zone": "Europe/Berlin",
    "valid_from": at(0),
    "shifts": [{"name": "night", "days": ["mon"], "start": "22:00", "end": "06:00"}],
}
LOSS_MODEL = {"type": "factory.loss-model.v1", "event_time": at(0), "version": 2, "line": "l", "valid_from": at(0)}


def test_calendars_and_loss_models_are_published_like_orders_and_go_before_the_data(tmp_path: Path) -> None:
    path = tmp_path / "reference.ndjson"
    path.write_text("\n".join([mode(0), *(json.dumps(e) for e in (ORDER, CALENDAR, LOSS_MODEL)), mode(2)]))
    items = replayed(EventFeed(path, "erp"))
    assert not rejects(items)
    taken = Taken(tmp_path)
    taken.intake.put(items, {})
    windows = []
    while window := taken.spool.waiting(100, 1_000_000):
        windows.append([(stored.record.topic, stored.record.key.decode()) for stored in window if stored.record.key != b"m1"])
        taken.spool.forwarded(window)
    assert windows == [
        [],
        [("factory.order.v1", "o-1"), ("factory.calendar.v1", "l/3"), ("factory.loss-model.v1", "l/2")],  # the version as given
        [],
    ]
    taken.close()


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"zone": "Europe/Nowhere"}, "zone", "is no IANA time zone"),
        ({"holidays": ["2026-02-30"]}, "", "2026-02-30 is no date"),
        ({"shifts": [{"name": "a", "days": ["mon"], "start": "24:00", "end": "06:00"}]}, "shifts.0.start", "pattern"),
        ({"valid_from": None}, "valid_from", "string"),
    ],
)
def test_a_calendar_that_is_wrong_is_turned_away_with_the_field(change: dict[str, object], field: str, reason: str) -> None:
    line = parse_event(json.dumps({**CALENDAR, **change}), "erp", "calendars.ndjson:1")
    assert isinstance(line, EventLine) and line.draft is not None
    admitted, (refused,) = admit([line.draft])
    assert not admitted
    assert (refused.origin, refused.field) == ("calendars.ndjson:1", field)
    assert reason in refused.reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "Expecting"),
        ("[]", "not a JSON object"),
        ('{"type": "factory.kpi-value.v1", "event_time": "2026-01-05T08:00:00Z"}', "not one that a source sends"),
        ('{"type": "factory.machine-event.v1", "event_time": "soon", "asset": "m1"}', "not a time"),
        ('{"type": "factory.machine-event.v1", "event_time": "2026-01-05T08:00:00Z"}', "asset is missing"),
    ],
)
def test_a_line_that_is_no_event_says_why(line: str, reason: str) -> None:
    found = parse_event(line, "simulator", "file:1")
    assert isinstance(found, Reject)
    assert reason in found.reason


def test_the_numbers_of_another_source_are_not_believed() -> None:
    body = {**json.loads(mode(1)), "source": "other", "sequence": 99}
    line = parse_event(json.dumps(body), "simulator", "file:1")
    assert isinstance(line, EventLine)
    assert line.draft is not None
    assert {"source", "sequence"} & set(line.draft.body) == set()


def test_sources_are_merged_by_event_time(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("\n".join(mode(s, word="one") for s in (1, 4, 9)))
    two.write_text("\n".join(mode(s, word="two") for s in (2, 3, 8)))
    items = replayed(EventFeed(one, "a"), EventFeed(two, "b"))
    assert [d.body["fact"]["mode"] for d in drafts(items, "machine-event.v1")] == ["one", "two", "two", "one", "two", "one"]


def test_bad_lines_are_set_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text("\n".join([mode(1), "{", "", mode(2)]))
    feed = EventFeed(path, "simulator")
    items = replayed(feed)
    assert [r.origin for r in rejects(items)] == ["events.ndjson:2"]
    assert feed.tally.lines == {"event": 2, "malformed": 1, "blank": 1}


def test_a_file_that_is_missing_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="can't be read"):
        replayed(EventFeed(tmp_path / "none", "simulator"))


def test_a_growing_file_is_followed_and_a_half_line_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "live.ndjson"
    taken = Taken(tmp_path)
    with running(EventFollow(path, "simulator"), taken):
        until(lambda: taken.said)  # waiting for the file
        with path.open("w") as file:
            print(mode(1), file=file, flush=True)
            until(lambda: len(taken.events("mode")) == 1)
            file.write(mode(2)[:40])
            file.flush()
            print(mode(2)[40:], file=file, flush=True)
            until(lambda: len(taken.events("mode")) == 2)
    taken.close()


def test_a_line_that_is_written_while_the_file_is_looked_at_is_taken_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "live.ndjson"
    path.write_text(mode(1) + "\n")
    looks = iter(range(2, 6))

    def written_meanwhile(follow: EventFollow, file: BinaryIO, offset: int) -> bool:
        with path.open("a") as more:
            more.writelines(mode(i) + "\n" for i in [*looks][:4])
        return look(follow, file, offset)

    look = EventFollow._replaced
    monkeypatch.setattr(EventFollow, "_replaced", written_meanwhile)
    taken = Taken(tmp_path)
    with running(EventFollow(path, "simulator"), taken):
        until(lambda: len(taken.events("mode")) >= 5)
    taken.close()
    assert [e["fact"]["mode"] for e in taken.events("mode")] == ["1", "2", "3", "4", "5"]


def test_after_a_restart_it_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "live.ndjson"
    path.write_text(mode(1) + "\n" + mode(2) + "\n")
    for count in (2, 4):
        taken = Taken(tmp_path)
        with running(EventFollow(path, "simulator"), taken):
            until(lambda: len(taken.events("mode")) == count)  # noqa: B023 - awaited within the turn
        taken.close()
        with path.open("a") as file:
            file.write(mode(3) + "\n" + mode(4) + "\n")
    assert [e["fact"]["mode"] for e in taken.events("mode")] == ["1", "2", "3", "4"]
    assert [e["sequence"] for e in taken.events()] == [1, 2, 3, 4]


def test_another_file_of_that_name_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "live.ndjson"
    path.write_text(mode(1) + "\n" + mode(2) + "\n")
    taken = Taken(tmp_path)
    with running(EventFollow(path, "simulator"), taken):
        until(lambda: len(taken.events("mode")) == 2)
        path.unlink()
        path.write_text(mode(61, word="new") + "\n")
        until(lambda: len(taken.events("mode")) == 3)
    taken.close()
    path.write_text(mode(122, word="newer") + "\n" + mode(123, word="newest") + "\n")
    taken = Taken(tmp_path)
    with running(EventFollow(path, "simulator"), taken):
        until(lambda: len(taken.events("mode")) == 5)
    assert any("another file than before" in text for text in taken.said)
    taken.close()


def test_it_ends_when_every_asset_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "live.ndjson"
    path.write_text("\n".join([mode(1, "m1"), mode(1, "m2"), mark(30, "m1"), mark(31, "m2")]) + "\n")
    taken = Taken(tmp_path)
    with running(EventFollow(path, "simulator"), taken):
        until(lambda: len([e for e in taken.events("heartbeat") if e["phase"] == "ending"]) == 4)
    endings = {(e["asset"], e["event_time"][14:19]) for e in taken.events("heartbeat") if e["phase"] == "ending"}
    assert endings == {("m1", "00:30"), ("m2", "00:31")}
    taken.close()
