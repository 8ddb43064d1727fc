"""Capability: how well a channel keeps its specification."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Closed, DerivedEvent, Window
from schemas.identity import AssetId, ChannelName
from schemas.label import DataClass, Export, Label


class CapabilityIndex(Closed):
    """An index with its 95 % confidence interval."""

    value: Annotated[float, Label("Point estimate", Export.AGGREGATE, unit="1")]
    lower: Annotated[float, Label("2.5 % bound", Export.AGGREGATE, unit="1")]
    upper: Annotated[float, Label("97.5 % bound", Export.AGGREGATE, unit="1")]


class Capability(DerivedEvent):
    """Cp and Cpk (ISO 22514-2) with the deviation within subgroups, Pp and Ppk with that of all readings, over one study.

    A study begins with a subgroup and is told at every full hour in which it grew, until it has enough readings: then
    its last telling is ``final`` and the next study begins. All indices are null while there are too few; Cp and Pp are
    null for a specification of one side.
    """

    TYPE: ClassVar[str] = "factory.capability.v1"
    STAGE: ClassVar[str] = "spc"

    type: Annotated[Literal["factory.capability.v1"], Label("Contract and version")] = "factory.capability.v1"
    asset: Annotated[AssetId, Label("Asset id")]
    channel: Annotated[ChannelName, Label("Channel")]
    unit: Annotated[str, Field(max_length=32), Label("UCUM unit of mean and deviations")]
    window: Annotated[Window, Label("From the first reading of the study to after its last", Export.AGGREGATE)]
    revision: Annotated[int, Field(ge=1), Label("Number of this telling of the study", Export.AGGREGATE, unit="1")]
    status: Annotated[Literal["provisional", "final"], Label("Whether the study goes on", Export.AGGREGATE)]
    lower: Annotated[float | None, Label("Lower specification limit", classified=DataClass.GENERAL_1)]
    upper: Annotated[float | None, Label("Upper specification limit", classified=DataClass.GENERAL_1)]
    subgroup: Annotated[int, Field(ge=1, le=25), Label("Readings per subgroup", unit="1")]
    subgroups: Annotated[int, Field(ge=1), Label("Subgroups", Export.AGGREGATE, unit="1")]
    n: Annotated[int, Field(ge=1), Label("Readings", Export.AGGREGATE, unit="1")]
    mean: Annotated[float, Label("Arithmetic mean", Export.DENY, DataClass.GENERAL_1)]
    sigma_within: Annotated[
        float | None, Label("Standard deviation within subgroups; null without variation", Export.DENY, DataClass.GENERAL_1)
    ]
    sigma_overall: Annotated[
        float | None, Label("Standard deviation of all readings; null without variation", Export.DENY, DataClass.GENERAL_1)
    ]
    cp: Annotated[CapabilityIndex | None, Label("Cp", Export.AGGREGATE)]
    cpk: Annotated[CapabilityIndex | None, Label("Cpk", Export.AGGREGATE)]
    pp: Annotated[CapabilityIndex | None, Label("Pp", Export.AGGREGATE)]
    ppk: Annotated[CapabilityIndex | None, Label("Ppk", Export.AGGREGATE)]
    null_reason: Annotated[str | None, Field(max_length=200), Label("Why there are no indices", Export.AGGREGATE)] = None
    not_normal: Annotated[
        bool | None,
        Label("Whether the readings are not normal (D'Agostino and Pearson, 1 %); null when not tested", Export.AGGREGATE),
    ]
    normality: Annotated[
        float | None,
        Field(ge=0),
        Label("K squared of that test over all readings; above 9.21 is not normal", Export.AGGREGATE, unit="1"),
    ]
    signals: Annotated[
        int | None,
        Field(ge=0),
        Label("Alarms the chart raised in the study; null without a chart in phase 2", Export.AGGREGATE, unit="1"),
    ]
