"""KpiValue: one KPI of one scope over one window, with what it was made from."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Closed, DerivedEvent, InputRange, Status, Window
from schemas.identity import EventId, OrderId
from schemas.label import Export, Label


class Kpi(StrEnum):
    """KPIs of ISO 22400-2:2014, Amd 1:2017, by the names used there."""

    AVAILABILITY = "availability"
    QUALITY_RATIO = "quality ratio"


class Scope(Closed):
    """What the number is about."""

    kind: Annotated[Literal["asset", "line", "order"], Label("Kind of scope", Export.ALLOW)]
    id: Annotated[OrderId, Label("Id of the asset, line or order", Export.ALLOW)]


class KpiValue(DerivedEvent):
    """value = numerator / denominator, both exact integers. A value is null only together with a ``null_reason``."""

    TYPE: ClassVar[str] = "factory.kpi-value.v1"
    STAGE: ClassVar[str] = "kpi"

    type: Annotated[Literal["factory.kpi-value.v1"], Label("Contract and version")] = "factory.kpi-value.v1"
    kpi: Annotated[Kpi, Label("Name of the KPI (ISO 22400-2)", Export.ALLOW)]
    scope: Annotated[Scope, Label("What it is about", Export.ALLOW)]
    window_kind: Annotated[Literal["hour", "order"], Label("Kind of window", Export.ALLOW)]
    window: Annotated[Window, Label("Window of event time", Export.ALLOW)]
    revision: Annotated[
        int, Field(ge=1), Label("Grows with each new value of the same KPI, scope and window", Export.ALLOW, unit="1")
    ]
    status: Annotated[Status, Label("provisional, final or restated", Export.ALLOW)]
    value: Annotated[float | None, Label("Ratio", Export.ALLOW, unit="1")]
    null_reason: Annotated[str | None, Field(max_length=200), Label("Why there is no value", Export.ALLOW)] = None
    numerator: Annotated[int, Label("Numerator", Export.AGGREGATE)]
    denominator: Annotated[int, Label("Denominator", Export.AGGREGATE)]
    input_unit: Annotated[Literal["us", "1"], Label("Unit of numerator and denominator", Export.ALLOW)]
    formula: Annotated[str, Field(max_length=100), Label("Formula and version", Export.ALLOW)]
    coverage: Annotated[
        float,
        Field(ge=0, le=1),
        Label("Share of the window in which a state other than UNAVAILABLE is known", Export.ALLOW, unit="1"),
    ]
    inputs: Annotated[list[InputRange], Label("Where the measures lie")]
    supersedes: Annotated[EventId | None, Label("Id of the value that this one replaces", Export.ALLOW)] = None
