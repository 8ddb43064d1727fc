"""TwinState: the present state of an asset, a line or an order."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.envelope import Closed, DerivedEvent
from schemas.events.kpi_value import Scope
from schemas.events.machine_event import Execution
from schemas.identity import CustomerId, LineId, OrderId, PartId
from schemas.instant import Instant
from schemas.label import Export, Label
from schemas.packml import PackMLState


class AssetState(Closed):
    """What is known of an asset."""

    packml: Annotated[PackMLState | None, Label("PackML state; null when the machine is not connected")]
    execution: Annotated[Execution | None, Label("MTConnect execution state")]
    mode: Annotated[str | None, Label("Controller mode")]
    program: Annotated[str | None, Label("Program")]
    order: Annotated[OrderId | None, Label("Order in work")]
    produced: Annotated[int, Field(ge=0), Label("Units seen since the log began", unit="1")]
    scrap: Annotated[int, Field(ge=0), Label("Of them scrap", unit="1")]
    conditions: Annotated[list[str], Field(max_length=100), Label("Conditions at warning or fault, sorted")]
    open_alerts: Annotated[list[str], Field(max_length=500), Label("Rules with an alert raised, sorted")]


class LineState(Closed):
    """What is known of a line."""

    availability: Annotated[float | None, Label("Newest hourly availability", unit="1")]
    hour: Annotated[Instant | None, Label("Hour of that availability")]


class OrderState(Closed):
    """Progress of an order. Null fields: the order's own record has not been seen yet."""

    line: Annotated[LineId | None, Label("Line")]
    part: Annotated[PartId | None, Label("Part", Export.ALLOW)]
    customer: Annotated[CustomerId | None, Label("Customer")]
    planned: Annotated[int | None, Field(ge=0), Label("Units ordered", Export.ALLOW, unit="1")]
    due: Annotated[Instant | None, Label("Due", Export.ALLOW)]
    produced: Annotated[int, Field(ge=0), Label("Units produced (PQ)", Export.ALLOW, unit="1")]
    good: Annotated[int, Field(ge=0), Label("Good units (GQ)", Export.ALLOW, unit="1")]
    availability: Annotated[float | None, Label("Availability while on the order", Export.ALLOW, unit="1")]
    phase: Annotated[Literal["planned", "running", "complete"], Label("Phase of the order", Export.ALLOW)]


class TwinState(DerivedEvent):
    """The state after ``revision`` facts. Exactly one of asset, line and order is set, the one that ``scope`` names."""

    TYPE: ClassVar[str] = "factory.twin-state.v1"
    STAGE: ClassVar[str] = "twin"

    type: Annotated[Literal["factory.twin-state.v1"], Label("Contract and version")] = "factory.twin-state.v1"
    scope: Annotated[Scope, Label("What it is the state of", Export.ALLOW)]
    revision: Annotated[int, Field(ge=1), Label("Facts applied", Export.ALLOW, unit="1")]
    asset: Annotated[AssetState | None, Label("State of an asset")] = None
    line: Annotated[LineState | None, Label("State of a line")] = None
    order: Annotated[OrderState | None, Label("State of an order", Export.ALLOW)] = None

    @model_validator(mode="after")
    def _one(self) -> "TwinState":
        given = [kind for kind in ("asset", "line", "order") if getattr(self, kind) is not None]
        if given != [self.scope.kind]:
            raise ValueError(f"scope is {self.scope.kind}, but set: {', '.join(given) or 'nothing'}")
        return self
