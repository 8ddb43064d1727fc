"""Asset: what a machine is, where it stands and what its channels mean."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Closed, ReferenceEvent
from schemas.events.machine_event import Execution
from schemas.identity import AssetId, ChannelName, LineId
from schemas.label import DataClass, Label

MAX_DELAY_US = 86_400_000_000  # a day
#: a gateway says of a quiet asset once a minute that it still sees it
MIN_SILENCE_US = 120_000_000


class Channel(Closed):
    """Unit and alarm limits of one channel. A limit that is null does not alarm."""

    unit: Annotated[str, Field(max_length=32), Label("UCUM unit")]
    low: Annotated[float | None, Label("Alarm below", classified=DataClass.GENERAL_1)] = None
    high: Annotated[float | None, Label("Alarm above", classified=DataClass.GENERAL_1)] = None
    deadband: Annotated[float, Field(ge=0), Label("How far back inside before the alarm clears")] = 0.0
    priority: Annotated[Literal["low", "medium", "high", "urgent"], Label("Priority of the alarm (ISA-18.2)")] = "medium"
    on_delay_us: Annotated[int, Field(ge=0, le=MAX_DELAY_US), Label("Beyond a limit for so long before it alarms", unit="us")] = (
        20_000_000
    )
    off_delay_us: Annotated[int, Field(ge=0, le=MAX_DELAY_US), Label("Back inside for so long before it clears", unit="us")] = 0
    alarms_while: Annotated[
        list[Execution],
        Field(max_length=20),
        Label("Execution states in which the limits alarm; in any other they are suppressed by design. Empty: in all"),
    ] = []


class Asset(ReferenceEvent):
    """One work unit of the ISA-95 hierarchy: site, area, line, work unit."""

    TYPE: ClassVar[str] = "factory.asset.v1"

    type: Annotated[Literal["factory.asset.v1"], Label("Contract and version")] = "factory.asset.v1"
    asset: Annotated[AssetId, Label("Asset id")]
    name: Annotated[str, Field(max_length=200), Label("Name for people")]
    site: Annotated[AssetId, Label("Site")]
    area: Annotated[AssetId, Label("Area")]
    line: Annotated[LineId, Label("Line")]
    channels: Annotated[dict[ChannelName, Channel], Field(max_length=500), Label("Channels by name")] = {}
    silence_after_us: Annotated[
        int | None,
        Field(ge=MIN_SILENCE_US),
        Label("Alarm when nothing was heard of it for longer; null: silence does not alarm", unit="us"),
    ] = None
    simulated: Annotated[bool, Label("True when its data come from the simulator")] = False

    @property
    def subject(self) -> str:
        return self.asset
