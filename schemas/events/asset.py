"""Asset: what a machine is, where it stands and what its channels mean."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.envelope import Closed, ReferenceEvent
from schemas.events.machine_event import Execution
from schemas.identity import AssetId, ChannelName, LineId
from schemas.label import DataClass, Label

MAX_DELAY_US = 86_400_000_000  # a day
#: a gateway says of a quiet asset once a minute that it still sees it
MIN_SILENCE_US = 120_000_000
MOST_CHARTS = 100  # channels of one asset with a chart or a specification: their states have to fit into one record


#: Rules of a Shewhart chart. WE: Western Electric, Statistical Quality Control Handbook (1956). N: L. S. Nelson, The Shewhart
#: control chart: tests for special causes, Journal of Quality Technology 16 (1984). R1: a range or standard deviation of a
#: subgroup, or a moving range, beyond its limits.
Rule = Literal["WE1", "WE2", "WE3", "WE4", "N1", "N2", "N3", "N4", "N5", "N6", "N7", "N8", "R1"]
Bound = Annotated[float, Field(ge=-1e100, le=1e100)]  # as wide as a reading may be
Chart = Literal["xbar-r", "xbar-s", "individuals", "ewma", "cusum"]


class Control(Closed):
    """The control chart of a channel (ISO 7870). A higher ``version`` starts a new phase 1; without one a change has no effect."""

    version: Annotated[int, Field(ge=1), Label("Grows with each change of these settings", unit="1")]
    chart: Annotated[Chart, Label("Kind of chart")]
    subgroup: Annotated[
        int, Field(ge=1, le=25), Label("Consecutive readings per point: 2 to 25 for xbar-r and xbar-s, 1 for individuals", unit="1")
    ] = 1
    phase1: Annotated[int, Field(ge=10, le=1000), Label("Subgroups from which the limits are made", unit="1")] = 25
    rules: Annotated[
        list[Rule],
        Field(max_length=13),
        Label("Rules of a Shewhart chart, each once; ewma and cusum have limits of their own instead"),
    ] = ["N1", "N2", "N5"]
    ewma_lambda: Annotated[float, Field(ge=0.01, le=1), Label("Weight of the newest point (ewma)", unit="1")] = 0.2
    ewma_limit: Annotated[float, Field(ge=0.1, le=10), Label("Width of the limits in standard deviations (ewma)", unit="1")] = 2.86
    cusum_k: Annotated[
        float, Field(ge=0, le=10), Label("Reference value k in standard deviations of a point (cusum)", unit="1")
    ] = 0.5
    cusum_h: Annotated[
        float, Field(ge=0.1, le=100), Label("Decision interval h in standard deviations of a point (cusum)", unit="1")
    ] = 5.0

    @model_validator(mode="after")
    def _fits(self) -> "Control":
        if self.chart.startswith("xbar") and self.subgroup < 2:
            raise ValueError(f"subgroup of {self.chart} must be 2 to 25, is {self.subgroup}")
        if self.chart == "individuals" and self.subgroup != 1:
            raise ValueError(f"subgroup of individuals must be 1, is {self.subgroup}")
        if len(set(self.rules)) < len(self.rules):
            raise ValueError("rules must name each rule once")
        return self


class Specification(Closed):
    """What the customer or the drawing asks of a channel; at least one of the two limits."""

    lower: Annotated[Bound | None, Label("Lower specification limit", classified=DataClass.GENERAL_1)] = None
    upper: Annotated[Bound | None, Label("Upper specification limit", classified=DataClass.GENERAL_1)] = None
    target: Annotated[Bound | None, Label("Target value, for people", classified=DataClass.GENERAL_1)] = None

    @model_validator(mode="after")
    def _in_order(self) -> "Specification":
        given = [v for v in (self.lower, self.target, self.upper) if v is not None]
        if self.lower is None and self.upper is None:
            raise ValueError("lower or upper must be given")
        if given != sorted(given) or self.lower == self.upper:
            raise ValueError("lower, target and upper must be in this order, lower below upper")
        return self


class Channel(Closed):
    """Unit, alarm limits, chart and specification of one channel. A limit that is null does not alarm; no chart, no judgement."""

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
    control: Annotated[Control | None, Label("Control chart; null for none")] = None
    specification: Annotated[Specification | None, Label("Specification, from which capability follows; null for none")] = None


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

    @model_validator(mode="after")
    def _few_charts(self) -> "Asset":
        charts = sum(c.control is not None or c.specification is not None for c in self.channels.values())
        if charts > MOST_CHARTS:
            raise ValueError(f"{charts} channels have a chart or a specification, at most {MOST_CHARTS} of one asset may")
        return self

    @property
    def subject(self) -> str:
        return self.asset
