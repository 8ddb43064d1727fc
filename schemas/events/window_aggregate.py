"""WindowAggregate: statistics of one channel over one window."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import DerivedEvent, InputRange, Window
from schemas.identity import AssetId, ChannelName
from schemas.label import DataClass, Export, Label


class WindowAggregate(DerivedEvent):
    """n, mean, standard deviation (n - 1), extremes and root mean square of the readings in ``window``."""

    TYPE: ClassVar[str] = "factory.window-aggregate.v1"
    STAGE: ClassVar[str] = "aggregate"

    type: Annotated[Literal["factory.window-aggregate.v1"], Label("Contract and version")] = "factory.window-aggregate.v1"
    asset: Annotated[AssetId, Label("Asset id")]
    channel: Annotated[ChannelName, Label("Channel")]
    unit: Annotated[str, Field(max_length=32), Label("UCUM unit of the values")]
    window: Annotated[Window, Label("Window of event time", Export.AGGREGATE)]
    n: Annotated[int, Field(ge=1), Label("Readings", Export.AGGREGATE, unit="1")]
    mean: Annotated[float, Label("Arithmetic mean", Export.AGGREGATE, DataClass.GENERAL_1)]
    sd: Annotated[
        float | None,
        Label("Standard deviation with n - 1; null for one reading", Export.AGGREGATE, DataClass.GENERAL_1),
    ]
    min: Annotated[float, Label("Smallest", Export.DENY, DataClass.GENERAL_1)]
    max: Annotated[float, Label("Largest", Export.DENY, DataClass.GENERAL_1)]
    rms: Annotated[float, Label("Root mean square", Export.AGGREGATE, DataClass.GENERAL_1)]
    inputs: Annotated[list[InputRange], Label("Where the readings lie")]
