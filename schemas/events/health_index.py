"""HealthIndex: how far an asset is from its healthy self."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Closed, DerivedEvent, InputRange
from schemas.identity import AssetId, ChannelName
from schemas.label import Label


class RemainingLife(Closed):
    """Remaining useful life with a 90 % interval."""

    hours: Annotated[float, Field(ge=0), Label("Point estimate", unit="h")]
    lower_hours: Annotated[float, Field(ge=0), Label("5 % bound", unit="h")]
    upper_hours: Annotated[float, Field(ge=0), Label("95 % bound", unit="h")]


class HealthIndex(DerivedEvent):
    """1 is healthy, 0 is failed. While ``phase`` is ``learning`` the score is not to be acted on."""

    TYPE: ClassVar[str] = "factory.health-index.v1"
    STAGE: ClassVar[str] = "maintenance"

    type: Annotated[Literal["factory.health-index.v1"], Label("Contract and version")] = "factory.health-index.v1"
    asset: Annotated[AssetId, Label("Asset id")]
    phase: Annotated[Literal["learning", "scoring"], Label("Whether the normal state is known yet")]
    score: Annotated[float, Field(ge=0, le=1), Label("Health", unit="1")]
    channels: Annotated[list[ChannelName], Field(max_length=50), Label("Channels that lower the score, worst first")] = []
    remaining_life: Annotated[RemainingLife | None, Label("Remaining useful life")] = None
    model: Annotated[str, Field(max_length=100), Label("Name and version of the model")]
    inputs: Annotated[list[InputRange], Label("Where the aggregates lie")] = []
