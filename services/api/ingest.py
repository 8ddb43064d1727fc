"""The one way into the ledger: a batch of events for one customer, checked whole, stored whole or not at all."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, ValidationError
from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.exc import IntegrityError

from schemas.chain import BrokenChain, Head, canonical, follow
from schemas.customer_event import CustomerEvent
from schemas.envelope import Closed
from schemas.identity import CustomerId, EventId
from schemas.instant import rfc3339
from services.api.database import writing
from services.api.labels import refusal
from services.api.problem import Problem
from services.api.tables import LedgerEntry, StoredBatch

MOST_ENTRIES = 1_000
LONGEST_KEY = 100


class IngestEntry(Closed):
    """An event as the customer will read it, and where in ``factory.outbound.v1`` it came from."""

    event: CustomerEvent
    source_partition: Annotated[int, Field(ge=0)]
    source_offset: Annotated[int, Field(ge=0)]


class Batch(Closed):
    """Events of one customer, next in its chain."""

    customer: CustomerId
    entries: Annotated[list[IngestEntry], Field(min_length=1, max_length=MOST_ENTRIES)]


class Receipt(Closed):
    """The head of the customer's chain after the batch, and how many events the batch stored."""

    sequence: int
    hash: str
    stored: int


class SourcePosition(Closed):
    """The last record of a partition of ``factory.outbound.v1`` that is in the ledger."""

    partition: int
    offset: int
    id: str


class CustomerHead(Closed):
    """The head of a customer's chain and, per partition, how far the outbound topic is in it."""

    sequence: int
    hash: str
    source: list[SourcePosition]


class EventIds(Closed):
    """Ids of events of one customer."""

    ids: Annotated[list[EventId], Field(max_length=MOST_ENTRIES)]


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent: its id, its idempotency key and the body as received."""

    client_id: str
    key: str | None
    body: bytes


class Ingest:
    """Stores batches. ``now`` is the clock."""

    def __init__(self, engine: Engine, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    def head(self, customer: str) -> CustomerHead:
        """Where the ledger of ``customer`` ends. A customer that nothing was stored for has the empty chain's head."""
        last = select(func.max(LedgerEntry.sequence)).where(LedgerEntry.customer == customer).group_by(LedgerEntry.source_partition)
        query = (
            select(LedgerEntry.source_partition, LedgerEntry.source_offset, LedgerEntry.event_id)
            .where(LedgerEntry.customer == customer, LedgerEntry.sequence.in_(last))
            .order_by(LedgerEntry.source_partition)
        )
        with self._engine.connect() as connection:
            head = _head(connection, customer)
            rows = connection.execute(query).all()
        return CustomerHead(
            sequence=head.sequence, hash=head.hash, source=[SourcePosition(partition=r[0], offset=r[1], id=r[2]) for r in rows]
        )

    def stored(self, customer: str, ids: Sequence[str]) -> EventIds:
        """Which of these events are in the ledger of ``customer``, sorted."""
        with self._engine.connect() as connection:
            return EventIds(ids=sorted(_stored(connection, customer, ids)))

    def store(self, request: Request) -> tuple[Receipt, bool]:
        """Store a batch; returns the receipt, and True when it is that of an earlier identical request. Raises Problem."""
        key = _key(request.key)
        digest = hashlib.sha256(request.body).hexdigest()
        try:
            with writing(self._engine.connect()) as connection, connection.begin():
                earlier = _earlier(connection, request.client_id, key)
                if earlier is not None:
                    return _replay(earlier, digest), True
                batch, events = _parse(request.body)
                receipt = self._append(connection, batch, events)
                row = {"key": key, "client_id": request.client_id, "body_sha256": digest, **receipt.model_dump()}
                connection.execute(insert(StoredBatch).values(row))
        except IntegrityError:
            # a second writer was faster; in SQLite it would have waited
            raise Problem(
                409, "in-flight", "Another batch of this customer is being stored; ask for the head and go on from it."
            ) from None
        return receipt, False

    def _append(self, connection: Connection, batch: Batch, events: list[dict[str, Any]]) -> Receipt:
        head = _head(connection, batch.customer)
        _check_new(connection, batch.customer, [str(e["id"]) for e in events])
        end = _check_chain(events, head)
        _check_content(batch, events)
        stored_at = rfc3339(self._now())
        rows = [_row(batch.customer, entry, event, stored_at) for entry, event in zip(batch.entries, events, strict=True)]
        connection.execute(insert(LedgerEntry), rows)
        return Receipt(sequence=end.sequence, hash=end.hash, stored=len(rows))


def _key(key: str | None) -> str:
    if key is None or not key.strip():
        raise Problem(400, "idempotency-key-missing", "Send an Idempotency-Key header: the same for each retry of the same batch.")
    if len(key) > LONGEST_KEY:
        raise Problem(400, "idempotency-key-too-long", f"The Idempotency-Key header has at most {LONGEST_KEY} characters.")
    return key


def _earlier(connection: Connection, client_id: str, key: str) -> Any:
    columns = (StoredBatch.body_sha256, StoredBatch.sequence, StoredBatch.hash, StoredBatch.stored)
    return connection.execute(select(*columns).where(StoredBatch.key == key, StoredBatch.client_id == client_id)).one_or_none()


def _replay(earlier: Any, digest: str) -> Receipt:
    if earlier.body_sha256 != digest:
        raise Problem(422, "idempotency-key-reused", "This Idempotency-Key was used for another body: a new batch needs a new key.")
    return Receipt(sequence=earlier.sequence, hash=earlier.hash, stored=earlier.stored)


def _parse(body: bytes) -> tuple[Batch, list[dict[str, Any]]]:
    """The batch as a model, and its events as they were sent: their hashes cover what was sent."""
    try:
        batch = Batch.model_validate_json(body)
        events = [entry["event"] for entry in json.loads(body)["entries"]]
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Problem(422, "invalid-batch", f"{where or 'The body'}: {first['msg']}.") from None
    except ValueError:
        raise Problem(422, "invalid-batch", "The body is not JSON.") from None
    return batch, events


def _head(connection: Connection, customer: str) -> Head:
    query = select(LedgerEntry.sequence, LedgerEntry.hash).where(LedgerEntry.customer == customer)
    row = connection.execute(query.order_by(LedgerEntry.sequence.desc()).limit(1)).one_or_none()
    return Head() if row is None else Head(row[0], row[1])


def _check_new(connection: Connection, customer: str, ids: Sequence[str]) -> None:
    known = sorted({*_stored(connection, customer, ids), *_twice(ids)})
    if known:
        detail = f"{len(known)} of the {len(ids)} events are in the ledger already, or twice in the batch; leave them out."
        raise Problem(409, "already-stored", detail, already_stored=known)


def _stored(connection: Connection, customer: str, ids: Sequence[str]) -> set[str]:
    query = select(LedgerEntry.event_id).where(LedgerEntry.customer == customer, LedgerEntry.event_id.in_(ids))
    return set(connection.execute(query).scalars())


def _twice(ids: Iterable[str]) -> set[str]:
    seen: set[str] = set()
    return {i for i in ids if i in seen or seen.add(i)}  # type: ignore[func-returns-value]


def _check_chain(events: list[dict[str, Any]], head: Head) -> Head:
    """The head after ``events``. A batch that does not start at the head is a conflict; one that breaks inside is wrong."""
    first = events[0]
    if (first["sequence"], first["previous_hash"]) != (head.sequence + 1, head.hash):
        detail = f"The chain ends at sequence {head.sequence} and the batch begins at {first['sequence']}; go on from the head."
        raise Problem(409, "not-at-head", detail, sequence=head.sequence, hash=head.hash)
    for event in events:
        try:
            head = follow(event, head)
        except BrokenChain as exc:
            raise Problem(422, "broken-chain", f"Sequence {exc.sequence}: {exc.reason}.", sequence=exc.sequence) from None
    return head


def _check_content(batch: Batch, events: list[dict[str, Any]]) -> None:
    for entry, event in zip(batch.entries, events, strict=True):
        payload, sequence = entry.event.payload, entry.event.sequence
        reason = refusal(entry.event.type, payload) or _mismatch(entry.event, event)
        if reason is not None:
            raise Problem(422, "event-refused", f"Sequence {sequence}: {reason}.", sequence=sequence, event=entry.event.id)


def _mismatch(event: CustomerEvent, sent: dict[str, Any]) -> str | None:
    """What the columns of the ledger and the payload must agree on."""
    if event.payload.get("product") != event.type:
        return "payload.product is not the type of the event"
    if event.payload.get("order") != event.subject:
        return "payload.order is not the subject of the event"
    if sent["event_time"] != rfc3339(event.event_time):
        return "event_time must be RFC 3339 in UTC with six digits of a second"
    return None


def _row(customer: str, entry: IngestEntry, sent: dict[str, Any], stored_at: str) -> dict[str, Any]:
    event = entry.event
    return {
        "customer": customer,
        "sequence": event.sequence,
        "event_id": event.id,
        "hash": event.hash,
        "previous_hash": event.previous_hash,
        "product": event.type,
        "subject": event.subject,
        "series": str(event.payload.get("kpi", "")),
        "revision": event.payload["revision"],
        "payload": canonical(sent["payload"]).decode(),
        "event_time": sent["event_time"],
        "source_partition": entry.source_partition,
        "source_offset": entry.source_offset,
        "stored_at": stored_at,
    }
