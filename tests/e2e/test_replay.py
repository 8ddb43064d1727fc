"""Any machine-day goes through the whole line, and what comes out equals an independent reading of the log."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from demo_run import ROOT, Done, all_gone, factorystream, processes_of, succeeded
from oracle.mtconnect_log import log_accounts, log_window

from schemas.instant import from_micros, rfc3339

SHARED = Path(os.environ.get("FACTORYSTREAM_NIST_SMS", ROOT.parent / "shared/data/nist_sms"))
SAMPLE = ROOT / "services/gateway/samples/nist_sms/raw/Mazak01/Mazak01-20190606-20190607.txt.gz"
DAYS = sorted(p for p in SHARED.glob("raw/*/*.txt") if p.name != SAMPLE.name.removesuffix(".gz"))
HOUR = 3_600_000_000


def beginning(folder: Path) -> Path:
    """The first 200 lines of the bundled day as a log of its own."""
    path = folder / SAMPLE.name.removesuffix(".gz")
    with gzip.open(SAMPLE, "rt") as file:
        path.write_text("".join(islice(file, 200)))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def short_day(tmp_path: Path) -> Path:
    return beginning(tmp_path)


def expected_states(log: Path, asset: str) -> list[dict[str, object]]:
    """What ``query states`` must say of the log."""
    last = log_window(log)[1]
    rows = [
        {
            "asset": asset,
            "start": rfc3339(from_micros(hour)),
            "end": rfc3339(from_micros(min(hour + HOUR, last))),
            "state": state,
            "seconds": micros / 1e6,
        }
        for (hour, state), micros in log_accounts(log).items()
        if micros
    ]
    return sorted(rows, key=lambda row: (row["start"], row["state"]))


def availability(states: list[dict[str, object]]) -> dict[object, float]:
    """ACTIVE / (all - UNAVAILABLE) per hour of which at least half is known, from rows of states."""
    spent: dict[object, dict[object, float]] = defaultdict(lambda: defaultdict(float))
    for row in states:
        spent[row["start"]][row["state"]] += float(str(row["seconds"]))
    observed = {row["start"]: _seconds(row) for row in states}
    known = {hour: (s["ACTIVE"], sum(s.values()) - s["UNAVAILABLE"]) for hour, s in spent.items()}
    return {hour: round(active / busy, 9) for hour, (active, busy) in known.items() if busy and busy / observed[hour] >= 0.5}


def _seconds(row: dict[str, object]) -> float:
    """From the start of an hour to where it is known."""
    start, end = (datetime.fromisoformat(str(row[name])) for name in ("start", "end"))
    return (end - start).total_seconds()


def hourly(k: dict[str, Any]) -> bool:
    """Whether a KPI is of an hour of an asset."""
    return (k["scope"]["kind"], k["window_kind"]) == ("asset", "hour")


@pytest.mark.parametrize("log", DAYS or [None], ids=lambda log: log.stem if log else "none")
def test_a_day_that_is_not_bundled_gives_the_states_of_its_log(log: Path | None, folder: Path) -> None:
    if log is None:
        pytest.skip(f"the machine-days of the NIST test bed are not at {SHARED}")
    asset = log.name.split("-")[0].lower()
    summary = succeeded(factorystream("replay", "mtconnect", log, "--data-dir", folder, "--json")).json
    assert (summary["malformed"], summary["waiting"]) == (0, 0)
    assert summary["lines"] == len(log.read_text().splitlines())
    assert all_gone(processes_of(folder))

    states = succeeded(factorystream("query", "states", "--data-dir", folder, "--json")).json
    expected = expected_states(log, asset)
    assert states == expected

    kpis = succeeded(factorystream("query", "kpi", "--data-dir", folder, "--kpi", "availability", "--json")).json
    values = {k["window"]["start"]: round(k["value"], 9) for k in kpis if hourly(k) and k["value"] is not None}
    assert values == availability(expected)
    assert all_gone(processes_of(folder))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("short")


@pytest.fixture(scope="module")
def day(place: Path) -> Path:
    return beginning(place)


@pytest.fixture(scope="module")
def replayed(place: Path, day: Path) -> Done:
    return succeeded(factorystream("replay", "mtconnect", day, "--data-dir", place / "data"))


def test_it_says_what_it_did_and_what_it_handled(replayed: Done) -> None:
    assert replayed.out.startswith("200 lines became ")
    assert "handled: 86 lines of the first snapshot" in replayed.out


@pytest.mark.usefixtures("replayed")
def test_the_same_recording_again_is_taken_in_once(place: Path, day: Path) -> None:
    before = factorystream("query", "states", "--data-dir", place / "data", "--json").json
    again = succeeded(factorystream("replay", "mtconnect", day, "--data-dir", place / "data", "--json")).json
    assert again["events"] == {}
    assert factorystream("query", "states", "--data-dir", place / "data", "--json").json == before


@pytest.mark.usefixtures("replayed")
def test_tail_prints_what_is_there_as_json_lines(place: Path) -> None:
    words = ("tail", "machine", "--from-start", "--count", "3", "--json", "--data-dir", place / "data")
    records = [json.loads(line) for line in succeeded(factorystream(*words)).out.splitlines()]
    assert [r["event"]["asset"] for r in records] == ["mazak01"] * 3
    assert {r["topic"] for r in records} == {"factory.machine.v1"}


@pytest.mark.usefixtures("replayed")
def test_status_counts_what_is_kept_when_nothing_runs(place: Path) -> None:
    status = succeeded(factorystream("status", "--data-dir", place / "data", "--json")).json
    assert (status["running"], status["services"]) == (False, [])
    assert status["topics"]["factory.machine.v1"] > 0


@pytest.mark.usefixtures("replayed")
def test_the_topics_are_as_declared(place: Path) -> None:
    difference = succeeded(factorystream("topics", "diff", "--data-dir", place / "data", "--json")).json
    assert difference == {"needs_work": False, "differences": []}


@pytest.mark.usefixtures("replayed")
def test_a_malformed_line_is_named_and_the_rest_is_processed(place: Path, day: Path) -> None:
    bad = place / "Mazak09-20190606-20190607.txt"
    bad.write_text(day.read_text() + "2019-06-06T18:00:00Z|one field too|many|by far\n")
    done = factorystream("replay", "mtconnect", bad, "--data-dir", place / "data")
    assert done.error.startswith(f"1 line was left out, the first at {bad.name}:201 (4 fields: a line has 3, a condition 7); ")
    rejects = (place / "data/gateway/replay/rejects.ndjson").read_text().splitlines()
    assert [json.loads(line)["record"] for line in rejects] == ["2019-06-06T18:00:00Z|one field too|many|by far"]
    states = factorystream("query", "states", "--scope", "mazak09", "--data-dir", place / "data", "--json").json
    assert {row["asset"] for row in states} == {"mazak09"}


def test_a_malformed_line_can_be_refused_before_anything_is_sent(short_day: Path, folder: Path) -> None:
    short_day.write_text(short_day.read_text() + "nonsense\n")
    done = factorystream("replay", "mtconnect", "--strict", short_day, "--data-dir", folder)
    assert done.error == f"{short_day} line 201 is no MTConnect line (1 fields: a line has 3, a condition 7); nothing was sent"
    assert not folder.exists()


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("option", ["--port", "--api-port"])
def test_a_busy_port_is_one_sentence(option: str, busy_port: int, folder: Path) -> None:
    done = factorystream("demo", "--once", option, str(busy_port), "--data-dir", folder)
    assert done.error.startswith(f"port {busy_port} on 127.0.0.1 is in use by another program")
    assert not folder.exists()


def test_no_network_at_the_first_start_is_one_sentence(short_day: Path, folder: Path, tmp_path: Path) -> None:
    nowhere = {"HOME": str(tmp_path / "home"), "FACTORYSTREAM_CACHE": str(tmp_path / "cache")}
    nowhere["FACTORYSTREAM_MAVEN_REPOSITORY"] = "http://127.0.0.1:9"  # where nothing listens
    done = factorystream("replay", "mtconnect", short_day, "--data-dir", folder, **nowhere)
    assert done.error.startswith("no network: Apache Kafka")
    assert not folder.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 20 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small file system can't be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_one_sentence(small_disk: Path, short_day: Path) -> None:
    done = factorystream("replay", "mtconnect", short_day, "--data-dir", small_disk / "data")
    assert "is full" in done.error
    assert str(small_disk) in done.error
    assert all_gone(processes_of(small_disk))


def test_a_log_that_is_none_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a log\n")
    done = factorystream("replay", "mtconnect", text, "--data-dir", folder)
    assert done.error == f"log {text} has no line of the form time|item|value"
    assert all_gone(processes_of(folder))
