"""Tables: what a mapping may say, how cells become readings and states, and what is said of broken ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from gateway_lab import ROOT, drafts, rejects, replayed, shared, states

from services.gateway.csv_feed import CsvFeed, CsvMapping
from services.gateway.door import admit
from services.gateway.draft import Draft
from services.gateway.feeds import csv_feeds
from services.gateway.source_spec import CsvSpec
from services.runtime.errors import UserError

NAB = ROOT / "services" / "gateway" / "samples" / "nab"
PLAIN: dict[str, Any] = {"asset": "pump", "time": {"column": "t"}, "channels": {"temp": {"unit": "Cel", "high": 80}}}


def feed(folder: Path, rows: list[str], strict: bool = False, **words: Any) -> CsvFeed:
    path = folder / "table.csv"
    path.write_text("\n".join(rows) + "\n")
    return CsvFeed(path, CsvMapping.model_validate({**PLAIN, **words}), "csv", strict)


def readings(items: list[Any]) -> list[tuple[str, dict[str, list[float | None]]]]:
    return [(d.body["event_time"][:19], d.body["columns"]) for d in drafts(items, "sensor-frame.v1")]


def test_a_row_is_a_reading_of_each_channel(tmp_path: Path) -> None:
    channels = {"temp": {"unit": "Cel"}, "flow rate": {"unit": "L/min", "name": "flow"}}
    found = readings(replayed(feed(tmp_path, ["t,temp,flow rate,other", "2026-01-05T08:00:00Z,20.5,3,x"], channels=channels)))
    assert found == [("2026-01-05T08:00:00", {"temp": [20.5], "flow": [3.0]})]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ({"column": "t"}, "2026-01-05T08:00:00+00:00"),
        ({"column": "t", "format": "unix"}, "1767600000"),
        ({"column": "t", "format": "unix_ms"}, "1767600000000"),
        ({"column": "t", "format": "%d.%m.%Y %H:%M:%S"}, "05.01.2026 08:00:00"),
        ({"column": "t", "format": "%d.%m.%Y %H:%M:%S", "zone": "Asia/Shanghai"}, "05.01.2026 16:00:00"),
        ({"column": "t", "zone": "Europe/Berlin"}, "2026-01-05T09:00:00"),
    ],
)
def test_times_are_read_in_their_format_and_zone(tmp_path: Path, column: dict[str, str], text: str) -> None:
    assert readings(replayed(feed(tmp_path, ["t,temp", f"{text},1"], time=column)))[0][0] == "2026-01-05T08:00:00"


def test_a_local_time_that_comes_twice_means_the_first(tmp_path: Path) -> None:
    rows = ["t,temp", "2025-10-26T02:30:00,1"]
    found = readings(replayed(feed(tmp_path, rows, time={"column": "t", "zone": "Europe/Berlin"})))
    assert found[0][0] == "2025-10-26T00:30:00"


def test_a_state_column_becomes_execution_facts_where_it_changes(tmp_path: Path) -> None:
    rows = ["t,temp,run", *(f"2026-01-05T08:00:0{i}Z,1,{r}" for i, r in enumerate("01100"))]
    table = feed(tmp_path, rows, state={"column": "run", "values": {"0": "STOPPED", "1": "ACTIVE"}})
    assert [s for _, s in states(replayed(table))] == ["STOPPED", "ACTIVE", "STOPPED"]
    assert table.tally.lines["repeated"] == 2


def test_an_empty_cell_is_no_reading_and_a_word_is_set_aside(tmp_path: Path) -> None:
    rows = ["t,temp", "2026-01-05T08:00:00Z,", "2026-01-05T08:00:01Z,NaN", "2026-01-05T08:00:02Z,hot", "2026-01-05T08:00:03Z,4"]
    table = feed(tmp_path, rows)
    items = replayed(table)
    assert len(readings(items)) == 1
    assert [r.origin for r in rejects(items)] == ["table.csv:4"]
    assert table.tally.lines == {"unavailable": 2, "malformed": 1, "reading": 1}
    assert table.tally.read == sum(table.tally.lines.values())


@pytest.mark.parametrize("row", ["2026-01-05T08:00:00Z", "2026-01-05T08:00:00Z,1,2", "soon,1", "99999-01-05T08:00:00Z,1"])
def test_a_broken_row_is_set_aside_or_with_strict_an_error(tmp_path: Path, row: str) -> None:
    rows = ["t,temp", "2026-01-05T08:00:00Z,1", row]
    assert [r.origin for r in rejects(replayed(feed(tmp_path, rows)))] == ["table.csv:3"]
    with pytest.raises(UserError, match=r"table.csv:3: "):
        replayed(feed(tmp_path, rows, strict=True))


def test_a_state_that_the_mapping_does_not_explain_is_set_aside(tmp_path: Path) -> None:
    table = feed(tmp_path, ["t,temp,run", "2026-01-05T08:00:00Z,1,7"], state={"column": "run", "values": {"1": "ACTIVE"}})
    assert "which the mapping does not explain" in rejects(replayed(table))[0].reason


def test_other_separators_and_decimals(tmp_path: Path) -> None:
    found = readings(replayed(feed(tmp_path, ["t;temp", "2026-01-05T08:00:00Z;20,5"], delimiter=";", decimal=",")))
    assert found[0][1] == {"temp": [20.5]}


def test_a_table_without_the_columns_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"table .* has no column temp; it has t, x"):
        replayed(feed(tmp_path, ["t,x", "1,2"]))


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ("{", "is not JSON"),
        ("{}", "asset: Field required"),
        (json.dumps({**PLAIN, "channels": {}}), "channels"),
        (json.dumps({**PLAIN, "time": {"column": "t", "zone": "Mars/Olympus"}}), "no IANA time zone"),
        (json.dumps({**PLAIN, "channels": {"temp": {"unit": "Cel", "max": 3}}}), "channels.temp.max"),
        (json.dumps({**PLAIN, "state": {"column": "s", "values": {"1": "DANCING"}}}), "state.values.1"),
    ],
)
def test_a_malformed_mapping_is_said_in_a_sentence(tmp_path: Path, mapping: str, reason: str) -> None:
    path = tmp_path / "mapping.json"
    path.write_text(mapping)
    with pytest.raises(UserError, match=reason) as failure:
        csv_feeds(CsvSpec(paths=[tmp_path / "table.csv"], mapping=path))
    assert str(path) in str(failure.value)


def test_the_bundled_table_with_its_mapping() -> None:
    (table,) = csv_feeds(CsvSpec(paths=[NAB / "machine_temperature.csv"], mapping=NAB / "mapping.json"))
    items = replayed(table)
    assert table.tally.readings == 864
    channel = drafts(items, "asset.v1")[0].body["channels"]["temperature"]
    said = {"unit": "[degF]", "low": 60.0, "high": 105.0, "deadband": 2.0, "priority": "high"}
    assert {name: channel[name] for name in said} == said  # all else is as a channel is by default
    assert not admit([i for i in items if isinstance(i, Draft)])[1]


def test_a_gzipped_table_reads_like_a_plain_one(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress((NAB / "machine_temperature.csv").read_bytes()))
    (table,) = csv_feeds(CsvSpec(paths=[path], mapping=NAB / "mapping.json"))
    replayed(table)
    assert table.tally.readings == 864


def test_a_recorded_test_rig() -> None:
    path = shared("skab/data/valve1/0.csv")
    channels = {"Accelerometer1RMS": {"unit": "[g]"}, "Volume Flow RateRMS": {"unit": "L/min"}, "Temperature": {"unit": "Cel"}}
    mapping = {
        "asset": "rig",
        "delimiter": ";",
        "time": {"column": "datetime", "format": "%Y-%m-%d %H:%M:%S"},
        "channels": channels,
    }
    table = CsvFeed(path, CsvMapping.model_validate(mapping), "csv")
    items = replayed(table)
    rows = len(path.read_text().splitlines()) - 1
    assert table.tally.readings == rows * 3
    assert "Volume-Flow-RateRMS" in drafts(items, "sensor-frame.v1")[0].body["columns"]
