"""The made-up job reports go through the whole line, and the states that come out are those of the rows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from demo_run import all_gone, factorystream, processes_of, succeeded
from job_lab import KIND, REPORTS, SAMPLE, WORDS
from oracle import job_reports as oracle

ASSETS = {
    "Lathe 1 - Turning": "lathe-1-turning",
    "Mill 2 - Milling & Drilling": "mill-2-milling-drilling",
    "Inspection": "inspection",
}


def test_the_sample_gives_the_seconds_of_its_rows_and_names_the_two_that_are_none(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    done = factorystream("replay", "jobs", REPORTS, "--mapping", SAMPLE / "mapping.toml", "--data-dir", folder)
    assert done.error.startswith("2 lines were left out, the first at reports.csv:20 (column complete: ")
    assert "2 overlapping reports" in done.out
    rows = succeeded(factorystream("query", "states", "--data-dir", folder, "--json")).json
    seconds: Counter[tuple[str, str]] = Counter()
    for row in rows:
        seconds[row["asset"], KIND[row["state"]]] += row["seconds"]
    assert dict(seconds) == {(ASSETS[name], kind): s for (name, kind), s in oracle.seconds(REPORTS, WORDS).items()}
    assert all_gone(processes_of(folder))
