"""InspectionResult: the verdict on one unit."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import SourceEvent
from schemas.identity import OrderId, Sha256, UnitId
from schemas.label import Export, Label, PersonalInformation


class InspectionResult(SourceEvent):
    """A later result for the same unit and attempt replaces an earlier one: a person's verdict overrules a model's."""

    TYPE: ClassVar[str] = "factory.inspection-result.v1"

    type: Annotated[Literal["factory.inspection-result.v1"], Label("Contract and version")] = "factory.inspection-result.v1"
    unit: Annotated[UnitId, Label("Unit", Export.ALLOW)]
    order: Annotated[OrderId | None, Label("Order id", Export.ALLOW)] = None
    attempt: Annotated[int, Field(ge=1), Label("Which presentation of the unit: 2 after the first rework", unit="1")] = 1
    verdict: Annotated[Literal["pass", "fail", "uncertain"], Label("Verdict", Export.ALLOW)]
    confidence: Annotated[float, Field(ge=0, le=1), Label("Calibrated confidence of the verdict", Export.ALLOW, unit="1")]
    inspector: Annotated[Literal["model", "person", "gauge"], Label("Who judged, by kind only", pi=PersonalInformation.NONE)]
    model: Annotated[str, Field(max_length=100), Label("Name and version of the model; empty for a person")] = ""
    image_sha256: Annotated[Sha256 | None, Label("Picture that was judged")] = None
    defects: Annotated[int, Field(ge=0), Label("Number of defects found", Export.ALLOW, unit="1")] = 0
    seconds: Annotated[float, Field(ge=0), Label("Time taken", unit="s")] = 0.0
