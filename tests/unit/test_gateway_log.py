"""The layout of a recorded log: lines, broken lines, and on which day it begins."""

from __future__ import annotations

from pathlib import Path

import pytest
from gateway_lab import BUNDLED_LOG, write_log

from services.gateway.draft import text_of
from services.gateway.mtconnect_log import day_start, device_of, parse_line, read_lines
from services.gateway.observation import Condition, Observation, parse_instant
from services.runtime.errors import UserError

T = "2019-06-06T17:48:29.250Z"


def test_three_fields_are_a_value() -> None:
    assert parse_line(f"{T}|Xload|31") == Observation(parse_instant(T), "Xload", "31")


def test_seven_fields_are_a_condition() -> None:
    line = f"{T}|system_cond|Warning|1101|25|HIGH|INTERFERE"
    assert parse_line(line) == Observation(
        parse_instant(T), "system_cond", "", Condition("warning", "1101", "25", "HIGH", "INTERFERE")
    )


def test_an_empty_value_is_a_value() -> None:
    assert parse_line(f"{T}|program_cmt|").value == ""


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"{T}|Xload", "2 fields"),
        (f"{T}|Xload|1|2", "4 fields"),
        (f"{T}||1", "no name"),
        (f"{T}|cond|Broken||||", "level 'Broken'"),
        ("yesterday|Xload|1", "not a time"),
        ("2019-06-31T00:00:00Z|Xload|1", "not a time"),
        ("20190606T000000|Xload|1", "not a time"),
    ],
)
def test_a_broken_line_says_why(line: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_line(line)


def test_a_time_without_a_zone_is_utc_and_one_with_a_zone_is_moved() -> None:
    assert parse_instant("2019-06-06T17:48:29.250") == parse_instant(T) == parse_instant("2019-06-06T19:48:29.250+02:00")


def test_times_are_exact_to_the_microsecond() -> None:
    assert text_of(parse_instant("2019-06-06T19:47:55.778585Z")) == "2019-06-06T19:47:55.778585Z"


def test_lines_are_numbered_and_the_broken_ones_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(f"{T}|Xload|1\n\n{T}|Xload\n\xff\xfe|x|y\n{T}|Xload|2".encode("latin-1"))
    lines = list(read_lines(path))
    assert [(n.number, bool(n.observation), bool(n.problem), n.cut) for n in lines] == [
        (1, True, False, False),
        (2, False, False, False),
        (3, False, True, False),
        (4, False, True, False),
        (5, True, False, True),
    ]
    assert lines[3].problem == "not UTF-8"


def test_a_gzipped_log_reads_like_a_plain_one() -> None:
    lines = list(read_lines(BUNDLED_LOG))
    assert len(lines) == 16_572
    assert all(line.observation for line in lines)


def test_the_day_is_in_the_file_name() -> None:
    assert text_of(day_start(BUNDLED_LOG)) == "2019-06-06T00:00:00.000000Z"
    assert device_of(BUNDLED_LOG) == "Mazak01"


def test_without_a_name_the_first_item_that_is_named_again_tells_the_day(tmp_path: Path) -> None:
    old = "2019-05-15T07:00:43.343385Z"
    snapshot = [f"{old}|avail|UNAVAILABLE", f"{old}|mode|UNAVAILABLE", "2019-06-05T17:52:21Z|execution|UNAVAILABLE"]
    path = write_log(tmp_path, [*snapshot, f"{T}|execution|STOPPED", f"{T}|mode|MANUAL"], "log.txt")
    assert text_of(day_start(path)) == "2019-06-06T00:00:00.000000Z"


def test_the_bundled_log_tells_its_day_without_its_name(tmp_path: Path) -> None:
    path = tmp_path / "log.txt.gz"
    path.write_bytes(BUNDLED_LOG.read_bytes())
    assert day_start(path) == day_start(BUNDLED_LOG)


def test_a_log_that_is_only_a_snapshot_begins_with_its_newest_line(tmp_path: Path) -> None:
    path = write_log(tmp_path, ["2019-05-15T07:00:43Z|avail|AVAILABLE", "2019-06-05T17:00:00Z|mode|MANUAL"], "log.txt")
    assert text_of(day_start(path)) == "2019-06-05T00:00:00.000000Z"


def test_what_cannot_be_read_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        list(read_lines(tmp_path / "none.txt"))
    (tmp_path / "broken.txt.gz").write_bytes(b"no gzip")
    with pytest.raises(UserError, match="can't be read"):
        list(read_lines(tmp_path / "broken.txt.gz"))
    cut = tmp_path / "cut.txt.gz"
    cut.write_bytes(BUNDLED_LOG.read_bytes()[:5_000])
    with pytest.raises(UserError, match="can't be read"):
        list(read_lines(cut))
    with pytest.raises(UserError, match="no line of the form"):
        day_start(write_log(tmp_path, ["hello"], "words.txt"))
    with pytest.raises(UserError, match="is no date"):
        day_start(write_log(tmp_path, ["hello"], "Mazak01-20191399-20190607.txt"))
