"""Batch oracle for quantities: units, their planned run time, first inspections and energy, each where its instant lies.

Nothing is imported from the streams. Times are integers, microseconds since 1970.
"""

import itertools
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from oracle.calendar_days import CalendarPiece, Record
from oracle.element_spans import Plant, calendars, observed
from oracle.machine_records import HOUR, micros
from oracle.machine_timeline import changes, facts_of, in_order, value_at

#: names of what is counted, as in factory.measure.v1
COUNTED = ("produced", "scrap", "rework", "planned_run_us", "unrated", "inspected", "passed", "energy_wh")
Key = tuple[str, str | None, str | None, str | None]


class Count(NamedTuple):
    """``amount`` of what ``counted`` names, at one instant."""

    asset: str
    time: int
    day: str
    shift: str | None
    order: str | None
    part: str | None
    counted: str
    amount: int


def counts(plant: Plant) -> list[Count]:
    """Everything that is counted, not yet added up; nothing that is 0 but the units of a fact."""
    machine, inspection, known = facts_of(plant.machine), facts_of(plant.inspection), calendars(plant)
    out = []
    for asset, (start, end) in sorted(observed(plant).items()):
        planned = known[plant.lines[asset]].pieces(start, end + 1)
        orders = changes(machine.get(asset, []), "order", "order")
        told = [
            *_units(machine.get(asset, [])),
            *_energy(machine.get(asset, [])),
            *_inspections(inspection.get(asset, [])),
        ]
        for time, named, part, counted, amount in told:
            order = named if named is not None else value_at(orders, time)
            there = _piece(planned, time)
            amounts = _rated(plant, order, amount) if counted == "produced" else {}
            for name, n in {counted: amount, **amounts}.items():
                whose = part if part is not None else plant.part_of(order)
                out.append(Count(asset, time, there.day, there.shift, order, whose, name, n))
    return out


def hourly_counts(found: Iterable[Count]) -> dict[tuple[str, int], dict[Key, dict[str, int]]]:
    """(asset, hour) -> (day, shift, order, part) -> name -> sum."""
    out: dict[tuple[str, int], dict[Key, dict[str, int]]] = defaultdict(lambda: defaultdict(lambda: dict.fromkeys(COUNTED, 0)))
    for c in found:
        out[c.asset, c.time // HOUR * HOUR][c.day, c.shift, c.order, c.part][c.counted] += c.amount
    return {hour: dict(rows) for hour, rows in out.items()}


Told = tuple[int, str | None, str | None, str, int]  # time, named order, named part, what is counted, how much


def _units(records: Iterable[Record]) -> Iterator[Told]:
    for r in in_order(records, "produced"):
        fact = r["fact"]
        for name in ("produced", "scrap", "rework"):
            yield micros(r["event_time"]), fact.get("order"), fact.get("part"), name, fact.get(name, 0)


def _rated(plant: Plant, order: str | None, produced: int) -> dict[str, int]:
    """The planned run time of units, or that none is known."""
    record = plant.parts.get(order) if order is not None else None
    each = None if record is None else record.get("planned_run_time_us")
    return {"unrated": produced} if each is None else {"planned_run_us": produced * each}


def _energy(records: Iterable[Record]) -> Iterator[Told]:
    """What the counter rose by since the reading before; a new meter begins at its first reading."""
    readings = changes(records, "counter_kwh", "energy")
    for (_, before), (time, after) in itertools.pairwise(readings):
        yield time, None, None, "energy_wh", max(0, round(after * 1000) - round(before * 1000))


def _inspections(records: Iterable[Record]) -> Iterator[Told]:
    """Each unit once, at its first inspection; the newest verdict on that attempt counts, and an uncertain one is none yet."""
    by_unit: dict[str, list[Record]] = defaultdict(list)
    for r in sorted(records, key=lambda r: (micros(r["event_time"]), r["sequence"], r["source"])):
        if r.get("attempt", 1) == 1 and r["type"] == "factory.inspection-result.v1":
            by_unit[r["unit"]].append(r)
    for told in by_unit.values():
        first, newest = told[0], told[-1]
        if newest["verdict"] != "uncertain":
            yield micros(first["event_time"]), first.get("order"), None, "inspected", 1
        if newest["verdict"] == "pass":
            yield micros(first["event_time"]), first.get("order"), None, "passed", 1


def _piece(planned: Sequence[CalendarPiece], at: int) -> CalendarPiece:
    return planned[bisect_right(planned, at, key=lambda p: p.start) - 1]
