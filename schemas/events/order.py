"""Order: what a customer ordered, and where it is to be made."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import ReferenceEvent
from schemas.events.machine_event import MAX_UNITS
from schemas.identity import CustomerId, LineId, OrderId, PartId
from schemas.instant import Instant
from schemas.label import Export, Label


class Order(ReferenceEvent):
    """A production order for one customer on one line."""

    TYPE: ClassVar[str] = "factory.order.v1"

    type: Annotated[Literal["factory.order.v1"], Label("Contract and version")] = "factory.order.v1"
    order: Annotated[OrderId, Label("Order id", Export.ALLOW)]
    customer: Annotated[CustomerId, Label("Customer")]
    part: Annotated[PartId, Label("Part", Export.ALLOW)]
    line: Annotated[LineId, Label("Line")]
    planned: Annotated[int, Field(ge=1, le=MAX_UNITS), Label("Units ordered", Export.ALLOW, unit="1")]
    due: Annotated[Instant | None, Label("Due", Export.ALLOW)] = None
    planned_run_time_us: Annotated[int | None, Field(ge=1), Label("Planned run time per unit (ISO 22400 PRU)", unit="us")] = None
    simulated: Annotated[bool, Label("True when it comes from the simulator")] = False

    @property
    def subject(self) -> str:
        return self.order
