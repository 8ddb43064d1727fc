"""The audit record of a decision, and the chain that the records of a customer make. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from schemas.chain import GENESIS_HASH, Head, Json, entry_hash
from schemas.codec import to_json
from schemas.events.audit_record import AuditRecord
from schemas.identity import derived_id
from services.bridge.batch import size
from services.bridge.decision import Decision
from services.bridge.pending import Pending


def audit_id(event_id: str, decision: Decision, policy_version: int | None) -> str:
    """The same decision about the same event under the same policy has the same id, however often it is taken."""
    return derived_id(AuditRecord.TYPE, event_id, decision.kind, policy_version or 0)


def audit_record(pending: Pending, decision: Decision, destination: str, now: datetime, head: Head) -> AuditRecord:
    """The record of ``decision``, next in the chain after ``head``."""
    draft = AuditRecord(
        event_time=now,
        id=audit_id(pending.event.id, decision, pending.policy_version),
        customer=pending.event.customer,
        sequence=head.sequence + 1,
        decision=decision.kind,
        reason=decision.reason,
        event=pending.event.id,
        subject=pending.event.subject,
        policy_version=pending.policy_version,
        destination=destination[:200],
        sent_bytes=size(pending.event, decision),
        previous_hash=head.hash,
        hash=GENESIS_HASH,
    )
    return draft.model_copy(update={"hash": entry_hash(as_entry(draft))})


def as_entry(record: AuditRecord) -> Mapping[str, Json]:
    """The record as the JSON object on the topic, the form that :mod:`schemas.chain` verifies."""
    entry: dict[str, Json] = json.loads(to_json(record))
    return entry


@dataclass(slots=True)
class AuditChains:
    """The head of each customer's chain, from the records in the order of the topic.

    A record that does not come next is a stray: a second bridge wrote at the same moment. The first record that continues a
    chain is the chain; all who read the topic agree on it. Where the topic has lost its beginning to retention, a chain
    begins with the first record that is left.
    """

    heads: dict[str, Head] = field(default_factory=dict)

    def head(self, customer: str) -> Head:
        """The head of that customer's chain."""
        return self.heads.get(customer, Head())

    def apply(self, record: AuditRecord) -> bool:
        """Follow the chain by one record; False for a stray."""
        head = self.heads.get(record.customer)
        if head is not None and (record.sequence, record.previous_hash) != (head.sequence + 1, head.hash):
            return False
        self.heads[record.customer] = Head(record.sequence, record.hash)
        return True
