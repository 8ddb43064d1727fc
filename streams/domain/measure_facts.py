"""The facts behind measures: what of an event is kept, and which hours it can change."""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.events.heartbeat import Heartbeat
from schemas.events.inspection_result import InspectionResult
from schemas.events.machine_event import (
    EnergyRead,
    ExecutionChanged,
    MachineEvent,
    ModeChanged,
    OrderAssigned,
    PackMLChanged,
    StopCoded,
    UnitProduced,
)
from schemas.instant import HOUR_US, to_micros
from streams.domain.fact_series import ENDED, Entry, Kind, Verdict, entry, verdict_of
from streams.domain.hour_content import next_reading
from streams.domain.hour_record import Units
from streams.domain.line_basis import LineBasis
from streams.domain.time_elements import reach
from streams.domain.timeline import Timeline, hour_of

Source = MachineEvent | Heartbeat | InspectionResult


class Taken(NamedTuple):
    """One fact to keep: an entry of a kind, or units that left the asset (kind None)."""

    kind: Kind | None
    entry: Entry
    units: Units | None = None

    def insert(self, timeline: Timeline) -> None:
        """Put the fact where it belongs."""
        if self.kind is not None:
            timeline.insert(self.kind, self.entry)
        elif self.units is not None:
            timeline.produce(self.units, self.entry.offset)


def take(event: Source, offset: int) -> list[Taken]:
    """The facts of an event; none for one that only tells the time or is not about the first inspection of a unit."""

    def of(kind: Kind | None, value: str | None, units: Units | None = None) -> Taken:
        return Taken(kind, entry(time, event.sequence, event.source, value, offset), units)

    time = to_micros(event.event_time)
    if isinstance(event, Heartbeat):
        return [of(Kind.STATE, ENDED), of(Kind.MODE, ENDED)] if event.phase == "ending" else []
    if isinstance(event, InspectionResult):
        return [of(Kind.VERDICT, Verdict(event.unit, event.verdict, event.order or "").value)] if event.attempt == 1 else []
    match event.fact:
        case ExecutionChanged(state=state) | PackMLChanged(state=state):
            return [of(Kind.STATE, state.value)]
        case ModeChanged(mode=mode):
            return [of(Kind.MODE, mode)] if mode else []
        case OrderAssigned(order=order):
            return [of(Kind.ORDER, order)]
        case StopCoded(reason=reason):
            return [of(Kind.CODE, reason)]
        case EnergyRead(counter_kwh=counter):
            return [of(Kind.ENERGY, str(round(counter * 1000)))]
        case UnitProduced() as fact:
            units = Units(time, fact.produced, fact.scrap, fact.rework, fact.order or "", fact.part or "")
            return [of(None, None, units)]
    return []


def hours_reached(taken: Sequence[Taken], timeline: Timeline, basis: LineBasis, known: int) -> list[int]:
    """The hours that facts of one instant, inserted already, may have changed: a few too many, ascending."""
    first = taken[0].entry
    match taken[0].kind:
        case None:
            return [hour_of(first.time)]
        case Kind.ENERGY:
            return sorted({hour_of(first.time), hour_of(next_reading(timeline, first.time) or first.time)})
        case Kind.VERDICT:
            return sorted({hour_of(e.time) for e in timeline.verdicts[verdict_of(first).unit][:2]})
        case Kind.CODE:
            until = first.time + 1
        case _:
            until = max(timeline.next_time(t.kind, t.entry, known) for t in taken if t.kind is not None)
    around = reach(timeline.facts(known), basis, first.time, until)
    end = min(around.far + basis.reigns.longest_set_up, known)
    return [*range(hour_of(max(around.near, timeline.floor)), end + 1, HOUR_US)]
