"""Defect: one flaw found on one unit."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Closed, SourceEvent
from schemas.identity import ChannelName, OrderId, UnitId
from schemas.label import Export, Label


class Box(Closed):
    """A rectangle in the picture, from the top left corner."""

    x: Annotated[int, Field(ge=0), Label("Left", Export.ALLOW, unit="{pixel}")]
    y: Annotated[int, Field(ge=0), Label("Top", Export.ALLOW, unit="{pixel}")]
    width: Annotated[int, Field(ge=1), Label("Width", Export.ALLOW, unit="{pixel}")]
    height: Annotated[int, Field(ge=1), Label("Height", Export.ALLOW, unit="{pixel}")]


class Defect(SourceEvent):
    """Class, place and confidence of one flaw, with the model that found it."""

    TYPE: ClassVar[str] = "factory.defect.v1"

    type: Annotated[Literal["factory.defect.v1"], Label("Contract and version")] = "factory.defect.v1"
    unit: Annotated[UnitId, Label("Unit", Export.ALLOW)]
    order: Annotated[OrderId | None, Label("Order id", Export.ALLOW)] = None
    defect_class: Annotated[ChannelName, Label("Class of the flaw", Export.ALLOW)]
    box: Annotated[Box, Label("Where it is", Export.ALLOW)]
    confidence: Annotated[float, Field(ge=0, le=1), Label("Calibrated confidence", Export.ALLOW, unit="1")]
    heat_map: Annotated[str | None, Field(max_length=1000), Label("Path or URL of the heat map")] = None
    model: Annotated[str, Field(max_length=100), Label("Name and version of the model")]
