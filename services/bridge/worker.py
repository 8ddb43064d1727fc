"""The bridge: take records, decide, audit, deliver, commit. In that order, so that a crash anywhere repeats work and loses none.

A round works on the records in hand until each has ended; only then are the next ones taken, so memory is bounded however
long the API is down. Every round decides anew: what was let out and could not be delivered is held back when the policy has
been suspended meanwhile.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from schemas.chain import Head
from schemas.events.dead_letter import DeadLetter
from schemas.instant import to_micros
from schemas.metric import EventClass
from services.bridge.audit_log import Sender
from services.bridge.backoff import delay
from services.bridge.batch import Batch, batches
from services.bridge.customer_api import Conflict, CustomerApi, Refused, Unavailable
from services.bridge.dead_letters import bury, dead_letter
from services.bridge.gate import Gate
from services.bridge.intake import Intake
from services.bridge.memory import Memory
from services.bridge.metrics import BridgeMetrics
from services.bridge.pending import Pending
from services.runtime.drain import Drain

MOST_ENTRIES = 100
MOST_BYTES = 1024 * 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How it waits: the first and the longest wait in seconds, chance in [0, 1), and a monotonic clock in seconds."""

    first_s: float
    longest_s: float
    chance: Callable[[], float]
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Parts:
    """What the bridge is made of. ``now`` is the clock on the wall."""

    intake: Intake
    gate: Gate
    api: CustomerApi
    producer: Sender
    memory: Memory
    metrics: BridgeMetrics
    pace: Pace
    now: Callable[[], datetime]


class Bridge:
    """One thread does everything."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._hand: list[Pending] = []
        self._heads: dict[str, Head] = {}
        self._most_entries = MOST_ENTRIES

    def run(self, drain: Drain) -> None:
        """Work until the end is asked for. Raises KafkaError and UserError; what is in hand then comes again."""
        parts = self._parts
        parts.metrics.state("starting")
        parts.gate.catch_up()
        while not drain.requested:
            self._take()
            parts.metrics.state("active" if self._hand else "idle")
            self._settle(drain)

    def _take(self) -> None:
        parts = self._parts
        events, rejected = parts.intake.take()
        parts.metrics.received(len(events) + len(rejected))
        if rejected:
            letters = [
                dead_letter(r.partition, r.offset, r.timestamp / 1_000, (r.key, r.value), field, reason)
                for r, field, reason in rejected
            ]
            bury(parts.producer, letters)
            for record, _, reason in rejected:
                log.error("outbound record %s/%s is no event: %s", record.partition, record.offset, reason)
                parts.intake.ended(record.partition, record.offset)
            parts.metrics.ended(EventClass.DEAD_LETTERED, len(rejected))
        for pending in events:
            pending.denied_before = parts.memory.of(pending.event.id).kind == "deny"
        self._hand = events
        parts.metrics.lag(parts.intake.group, parts.intake.lag())

    def _settle(self, drain: Drain) -> None:
        """Rounds until nothing is in hand, or the end is asked for."""
        attempt = 0
        while not drain.requested:
            before = len(self._hand)
            failure = self._attempt()
            self._parts.intake.commit()
            self._parts.metrics.oldest(min((p.arrived_s for p in self._hand), default=0.0))
            if failure is None:
                break
            attempt = 1 if len(self._hand) < before else attempt + 1
            self._wait(attempt, failure, drain)
            self._forget_lost()

    def _attempt(self) -> Unavailable | Conflict | None:
        try:
            self._round()
        except (Unavailable, Conflict) as exc:
            return exc
        return None

    def _round(self) -> None:
        """One attempt to end everything in hand. Raises Unavailable and Conflict with the rest still in hand."""
        if not self._hand:
            return
        parts = self._parts
        parts.gate.catch_up()
        self._ask_in_doubt()
        self._drop_duplicates()
        if not parts.gate.judge(self._hand):
            raise Conflict("another bridge wrote to the audit log")
        self._end_denied()
        for customer in dict.fromkeys(p.event.customer for p in self._hand):
            self._deliver(customer)
        self._most_entries = MOST_ENTRIES

    def _ask_in_doubt(self) -> None:
        """Events that were let out before, and perhaps arrived: the ledger knows."""
        doubtful: dict[str, list[str]] = {}
        for pending in self._hand:
            if self._parts.memory.of(pending.event.id).in_doubt:
                doubtful.setdefault(pending.event.customer, []).append(pending.event.id)
        for customer, ids in doubtful.items():
            self._parts.memory.delivered(self._parts.api.stored(customer, ids))

    def _drop_duplicates(self) -> None:
        seen: set[str] = set()
        for pending in list(self._hand):
            if self._parts.memory.of(pending.event.id).delivered or pending.event.id in seen:
                self._end(pending, EventClass.DEDUPLICATED)
            seen.add(pending.event.id)

    def _end_denied(self) -> None:
        denied = [p for p in self._hand if p.decision is not None and p.decision.kind == "deny"]
        refused = [p for p in denied if p.refused is not None]
        if refused:
            bury(self._parts.producer, [_letter(p) for p in refused])
        for pending in denied:
            if pending.refused is not None:
                self._end(pending, EventClass.DEAD_LETTERED)
            else:
                self._end(pending, EventClass.DEDUPLICATED if pending.denied_before else EventClass.DENIED)

    def _deliver(self, customer: str) -> None:
        head = self._heads.pop(customer, None) or self._parts.api.head(customer)
        members = [(p, p.decision) for p in self._hand if p.event.customer == customer and p.decision is not None]
        for batch in batches(customer, members, head, self._most_entries, MOST_BYTES):
            self._store(batch)
        # only now: after any failure the API is asked where the ledger ends
        self._heads[customer] = batch.head

    def _store(self, batch: Batch) -> None:
        parts = self._parts
        began = parts.pace.clock()
        try:
            parts.api.store(batch)
        except Refused as exc:
            self._refused(batch, exc)
            raise Conflict(str(exc)) from exc
        parts.metrics.request(parts.pace.clock() - began)
        parts.memory.delivered(p.event.id for p in batch.members)
        now = to_micros(parts.now())
        for pending in batch.members:
            parts.metrics.delivered((now - to_micros(pending.event.event_time)) / 1e6)
            self._end(pending, EventClass.DELIVERED)

    def _refused(self, batch: Batch, answer: Refused) -> None:
        """Mark the event at fault. When the API names none, the events go one by one until the one at fault is alone."""
        guilty = [p for p in batch.members if p.event.id == answer.event or len(batch.members) == 1]
        for pending in guilty:
            pending.refused = str(answer)
            log.error("the API refuses event %s of %s: %s", pending.event.id, pending.event.customer, answer)
        if not guilty:
            self._most_entries = 1

    def _end(self, pending: Pending, event_class: EventClass) -> None:
        self._hand.remove(pending)
        self._parts.intake.ended(pending.partition, pending.offset)
        self._parts.metrics.ended(event_class)

    def _forget_lost(self) -> None:
        lost = self._parts.intake.lost()
        given_back = [p for p in self._hand if p.partition in lost]
        for pending in given_back:
            # whoever has the partition now ends them; counted here, they are one time too many
            self._end(pending, EventClass.DEDUPLICATED)

    def _wait(self, attempt: int, cause: Unavailable | Conflict, drain: Drain) -> None:
        pace = self._parts.pace
        seconds = delay(attempt, pace.chance(), pace.first_s, pace.longest_s)
        if isinstance(cause, Unavailable):
            seconds = max(seconds, cause.wait_s)
            self._parts.metrics.state("degraded")
        log.warning("%s: %d records in hand, next attempt in %.1f s", cause, len(self._hand), seconds)
        self._parts.intake.hold(seconds, drain, pace.clock)


def _letter(pending: Pending) -> DeadLetter:
    record = (pending.key, pending.value)
    return dead_letter(pending.partition, pending.offset, pending.arrived_s, record, "", f"the API refused it: {pending.refused}")
