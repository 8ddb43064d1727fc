"""Batch oracle for a table of job reports: time and pieces straight from the rows, with the csv module and nothing of the gateway.

Which report is in force is looked up anew for each smallest piece of time among all reports of the resource. ``words`` is the
mapping as plain data. Times are integers, microseconds since 1970; ``hour`` is the start of an hour. The state is that of the
report: set-up, production or breakdown, and idle between the first start and the last complete where no report is in force.
"""

import csv
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

HOUR = 3_600_000_000
RANK = ["breakdown", "set-up", "production"]  # of equal starts the last wins
Words = dict[str, Any]
Row = dict[str, Any]


def rows(path: Path, words: Words) -> list[Row]:
    """The usable rows as {resource, order, kind, start, complete, pieces: (produced, scrap, rework)}, each once."""
    found: dict[str, Row] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for cells in csv.DictReader(file):
            if any(cells[c] not in allowed for c, allowed in words.get("where", {}).items()):
                continue
            row = _row(cells, words)
            if row is not None:
                found.setdefault(json.dumps({c: v for c, v in cells.items() if c not in words.get("ignore", [])}), row)
    return list(found.values())


def accounts(path: Path, words: Words) -> dict[tuple[str, int, str, str], int]:
    """(resource, hour, order or '', state) -> microseconds."""
    out: dict[tuple[str, int, str, str], int] = defaultdict(int)
    for resource, reports in _by_resource(rows(path, words)).items():
        timed = [(i, r) for i, r in enumerate(reports) if r["start"] < r["complete"]]
        marks = sorted({r[edge] for _, r in timed for edge in ("start", "complete")})
        hours = range(marks[0] // HOUR * HOUR + HOUR, marks[-1], HOUR) if marks else ()
        cuts = sorted({*marks, *hours})
        for begin, end in pairwise(cuts):
            cover = [(r["start"], RANK.index(r["kind"]), i, r) for i, r in timed if r["start"] <= begin and end <= r["complete"]]
            order, state = (max(cover)[3]["order"], max(cover)[3]["kind"]) if cover else ("", "idle")
            out[resource, begin // HOUR * HOUR, order, state] += end - begin
    return dict(out)


def seconds(path: Path, words: Words) -> dict[tuple[str, str], float]:
    """(resource, state) -> seconds."""
    out: dict[tuple[str, str], int] = defaultdict(int)
    for (resource, _, _, state), time in accounts(path, words).items():
        out[resource, state] += time
    return {key: time / 1e6 for key, time in out.items()}


def pieces(path: Path, words: Words) -> dict[tuple[str, int, str], tuple[int, int, int]]:
    """(resource, hour of the complete, order or '') -> (produced, scrap, rework), where any were produced."""
    out: dict[tuple[str, int, str], tuple[int, int, int]] = {}
    counted = words.get("pieces_at")
    for row in rows(path, words):
        if row["pieces"][0] and (counted is None or row["resource"] in counted):
            key = (row["resource"], row["complete"] // HOUR * HOUR, row["order"])
            p, s, r = (a + b for a, b in zip(out.get(key, (0, 0, 0)), row["pieces"], strict=True))
            out[key] = (p, s, r)
    return out


def order_pieces(path: Path, words: Words) -> dict[str, tuple[int, int, int]]:
    """order -> (produced, scrap, rework)."""
    out: dict[str, tuple[int, int, int]] = {}
    for (_, _, order), (p, s, r) in pieces(path, words).items():
        a, b, c = out.get(order, (0, 0, 0))
        out[order] = (a + p, b + s, c + r)
    return out


def _row(cells: dict[str, str], words: Words) -> Row | None:
    """None for a row that can't be used."""
    columns = words["columns"]
    try:
        starts = _instants(cells[columns["start"]], words["zone"])
        completes = _instants(cells[columns["complete"]], words["zone"])
        kind = words["reports"][cells[columns["report"]]]
        completed, rejected, held = (int(cells[columns[c]] or 0) if c in columns else 0 for c in ("completed", "rejected", "mrb"))
    except (ValueError, KeyError):
        return None
    start = starts[0]
    complete = completes[0] if completes[0] >= start else max(completes)
    if complete < start or min(completed, rejected, held) < 0 or not cells[columns["resource"]]:
        return None
    scrap = rejected + held
    produced = completed if words.get("completed_are") == "all" else completed + scrap
    if scrap > produced:
        return None
    flagged = "rework" in columns and cells[columns["rework"]] == "Y"
    return {
        "resource": cells[columns["resource"]],
        "order": cells[columns["order"]],
        "kind": kind,
        "start": start,
        "complete": complete,
        "pieces": (produced, scrap, produced - scrap if flagged else 0),
    }


def _instants(text: str, zone: str) -> list[int]:
    """The readings of a local time, the earlier first. A time that the clocks skipped has one: by the offset before the change."""
    local = datetime.fromisoformat(text)
    known = ZoneInfo(zone)
    utc = [local - (local.replace(tzinfo=known, fold=fold).utcoffset() or timedelta()) for fold in (0, 1)]
    there = [u for u in utc if u.replace(tzinfo=UTC).astimezone(known).replace(tzinfo=None) == local]
    return [round((u - datetime(1970, 1, 1)) / timedelta(microseconds=1)) for u in sorted(there) or [utc[0]]]


def _by_resource(found: list[Row]) -> dict[str, list[Row]]:
    out: dict[str, list[Row]] = defaultdict(list)
    for row in found:
        out[row["resource"]].append(row)
    return out
