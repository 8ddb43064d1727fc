"""Measure: what can be added up, for one asset and one hour."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Closed, DerivedEvent, InputRange, Status, Window
from schemas.events.machine_event import MachineState
from schemas.identity import AssetId, LineId, OrderId, PartId
from schemas.instant import Instant
from schemas.label import Export, Label
from schemas.time_element import TimeElement

LocalDate = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
#: ``2026-11-24/night``: the local date on which it starts and its name in the calendar
ShiftId = Annotated[str, Field(min_length=12, max_length=75)]


class AccountEntry(Closed):
    """Time that the asset spent in one state while on one order (null: on none)."""

    order: Annotated[OrderId | None, Label("Order id", Export.ALLOW)]
    state: Annotated[MachineState, Label("MTConnect execution state or PackML state", Export.AGGREGATE)]
    duration_us: Annotated[int, Field(gt=0), Label("Time, exact", Export.AGGREGATE, unit="us")]


class ElementEntry(Closed):
    """Time of one element of ISO 22400-2 in one day, shift (null: outside of shifts), order and part (null: of none)."""

    day: Annotated[LocalDate, Label("Local date", Export.ALLOW)]
    shift: Annotated[ShiftId | None, Label("Shift", Export.ALLOW)]
    order: Annotated[OrderId | None, Label("Order id", Export.ALLOW)]
    part: Annotated[PartId | None, Label("Part of the order", Export.ALLOW)]
    element: Annotated[TimeElement, Label("Time element", Export.AGGREGATE)]
    reason: Annotated[str | None, Field(max_length=64), Label("Coded reason of a stop", Export.AGGREGATE)] = None
    duration_us: Annotated[int, Field(gt=0), Label("Time, exact", Export.AGGREGATE, unit="us")]
    begun: Annotated[int, Field(ge=0), Label("How many spans of it began within", Export.AGGREGATE, unit="1")]


class Quantity(Closed):
    """What was made and used in one day, shift, order and part (ISO 22400: PQ, SQ, RQ; GQ = PQ - SQ - RQ)."""

    day: Annotated[LocalDate, Label("Local date", Export.ALLOW)]
    shift: Annotated[ShiftId | None, Label("Shift", Export.ALLOW)]
    order: Annotated[OrderId | None, Label("Order id", Export.ALLOW)]
    part: Annotated[PartId | None, Label("Part", Export.ALLOW)]
    produced: Annotated[int, Field(ge=0), Label("PQ", Export.AGGREGATE, unit="1")]
    scrap: Annotated[int, Field(ge=0), Label("SQ", Export.AGGREGATE, unit="1")]
    rework: Annotated[int, Field(ge=0), Label("RQ", Export.AGGREGATE, unit="1")]
    planned_run_us: Annotated[int, Field(ge=0), Label("PRU of each produced unit, added up", Export.AGGREGATE, unit="us")] = 0
    unrated: Annotated[int, Field(ge=0), Label("Produced units without a known PRU", Export.AGGREGATE, unit="1")] = 0
    inspected: Annotated[int, Field(ge=0), Label("IP: units whose first inspection this was", Export.AGGREGATE, unit="1")] = 0
    passed: Annotated[int, Field(ge=0), Label("GP: of them those that passed at once", Export.AGGREGATE, unit="1")] = 0
    energy_wh: Annotated[int, Field(ge=0), Label("Energy by the counter", Export.AGGREGATE, unit="W.h")] = 0


class NamedWindow(Closed):
    """A day or a shift that this hour has or had a part in."""

    kind: Annotated[Literal["shift", "day"], Label("Kind of window", Export.ALLOW)]
    id: Annotated[str, Field(max_length=80), Label("Local date, or date and name of the shift", Export.ALLOW)]
    window: Annotated[Window, Label("Its bounds", Export.ALLOW)]


class Measure(DerivedEvent):
    """The whole account of one asset and hour. A higher revision REPLACES the lower one; sums over assets and hours then add.

    The entries of ``account`` add up to the time of [window.start, observed_until) for which a state is known, those of
    ``elements`` to all of it. Orders, parts, days and shifts that an earlier revision named and this one does not have any more
    stay in ``quantities`` and ``windows`` with zeros, so that sums by them learn of it.
    """

    TYPE: ClassVar[str] = "factory.measure.v1"
    STAGE: ClassVar[str] = "measure"

    type: Annotated[Literal["factory.measure.v1"], Label("Contract and version")] = "factory.measure.v1"
    asset: Annotated[AssetId, Label("Asset id")]
    line: Annotated[LineId, Label("Line of the asset")]
    site: Annotated[AssetId | None, Label("Site of the asset")] = None
    window: Annotated[Window, Label("The hour", Export.AGGREGATE)]
    revision: Annotated[int, Field(ge=1), Label("Grows with each restatement", Export.ALLOW, unit="1")]
    status: Annotated[Status, Label("Whether the hour can still change in the ordinary way", Export.ALLOW)]
    due: Annotated[bool, Label("Whether days and shifts add it up: since it was final, or a source had ended in it", Export.ALLOW)]
    observed_until: Annotated[Instant, Label("End of what is known of this hour", Export.AGGREGATE)]
    account: Annotated[list[AccountEntry], Label("Time per order and state, sorted", Export.AGGREGATE)]
    elements: Annotated[list[ElementEntry], Label("Time per element, sorted", Export.AGGREGATE)]
    quantities: Annotated[list[Quantity], Label("Units per day, shift, order and part, sorted", Export.AGGREGATE)]
    windows: Annotated[list[NamedWindow], Label("Days and shifts of this hour, sorted", Export.ALLOW)]
    calendar_version: Annotated[int | None, Label("Calendar behind it; null for none", Export.ALLOW, unit="1")] = None
    loss_model_version: Annotated[int | None, Label("Loss model behind it; null for the default", Export.ALLOW, unit="1")] = None
    inputs: Annotated[list[InputRange], Label("Where the facts lie")]
    reason: Annotated[str | None, Field(max_length=200), Label("Why it was restated")] = None
