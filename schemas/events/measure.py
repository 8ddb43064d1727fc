"""Measure: what can be added up, for one asset and one hour."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Closed, DerivedEvent, InputRange, Status, Window
from schemas.events.machine_event import Execution
from schemas.identity import AssetId, LineId, OrderId
from schemas.instant import Instant
from schemas.label import Export, Label


class AccountEntry(Closed):
    """Time that the asset spent in one execution state while on one order (null: on none)."""

    order: Annotated[OrderId | None, Label("Order id", Export.ALLOW)]
    execution: Annotated[Execution, Label("MTConnect execution state", Export.AGGREGATE)]
    duration_us: Annotated[int, Field(gt=0), Label("Time, exact", Export.AGGREGATE, unit="us")]


class Quantity(Closed):
    """Units of one order (null: of none) that left the asset (ISO 22400: PQ, SQ, RQ; GQ = PQ - SQ - RQ)."""

    order: Annotated[OrderId | None, Label("Order id", Export.ALLOW)]
    produced: Annotated[int, Field(ge=0), Label("PQ", Export.AGGREGATE, unit="1")]
    scrap: Annotated[int, Field(ge=0), Label("SQ", Export.AGGREGATE, unit="1")]
    rework: Annotated[int, Field(ge=0), Label("RQ", Export.AGGREGATE, unit="1")]


class Measure(DerivedEvent):
    """The whole account of one asset and hour. A higher revision REPLACES the lower one; sums over assets and hours then add.

    The entries of ``account`` add up to the time of [window.start, observed_until) for which a state is known.
    """

    TYPE: ClassVar[str] = "factory.measure.v1"
    STAGE: ClassVar[str] = "measure"

    type: Annotated[Literal["factory.measure.v1"], Label("Contract and version")] = "factory.measure.v1"
    asset: Annotated[AssetId, Label("Asset id")]
    line: Annotated[LineId, Label("Line of the asset")]
    window: Annotated[Window, Label("The hour", Export.AGGREGATE)]
    revision: Annotated[int, Field(ge=1), Label("Grows with each restatement", Export.ALLOW, unit="1")]
    status: Annotated[Status, Label("Whether the hour can still change in the ordinary way", Export.ALLOW)]
    observed_until: Annotated[Instant, Label("End of what is known of this hour", Export.AGGREGATE)]
    account: Annotated[list[AccountEntry], Label("Time per order and state, sorted", Export.AGGREGATE)]
    quantities: Annotated[list[Quantity], Label("Units per order, sorted", Export.AGGREGATE)]
    inputs: Annotated[list[InputRange], Label("Where the facts lie")]
    reason: Annotated[str | None, Field(max_length=200), Label("Why it was restated")] = None
