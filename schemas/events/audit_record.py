"""AuditRecord: one decision of the gate, chained to the one before."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import DerivedEvent
from schemas.identity import CustomerId, EventId, OrderId, Sha256
from schemas.label import Label


class AuditRecord(DerivedEvent):
    """What was decided about one outbound event, under which policy, and what left. ``event_time`` is when it was decided."""

    TYPE: ClassVar[str] = "factory.audit-record.v1"
    STAGE: ClassVar[str] = "bridge"

    type: Annotated[Literal["factory.audit-record.v1"], Label("Contract and version")] = "factory.audit-record.v1"
    customer: Annotated[CustomerId, Label("Customer")]
    sequence: Annotated[int, Field(ge=1), Label("Gapless number per customer", unit="1")]
    decision: Annotated[Literal["allow", "redact", "hold", "deny"], Label("Decision")]
    reason: Annotated[str, Field(max_length=300), Label("Reason")]
    event: Annotated[EventId, Label("Outbound event")]
    subject: Annotated[OrderId, Label("Order id")]
    policy_version: Annotated[int | None, Label("Version of the policy; null when there was none")]
    destination: Annotated[str, Field(max_length=200), Label("Where it was to go")]
    sent_bytes: Annotated[int, Field(ge=0), Label("Size of what left", unit="By")]
    previous_hash: Annotated[Sha256, Label("Hash of the record before; zeros for the first")]
    hash: Annotated[Sha256, Label("sha256 over previous_hash and this record")]
