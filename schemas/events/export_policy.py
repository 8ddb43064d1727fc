"""ExportPolicy: what one customer may be sent. Without one, nothing."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import ReferenceEvent
from schemas.identity import CustomerId
from schemas.instant import Instant
from schemas.label import Label, PersonalInformation


class ExportPolicy(ReferenceEvent):
    """Products and limits for one customer. Expired, suspended or missing means deny.

    What lets anything leave needs two approvers of different roles; to suspend, one is enough.
    """

    TYPE: ClassVar[str] = "factory.export-policy.v1"

    type: Annotated[Literal["factory.export-policy.v1"], Label("Contract and version")] = "factory.export-policy.v1"
    customer: Annotated[CustomerId, Label("Customer")]
    approver: Annotated[str, Field(max_length=100), Label("Role that approved", pi=PersonalInformation.PI)]
    second_approver: Annotated[
        str | None, Field(max_length=100), Label("Another role that approved", pi=PersonalInformation.PI)
    ] = None
    purpose: Annotated[str, Field(max_length=500), Label("Why the data leave")]
    contract: Annotated[str, Field(max_length=100), Label("Contract number")]
    destination: Annotated[str, Field(pattern=r"^[A-Z]{2}$"), Label("Country of destination (ISO 3166-1 alpha-2)")]
    products: Annotated[list[Literal["order", "kpi"]], Label("Products that may leave")]
    denied_fields: Annotated[list[str], Field(max_length=100), Label("Payload fields that are cut out")] = []
    smallest_n: Annotated[int, Field(ge=1), Label("Fewest units behind an aggregate", unit="1")] = 1
    smallest_window_s: Annotated[int, Field(ge=0), Label("Shortest window of an aggregate", unit="s")] = 0
    retention_days: Annotated[int, Field(ge=1), Label("How long the customer may keep it", unit="d")] = 365
    valid_until: Annotated[Instant, Label("Nothing leaves from this instant on")]
    suspended: Annotated[bool, Label("Kill switch")] = False

    @property
    def subject(self) -> str:
        return self.customer
