"""Certificate: a certificate of the factory."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import ReferenceEvent
from schemas.identity import AssetId
from schemas.instant import Instant
from schemas.label import Export, Label


class Certificate(ReferenceEvent):
    """ISO 9001 or IECQ QC 080000, with number, scope and validity."""

    TYPE: ClassVar[str] = "factory.certificate.v1"

    type: Annotated[Literal["factory.certificate.v1"], Label("Contract and version")] = "factory.certificate.v1"
    certificate: Annotated[AssetId, Label("Own id", Export.ALLOW)]
    standard: Annotated[Literal["ISO 9001", "IECQ QC 080000"], Label("Standard", Export.ALLOW)]
    number: Annotated[str, Field(max_length=100), Label("Number", Export.ALLOW)]
    scope: Annotated[str, Field(max_length=500), Label("Scope", Export.ALLOW)]
    issuer: Annotated[str, Field(max_length=200), Label("Certification body", Export.ALLOW)]
    valid_from: Annotated[Instant, Label("Valid from", Export.ALLOW)]
    valid_until: Annotated[Instant, Label("Valid until", Export.ALLOW)]

    @property
    def subject(self) -> str:
        return self.certificate
