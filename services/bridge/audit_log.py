"""The audit log: decisions are written to ``factory.audit.v1`` and count once they have been read back as part of the chain."""

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from schemas.codec import decode, encode
from schemas.events.audit_record import AuditRecord
from schemas.registry import AUDIT
from services.bridge.audit_record import AuditChains
from services.bridge.follower import Follower
from services.bridge.memory import Memory
from services.runtime.kafka import SEND_TIMEOUT_S, send

log = logging.getLogger(__name__)


class Sender(Protocol):
    """The part of a Kafka producer that is used here."""

    def send(self, topic: str, **record: Any) -> Any:
        """Hand over a record; returns a future."""

    def flush(self, timeout: float | None = None) -> None:
        """Return when the broker has everything."""


class AuditLog:
    """Follows the topic into ``chains`` and ``memory``, and appends to it."""

    def __init__(self, follower: Follower, producer: Sender, memory: Memory) -> None:
        self._follower = follower
        self._producer = producer
        self._memory = memory
        self.chains = AuditChains()

    def catch_up(self) -> None:
        """Read what has been added, by this bridge or another one."""
        for record in self._follower.news():
            decoded = decode(AUDIT, [record.value])
            if decoded.rejections:
                log.error("audit record %s/%s can't be read: %s", record.partition, record.offset, decoded.rejections[0].reason)
            for _, event in decoded.events:
                assert isinstance(event, AuditRecord)
                self._apply(event, f"{record.partition}/{record.offset}")

    def append(self, records: Sequence[AuditRecord]) -> None:
        """Write records and return when the broker has them all. Raises KafkaError. They count after :meth:`catch_up`."""
        futures = [send(self._producer, encode(record)) for record in records]
        self._producer.flush(SEND_TIMEOUT_S)
        for future in futures:
            future.get(SEND_TIMEOUT_S)

    def _apply(self, record: AuditRecord, place: str) -> None:
        if self.chains.apply(record):
            self._memory.audited(record.event, record.decision, record.policy_version)
        else:
            log.error("audit record %s of %s (sequence %d) is not part of the chain", place, record.customer, record.sequence)
