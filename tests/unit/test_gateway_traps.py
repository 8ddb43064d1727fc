"""The traps of a real log: ages-old snapshot, lines out of order, repeats on reconnect, silence, broken lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from gateway_lab import BUNDLED_LOG, drafts, facts, log_feed, rejects, replayed, states, write_log

from services.gateway.door import admit
from services.gateway.draft import Draft
from services.runtime.errors import UserError

DAY = "2019-06-06T00:00:00.000000Z"


def at(time: str) -> str:
    """A time of the day as an event says it."""
    return f"2019-06-06T{time}.000000Z"


def test_the_snapshot_holds_from_the_start_of_the_day_and_says_since_when(tmp_path: Path) -> None:
    path = write_log(
        tmp_path,
        [
            "2019-05-15T07:00:43Z|mode|MANUAL",
            "2019-06-05T17:52:21Z|execution|STOPPED",
            "2019-06-05T17:52:21Z|Xload|31",
            "2019-06-06T08:00:00Z|execution|ACTIVE",
        ],
    )
    feed = log_feed(path)
    items = replayed(feed)
    sent = {(d.body["fact"]["kind"], d.body["event_time"], d.body.get("since")) for d in drafts(items, "machine-event.v1")}
    assert sent == {
        ("mode", DAY, "2019-05-15T07:00:43.000000Z"),
        ("execution", DAY, "2019-06-05T17:52:21.000000Z"),
        ("execution", at("08:00:00"), None),
    }
    assert drafts(items, "sensor-frame.v1") == []  # a reading of yesterday is no reading of today
    assert (feed.tally.lines["snapshot"], feed.tally.snapshot_facts) == (3, 2)


def test_of_several_snapshot_lines_of_an_item_the_newest_counts(tmp_path: Path) -> None:
    path = write_log(
        tmp_path,
        ["2019-06-05T10:00:00Z|execution|READY", "2019-06-04T10:00:00Z|execution|STOPPED", "2019-06-06T08:00:00Z|execution|ACTIVE"],
    )
    assert states(replayed(log_feed(path)))[0] == (DAY, "READY")


def test_a_snapshot_line_that_comes_late_still_holds_from_the_start_of_the_day(tmp_path: Path) -> None:
    path = write_log(
        tmp_path,
        ["2019-06-05T10:00:00Z|execution|READY", "2019-06-06T00:00:10Z|execution|ACTIVE", "2019-06-05T23:59:50Z|execution|STOPPED"],
    )
    assert states(replayed(log_feed(path))) == [(DAY, "READY"), (at("00:00:10"), "ACTIVE"), (DAY, "STOPPED")]


def test_without_a_snapshot_line_nothing_is_said_before_the_first_line(tmp_path: Path) -> None:
    path = write_log(tmp_path, ["2019-06-06T05:00:00Z|execution|UNAVAILABLE", "2019-06-06T05:00:00Z|mode|MANUAL"])
    assert states(replayed(log_feed(path))) == [(at("05:00:00"), "UNAVAILABLE")]


def test_a_late_line_keeps_its_true_time_and_its_place_in_the_file(tmp_path: Path) -> None:
    path = write_log(
        tmp_path,
        ["2019-06-06T08:00:00Z|execution|ACTIVE", "2019-06-06T09:00:00Z|execution|READY", "2019-06-06T08:30:00Z|execution|STOPPED"],
    )
    feed = log_feed(path)
    assert states(replayed(feed)) == [(at("08:00:00"), "ACTIVE"), (at("09:00:00"), "READY"), (at("08:30:00"), "STOPPED")]
    assert (feed.tally.steps_back, feed.tally.late) == (1, 1)


def test_a_repeat_is_no_news_but_moves_time_on(tmp_path: Path) -> None:
    lines = ["2019-06-06T08:00:00Z|execution|UNAVAILABLE"] + [f"2019-06-06T08:0{i}:00Z|execution|UNAVAILABLE" for i in range(1, 4)]
    feed = log_feed(write_log(tmp_path, lines))
    items = replayed(feed)
    assert states(items) == [(at("08:00:00"), "UNAVAILABLE")]
    assert feed.tally.lines["repeated"] == 3
    assert drafts(items, "heartbeat.v1")[-1].body["event_time"] == at("08:03:00")


def test_a_repeat_that_a_late_line_turns_into_a_change_is_sent_after_all(tmp_path: Path) -> None:
    path = write_log(
        tmp_path,
        [
            "2019-06-06T08:00:00Z|execution|ACTIVE",
            "2019-06-06T08:10:00Z|execution|ACTIVE",
            "2019-06-06T08:05:00Z|execution|READY",
        ],
    )
    feed = log_feed(path)
    assert states(replayed(feed)) == [(at("08:00:00"), "ACTIVE"), (at("08:05:00"), "READY"), (at("08:10:00"), "ACTIVE")]
    assert feed.tally.restored == 1


def test_a_channel_that_is_unavailable_gives_no_reading(tmp_path: Path) -> None:
    feed = log_feed(write_log(tmp_path, ["2019-06-06T08:00:00Z|Xload|UNAVAILABLE", "2019-06-06T08:00:01Z|Xload|5"]))
    (frame,) = drafts(replayed(feed), "sensor-frame.v1")
    assert frame.body["columns"] == {"Xload": [5.0]}
    assert (feed.tally.lines["unavailable"], feed.tally.readings) == (1, 1)


def test_a_malformed_line_is_set_aside_with_file_and_line(tmp_path: Path) -> None:
    lines = [
        "2019-06-06T08:00:00Z|Xload|5",
        "2019-06-06T08:00:01Z|Xload|five",
        "2019-06-06T08:00:01Z|Xload|nan",
        "2019-06-06T08:00:01Z|Xload|1e300",
        "2019-06-06T08:00:02Z|servo_cond|ok",
        "2019-06-06T08:00:02Z|Xload|Normal||||",
        "what?",
    ]
    feed = log_feed(write_log(tmp_path, lines))
    found = rejects(replayed(feed))
    assert [r.origin.rpartition(":")[2] for r in found] == ["2", "3", "4", "5", "6", "7"]
    assert [r.record for r in found] == lines[1:]
    assert "Xload is a channel, and 'five' is not a finite number" in found[0].reason
    assert feed.tally.lines["malformed"] == 6


def test_strict_makes_a_malformed_line_an_error(tmp_path: Path) -> None:
    path = write_log(tmp_path, ["2019-06-06T08:00:00Z|Xload|5", "what?"])
    with pytest.raises(UserError, match=r"Mazak01-20190606-20190607.txt line 2: 1 fields"):
        replayed(log_feed(path, strict=True))


def test_a_blank_line_and_a_last_line_cut_off_are_tolerated_and_counted(tmp_path: Path) -> None:
    path = write_log(tmp_path, ["2019-06-06T08:00:00Z|Xload|5", ""])
    path.write_text(path.read_text() + "2019-06-06T08:00:01Z|Xlo")
    feed = log_feed(path, strict=True)
    assert len(rejects(replayed(feed))) == 1
    assert (feed.tally.lines["blank"], feed.tally.lines["truncated"]) == (1, 1)


def test_a_second_day_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    first = write_log(tmp_path, ["2019-06-06T08:00:00Z|execution|ACTIVE", "2019-06-06T09:00:00Z|execution|READY"])
    second = write_log(
        tmp_path,
        ["2019-06-06T09:00:00Z|execution|READY", "2019-06-06T09:00:00Z|mode|MANUAL", "2019-06-07T08:00:00Z|execution|ACTIVE"],
        "Mazak01-20190607-20190608.txt",
    )
    items = replayed(log_feed(second, first))
    assert states(items) == [(at("08:00:00"), "ACTIVE"), (at("09:00:00"), "READY"), ("2019-06-07T08:00:00.000000Z", "ACTIVE")]
    assert facts(items, "mode") == [("2019-06-07T00:00:00.000000Z", {"kind": "mode", "mode": "MANUAL"})]
    beats = [d.body for d in drafts(items, "heartbeat.v1")]
    assert [b["phase"] for b in beats].count("ending") == 2  # once for both days, on both topics
    assert beats[-1]["event_time"] == "2019-06-07T08:00:00.000000Z"


def test_every_line_of_the_bundled_day_ends_in_one_class_and_every_draft_passes_the_door() -> None:
    feed = log_feed(BUNDLED_LOG)
    items = replayed(feed)
    assert feed.tally.read == sum(feed.tally.lines.values()) == 16_572
    admitted, refused = admit([i for i in items if isinstance(i, Draft)])
    assert not refused
    assert len(admitted) == len(items)
    assert feed.tally.steps_back == 3


def test_a_snapshot_line_that_makes_no_sense_is_set_aside_like_any_other(tmp_path: Path) -> None:
    lines = ["2019-05-15T07:00:43Z|servo_cond|ok", "2019-05-15T07:00:43Z|mode|MANUAL", "2019-06-06T08:00:00Z|mode|AUTOMATIC"]
    feed = log_feed(write_log(tmp_path, lines))
    items = replayed(feed)
    assert [(r.origin, r.record) for r in rejects(items)] == [("Mazak01-20190606-20190607.txt:1", lines[0])]
    assert [fact["mode"] for _, fact in facts(items, "mode")] == ["MANUAL", "AUTOMATIC"]
    assert feed.tally.read == sum(feed.tally.lines.values())


def test_a_line_stamped_after_the_days_of_the_file_does_not_carry_time_with_it(tmp_path: Path) -> None:
    lines = ["2019-06-06T08:00:00Z|mode|MANUAL", "2091-06-06T08:00:01Z|mode|AUTOMATIC", "2019-06-06T08:00:20Z|mode|EDIT"]
    items = replayed(log_feed(write_log(tmp_path, lines)))
    assert [r.reason for r in rejects(items)] == ["stamped after the last day in the name of the file"]
    assert [fact["mode"] for _, fact in facts(items, "mode")] == ["MANUAL", "EDIT"]
    assert drafts(items, "heartbeat.v1")[-1].body["event_time"] == at("08:00:20")
