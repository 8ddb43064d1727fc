"""Records that can never leave: kept whole on ``factory.outbound.v1.dlq`` with the reason."""

from collections.abc import Sequence
from datetime import UTC, datetime

from schemas.codec import encode
from schemas.events.dead_letter import MAX_ORIGINAL, MAX_ORIGINAL_KEY, DeadLetter
from schemas.identity import derived_id
from schemas.registry import OUTBOUND
from services.bridge.audit_log import Sender
from services.bridge.metrics import STAGE
from services.runtime.kafka import SEND_TIMEOUT_S, send


def dead_letter(
    partition: int, offset: int, arrived_s: float, record: tuple[bytes | None, bytes | None], field: str, reason: str
) -> DeadLetter:
    """The dead letter of a record, given as (key, value). The same record is the same dead letter at every replay."""
    key, value = record
    return DeadLetter(
        event_time=datetime.fromtimestamp(arrived_s, UTC),
        id=derived_id(DeadLetter.TYPE, OUTBOUND.name, partition, offset),
        topic=OUTBOUND.name,
        partition=partition,
        offset=offset,
        stage=STAGE,
        reason=reason[:500],
        field=field[:200],
        dead_letter_topic=OUTBOUND.dead_letter_name,
        original_key=key and key[:MAX_ORIGINAL_KEY],
        original=(value or b"")[:MAX_ORIGINAL],
    )


def bury(producer: Sender, letters: Sequence[DeadLetter]) -> None:
    """Write them and return when the broker has them all. Raises KafkaError."""
    futures = [send(producer, encode(letter)) for letter in letters]
    producer.flush(SEND_TIMEOUT_S)
    for future in futures:
        future.get(SEND_TIMEOUT_S)
