"""Batches: what has been let out, chained behind the head of the customer's ledger. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.chain import Head, Json, canonical, link
from schemas.events.outbound_event import OutboundEvent
from schemas.identity import derived_id
from schemas.instant import rfc3339
from services.bridge.decision import Decision
from services.bridge.pending import Pending


@dataclass(frozen=True, slots=True)
class Batch:
    """One request to the API. ``head`` is that of the customer's chain when it has been stored."""

    customer: str
    key: str
    body: bytes
    head: Head
    members: tuple[Pending, ...]


def customer_body(event: OutboundEvent, decision: Decision) -> dict[str, Json]:
    """What the customer gets to read of ``event``, without its place in the chain."""
    payload: dict[str, Any] = event.payload.model_dump(mode="json")
    return {
        "id": event.id,
        "type": event.payload.product,
        "subject": event.subject,
        "event_time": rfc3339(event.event_time),
        "payload": {k: v for k, v in payload.items() if k not in decision.cut},
    }


def size(event: OutboundEvent, decision: Decision) -> int:
    """Bytes of what leaves; 0 for a denial."""
    return 0 if decision.kind == "deny" else len(canonical(customer_body(event, decision)))


def batches(
    customer: str, members: Sequence[tuple[Pending, Decision]], head: Head, most_entries: int, most_bytes: int
) -> Iterator[Batch]:
    """The batches that store ``members`` in order after ``head``. The same input gives the same bytes and keys.

    A batch has at most ``most_entries`` entries and, unless a single entry is larger, at most about ``most_bytes`` bytes.
    """
    entries: list[Json] = []
    taken: list[Pending] = []
    used = 0
    for pending, decision in members:
        body = customer_body(pending.event, decision)
        weight = len(canonical(body)) + 500  # the chain's members and the source
        if entries and (len(entries) == most_entries or used + weight > most_bytes):
            yield _batch(customer, entries, head, taken)
            entries, taken, used = [], [], 0
        event = link(body, head)
        head = Head(head.sequence + 1, str(event["hash"]))
        entries.append({"event": event, "source_partition": pending.partition, "source_offset": pending.offset})
        taken.append(pending)
        used += weight
    if entries:
        yield _batch(customer, entries, head, taken)


def _batch(customer: str, entries: list[Json], head: Head, members: list[Pending]) -> Batch:
    body = canonical({"customer": customer, "entries": entries})
    first = head.sequence - len(entries) + 1
    return Batch(customer, derived_id("batch", customer, first, head.hash), body, head, tuple(members))
