"""ControlLimits: the limits of a control chart, as phase 1 has made them."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import DerivedEvent, Window
from schemas.events.asset import Chart
from schemas.identity import AssetId, ChannelName, EventId
from schemas.label import DataClass, Label


class ControlLimits(DerivedEvent):
    """Frozen limits of one channel, in force until a higher ``version`` has made its own.

    ``upper`` and ``lower`` are those of what is charted: the mean of a subgroup at 3 standard deviations, the value of an EWMA
    (where its limits settle), the two sums of a CUSUM (plus and minus H). All limits are null together, with a ``null_reason``.
    """

    TYPE: ClassVar[str] = "factory.control-limits.v1"
    STAGE: ClassVar[str] = "spc"

    type: Annotated[Literal["factory.control-limits.v1"], Label("Contract and version")] = "factory.control-limits.v1"
    asset: Annotated[AssetId, Label("Asset id")]
    channel: Annotated[ChannelName, Label("Channel")]
    unit: Annotated[str, Field(max_length=32), Label("UCUM unit of the limits")]
    version: Annotated[int, Field(ge=1), Label("Version of the control settings", unit="1")]
    chart: Annotated[Chart, Label("Kind of chart")]
    subgroup: Annotated[int, Field(ge=1, le=25), Label("Readings per point", unit="1")]
    subgroups: Annotated[int, Field(ge=1), Label("Points of phase 1", unit="1")]
    n: Annotated[int, Field(ge=1), Label("Readings of phase 1", unit="1")]
    window: Annotated[Window, Label("From the first reading of phase 1 to after its last")]
    first: Annotated[EventId, Label("Fact that holds the first reading")]
    last: Annotated[EventId, Label("Fact that holds the last reading")]
    centre: Annotated[float, Label("Mean of the readings, the centre line", classified=DataClass.GENERAL_1)]
    sigma: Annotated[
        float | None, Label("Standard deviation of one reading, from within subgroups", classified=DataClass.GENERAL_1)
    ]
    lower: Annotated[float | None, Label("Lower control limit", classified=DataClass.GENERAL_1)]
    upper: Annotated[float | None, Label("Upper control limit", classified=DataClass.GENERAL_1)]
    dispersion: Annotated[
        float | None, Label("Mean range, standard deviation or moving range of phase 1", classified=DataClass.GENERAL_1)
    ]
    dispersion_lower: Annotated[float | None, Label("Its lower control limit", classified=DataClass.GENERAL_1)]
    dispersion_upper: Annotated[float | None, Label("Its upper control limit", classified=DataClass.GENERAL_1)]
    null_reason: Annotated[str | None, Field(max_length=200), Label("Why there are no limits")] = None
