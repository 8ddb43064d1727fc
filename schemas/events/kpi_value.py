"""KpiValue: one KPI of one scope over one window, with what it was made from."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Closed, DerivedEvent, InputRange, Status, Window
from schemas.identity import EventId, OrderId
from schemas.label import Export, Label


class Kpi(StrEnum):
    """KPIs of ISO 22400-2:2014, Amd 1:2017, by the names used there. NEE is the net equipment effectiveness index."""

    AVAILABILITY = "availability"
    EFFECTIVENESS = "effectiveness"
    QUALITY_RATIO = "quality ratio"
    OEE = "overall equipment effectiveness index"
    NEE = "net equipment effectiveness index"
    THROUGHPUT_RATE = "throughput rate"
    ALLOCATION_EFFICIENCY = "allocation efficiency"
    UTILISATION_EFFICIENCY = "utilisation efficiency"
    TECHNICAL_EFFICIENCY = "technical efficiency"
    SET_UP_RATE = "set-up rate"
    FIRST_PASS_YIELD = "first pass yield"
    SCRAP_RATIO = "scrap ratio"
    REWORK_RATIO = "rework ratio"
    MTBF = "mean time between failures"
    MTTF = "mean time to failure"
    MTTR = "mean time to repair"
    ENERGY_PER_UNIT = "energy per unit"
    ENERGY_PER_GOOD_UNIT = "energy per good unit"


ScopeKind = Literal["asset", "line", "site", "order", "part"]
WindowKind = Literal["hour", "shift", "day", "order"]
#: what a reader has to know before he acts on the number
KpiFlag = Literal["above one", "low speed", "low coverage", "unrated units"]


class Scope(Closed):
    """What the number is about."""

    kind: Annotated[ScopeKind, Label("Kind of scope", Export.ALLOW)]
    id: Annotated[OrderId, Label("Id of the asset, line, site, order or part", Export.ALLOW)]


class KpiValue(DerivedEvent):
    """value = numerator / denominator in ``unit``, both exact integers. Null only together with a ``null_reason``."""

    TYPE: ClassVar[str] = "factory.kpi-value.v1"
    STAGE: ClassVar[str] = "kpi"

    type: Annotated[Literal["factory.kpi-value.v1"], Label("Contract and version")] = "factory.kpi-value.v1"
    kpi: Annotated[Kpi, Label("Name of the KPI (ISO 22400-2)", Export.ALLOW)]
    scope: Annotated[Scope, Label("What it is about", Export.ALLOW)]
    window_kind: Annotated[WindowKind, Label("Kind of window", Export.ALLOW)]
    window_id: Annotated[str | None, Field(max_length=80), Label("Local date, or date and name of a shift", Export.ALLOW)] = None
    window: Annotated[Window, Label("Window of event time", Export.ALLOW)]
    revision: Annotated[
        int, Field(ge=1), Label("Grows with each new value of the same KPI, scope and window", Export.ALLOW, unit="1")
    ]
    status: Annotated[Status, Label("provisional, final or restated", Export.ALLOW)]
    value: Annotated[float | None, Label("The KPI", Export.ALLOW)]
    unit: Annotated[str, Field(max_length=16), Label("UCUM unit of the value", Export.ALLOW)] = "1"
    null_reason: Annotated[str | None, Field(max_length=200), Label("Why there is no value", Export.ALLOW)] = None
    numerator: Annotated[int, Label("Numerator", Export.AGGREGATE)]
    denominator: Annotated[int, Label("Denominator", Export.AGGREGATE)]
    formula: Annotated[str, Field(max_length=100), Label("Formula and version", Export.ALLOW)]
    terms: Annotated[
        dict[Annotated[str, Field(pattern=r"^[A-Za-z_]{1,32}$")], int],
        Field(max_length=20),
        Label("Sums that the formula names: times in us, energy in W.h, counts", Export.AGGREGATE),
    ] = {}
    flags: Annotated[list[KpiFlag], Field(max_length=8), Label("What to know before acting on it, sorted", Export.ALLOW)] = []
    coverage: Annotated[
        float,
        Field(ge=0, le=1),
        Label("Share of the planned time in which a state other than UNAVAILABLE is known", Export.ALLOW, unit="1"),
    ]
    calendar_version: Annotated[int | None, Label("Newest calendar in it; null for none", unit="1")] = None
    loss_model_version: Annotated[int | None, Label("Newest loss model in it; null for the default", unit="1")] = None
    restated_measures: Annotated[int, Field(ge=0), Label("Asset-hours in it that were restated", Export.ALLOW, unit="1")] = 0
    inputs: Annotated[list[InputRange], Label("Where the measures lie")]
    supersedes: Annotated[EventId | None, Label("Id of the value that this one replaces", Export.ALLOW)] = None
    delta: Annotated[float | None, Label("Value less the one replaced; null when one of them is", Export.ALLOW)] = None
    reason: Annotated[str | None, Field(max_length=200), Label("Why it was restated")] = None
