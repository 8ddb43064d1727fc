"""What the tests of job reports share: tables, their events as they pass the door, and the accounts that these events give."""

from __future__ import annotations

import csv
import json
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gateway_lab import ROOT, replayed, shared

from schemas.envelope import Event, SourceEvent
from schemas.events.asset import Asset
from schemas.events.heartbeat import Heartbeat
from schemas.events.machine_event import MachineEvent, OrderAssigned, PackMLChanged, UnitProduced
from schemas.events.order import Order
from schemas.instant import to_micros
from schemas.registry import MACHINE
from services.gateway.door import admit, numbered
from services.gateway.draft import Draft
from services.gateway.feed import Feed, Item
from services.gateway.job_feed import Import, JobFeed, JobOrders
from services.gateway.job_mapping import JobMapping
from services.gateway.job_table import JobTable, read_table

SAMPLE = ROOT / "services" / "gateway" / "samples" / "job_reports"
REPORTS = SAMPLE / "reports.csv"
WORDS: dict[str, Any] = tomllib.loads((SAMPLE / "mapping.toml").read_text())
KIND = {"Execute": "production", "Stopped": "set-up", "Aborted": "breakdown", "Idle": "idle"}
HEAD = ("order", "machine", "start", "complete", "type", "completed", "rejected", "held", "rework", "part", "ordered")
PLAIN: dict[str, Any] = {
    "customer": "c",
    "line": "line-1",
    "zone": "UTC",
    "reports": {"S": "set-up", "P": "production", "B": "breakdown"},
    "columns": {
        "order": "order", "resource": "machine", "start": "start", "complete": "complete", "report": "type",
        "completed": "completed", "rejected": "rejected", "mrb": "held", "rework": "rework", "part": "part",
        "order_quantity": "ordered",
    },
}  # fmt: skip
HOUR = 3_600_000_000


def recorded() -> tuple[Path, dict[str, Any]]:
    """Three months of a real machining firm with its mapping; the test is skipped where they are not. The zone is not published."""
    columns = {
        "order": "Case ID", "resource": "Resource", "activity": "Activity", "start": "start", "complete": "complete",
        "report": "Report Type", "completed": "Qty Completed", "rejected": "Qty Rejected", "mrb": "Qty for MRB", "rework": "Rework",
        "part": "Part Desc.", "order_quantity": "Work Order Qty",
    }  # fmt: skip
    words = {
        **PLAIN,
        "columns": columns,
        "reports": {"S": "set-up", "D": "production", "B": "breakdown"},
        "where": {"match": ["ok"]},
        "ignore": ["row_in_raw"],
    }
    return shared("levy_production/joined_dev.csv"), words


def report(start: str, complete: str, kind: str = "P", machine: str = "M1", order: str = "PO-1", **cells: object) -> dict[str, str]:
    """One row; a time without a date is of 2026-01-05."""
    given = {
        "order": order, "machine": machine, "type": kind, "completed": 0, "rejected": 0, "held": 0, "rework": "", "part": "Bolt",
        "ordered": 10, "start": start if "T" in start else f"2026-01-05T{start}",
        "complete": complete if "T" in complete else f"2026-01-05T{complete}",
    }  # fmt: skip
    return {name: str(value) for name, value in {**given, **cells}.items()}


def write(folder: Path, rows: Iterable[dict[str, str]], name: str = "reports.csv", head: Sequence[str] = HEAD) -> Path:
    """A table of these rows."""
    path = folder / name
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, head)
        writer.writeheader()
        writer.writerows(rows)
    return path


def table(path: Path, words: dict[str, Any] | None = None, strict: bool = False) -> JobTable:
    """A table read."""
    return read_table([path], JobMapping.model_validate(PLAIN if words is None else words), strict)


def feeds(path: Path, words: dict[str, Any] | None = None, source: str = "job-reports") -> list[Feed]:
    """The feeds of a table."""
    found = table(path, words)
    made = Import.of(source, [path], found.mapping)
    return [JobOrders(found, made), *(JobFeed(found, resource, made) for resource in found.reports)]


def items(path: Path, words: dict[str, Any] | None = None) -> list[Item]:
    """All items of a replay of a table."""
    return replayed(*feeds(path, words))


def events(found: Sequence[Item], most_rejected: int = 0) -> list[tuple[Draft, Event]]:
    """The events behind the door, numbered as the spool numbers them, each with its draft."""
    admitted, refused = admit([i for i in found if isinstance(i, Draft)])
    assert len(refused) <= most_rejected, refused
    numbers: Counter[str] = Counter()
    out: list[tuple[Draft, Event]] = []
    for draft, event in admitted:
        if isinstance(event, SourceEvent):
            numbers[event.asset] += 1
            event = numbered(event, numbers[event.asset])
        out.append((draft, event))
    return out


def names(found: Iterable[tuple[Draft, Event]]) -> dict[str, str]:
    """asset -> name of its resource."""
    return {e.asset: e.name for _, e in found if isinstance(e, Asset)}


def machine_log(found: Iterable[tuple[Draft, Event]]) -> list[MachineEvent | Heartbeat]:
    """What goes to factory.machine.v1, in the order sent."""
    return [e for d, e in found if d.topic is MACHINE and isinstance(e, MachineEvent | Heartbeat)]


def event_accounts(found: Sequence[tuple[Draft, Event]]) -> dict[tuple[str, int, str, str], int]:
    """(resource, hour, order or '', state) -> microseconds, by a walk through the facts in the order sent."""
    out: dict[tuple[str, int, str, str], int] = defaultdict(int)
    last: dict[str, tuple[int, str, str]] = {}
    name = names(found)
    for event in machine_log(found):
        now = to_micros(event.event_time)
        since, order, state = last.get(event.asset, (now, "", ""))
        assert now >= since, f"{event.event_id} goes back in time"
        while state and since < now:
            until = min(now, since // HOUR * HOUR + HOUR)
            out[name[event.asset], since // HOUR * HOUR, order, state] += until - since
            since = until
        if isinstance(event, MachineEvent) and isinstance(event.fact, PackMLChanged):
            state = KIND[event.fact.state]
        elif isinstance(event, MachineEvent) and isinstance(event.fact, OrderAssigned):
            order = event.fact.order or ""
        last[event.asset] = (now, order, state)
    return dict(out)


def event_pieces(found: Sequence[tuple[Draft, Event]]) -> dict[tuple[str, int, str], tuple[int, int, int]]:
    """(resource, hour, order or '') -> (produced, scrap, rework)."""
    out: dict[tuple[str, int, str], tuple[int, int, int]] = {}
    name = names(found)
    for event in machine_log(found):
        if isinstance(event, MachineEvent) and isinstance(event.fact, UnitProduced):
            fact = event.fact
            key = (name[event.asset], to_micros(event.event_time) // HOUR * HOUR, fact.order or "")
            p, s, r = out.get(key, (0, 0, 0))
            out[key] = (p + fact.produced, s + fact.scrap, r + fact.rework)
    return out


def orders(found: Iterable[tuple[Draft, Event]]) -> dict[str, Order]:
    """The records of orders by id."""
    return {e.order: e for _, e in found if isinstance(e, Order)}


def by_order_id(keys: dict[Any, Any]) -> dict[Any, Any]:
    """The same with the order of each key as an id: of the names here only blanks change."""
    return {tuple(k.replace(" ", "-") if i == 2 else k for i, k in enumerate(key)): v for key, v in keys.items()}


def facts(found: Sequence[tuple[Draft, Event]], asset: str) -> list[str]:
    """``08:00 Execute`` of each fact of an asset, in the order sent; orders as ``order PO-1``, pieces as ``12/1/0 PO-1``."""
    out = []
    for event in machine_log(found):
        if event.asset != asset or not isinstance(event, MachineEvent):
            continue
        fact = json.loads(event.fact.model_dump_json())
        text = {
            "packml": lambda f: f["state"],
            "stop": lambda f: f"({f['reason']})",
            "order": lambda f: f"order {f['order'] or '-'}",
            "produced": lambda f: f"{f['produced']}/{f['scrap']}/{f['rework']} {f['order'] or '-'}",
            "signal": lambda f: f"{f['item']} {f['value']}",
        }[fact["kind"]](fact)
        out.append(f"{event.event_time:%H:%M} {text}")
    return out
