"""OutboundEvent: what one customer may be shown, if the gate agrees."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Closed, DerivedEvent, Status, Window
from schemas.events.kpi_value import Kpi
from schemas.identity import CustomerId, EventId, OrderId, PartId
from schemas.instant import Instant
from schemas.label import DataClass, Export, Label


class OrderProgress(Closed):
    """Progress of the customer's order."""

    product: Annotated[Literal["order"], Label("Product", Export.ALLOW, DataClass.GENERAL_4)] = "order"
    order: Annotated[OrderId, Label("Order id", Export.ALLOW)]
    part: Annotated[PartId, Label("Part", Export.ALLOW)]
    planned: Annotated[int, Field(ge=0), Label("Units ordered", Export.ALLOW, unit="1")]
    produced: Annotated[int, Field(ge=0), Label("Units produced (PQ)", Export.ALLOW, unit="1")]
    good: Annotated[int, Field(ge=0), Label("Good units (GQ)", Export.ALLOW, unit="1")]
    phase: Annotated[Literal["planned", "running", "complete"], Label("Phase", Export.ALLOW)]
    due: Annotated[Instant | None, Label("Due", Export.ALLOW)] = None
    revision: Annotated[int, Field(ge=1), Label("Revision of the state", Export.ALLOW, unit="1")]


class OrderKpi(Closed):
    """A KPI of the customer's order."""

    product: Annotated[Literal["kpi"], Label("Product", Export.ALLOW, DataClass.GENERAL_4)] = "kpi"
    order: Annotated[OrderId, Label("Order id", Export.ALLOW)]
    kpi: Annotated[Kpi, Label("Name (ISO 22400-2)", Export.ALLOW)]
    kpi_id: Annotated[EventId, Label("Id of the value", Export.ALLOW)]
    window: Annotated[Window, Label("Window", Export.ALLOW)]
    revision: Annotated[int, Field(ge=1), Label("Revision", Export.ALLOW, unit="1")]
    status: Annotated[Status, Label("Status", Export.ALLOW)]
    value: Annotated[float | None, Label("Ratio", Export.AGGREGATE, unit="1")]
    null_reason: Annotated[str | None, Label("Why there is no value", Export.ALLOW)] = None
    n: Annotated[int, Field(ge=0), Label("Units behind the value", Export.ALLOW, unit="1")]
    coverage: Annotated[float, Field(ge=0, le=1), Label("Share of the window observed", Export.ALLOW, unit="1")]
    supersedes: Annotated[EventId | None, Label("Id of the value replaced", Export.ALLOW)] = None


Product = Annotated[OrderProgress | OrderKpi, Field(discriminator="product")]


class OutboundEvent(DerivedEvent):
    """Addressed to one customer. It leaves only if the policy of this customer permits it, field by field."""

    TYPE: ClassVar[str] = "factory.outbound-event.v1"
    STAGE: ClassVar[str] = "publish"

    type: Annotated[Literal["factory.outbound-event.v1"], Label("Contract and version", Export.ALLOW)] = "factory.outbound-event.v1"
    customer: Annotated[CustomerId, Label("Customer it is for")]
    subject: Annotated[OrderId, Label("Order it is about", Export.ALLOW)]
    payload: Annotated[Product, Label("What the customer reads", Export.ALLOW)]
