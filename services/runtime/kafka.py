"""How every service talks to Kafka: kafka-python with an idempotent producer, acks=all and no surprises."""

import time
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from schemas.codec import Encoded
from services.runtime.errors import UserError

SEND_TIMEOUT_S = 30.0
#: a wrong address is told after seconds, and a broker that comes back is found within one
CONNECT: dict[str, Any] = {"bootstrap_timeout_ms": 5_000, "reconnect_backoff_max_ms": 1_000}


def producer(bootstrap: str, client_id: str, **options: Any) -> KafkaProducer:
    """An idempotent producer: murmur2 partitioner, acks=all, lz4, batches over 5 ms. Raises UserError when no broker answers."""
    settings: dict[str, Any] = {
        "bootstrap_servers": bootstrap,
        "client_id": client_id,
        "acks": "all",
        "enable_idempotence": True,
        "compression_type": "lz4",
        "linger_ms": 5,
        "batch_size": 128 * 1024,
        **CONNECT,
        **options,
    }
    try:
        return KafkaProducer(**settings)
    except KafkaError as exc:
        raise no_broker(bootstrap, exc) from exc


def consumer(bootstrap: str, client_id: str, group: str | None, **options: Any) -> KafkaConsumer:
    """A consumer from the earliest offset that commits only when told to. Raises UserError when no broker answers."""
    settings: dict[str, Any] = {
        "bootstrap_servers": bootstrap,
        "client_id": client_id,
        "group_id": group,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        **CONNECT,
        **options,
    }
    try:
        return KafkaConsumer(**settings)
    except KafkaError as exc:
        raise no_broker(bootstrap, exc) from exc


def admin(bootstrap: str, client_id: str) -> KafkaAdminClient:
    """An admin client. Raises UserError when no broker answers."""
    try:
        return KafkaAdminClient(bootstrap_servers=bootstrap, client_id=client_id, **CONNECT)
    except KafkaError as exc:
        raise no_broker(bootstrap, exc) from exc


def send(client: KafkaProducer, record: Encoded) -> Any:
    """Hand one record to the producer; returns its future. The caller must await it before it forgets the record."""
    return client.send(record.topic, key=record.key, value=record.value, headers=record.headers)


def wait_for_broker(bootstrap: str, timeout: float) -> None:
    """Return when a broker answers an admin call; raises UserError after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            admin(bootstrap, "factorystream-wait").close()
            return
        except UserError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.2)


def no_broker(bootstrap: str, cause: Exception) -> UserError:
    """The sentence for a broker that does not answer."""
    return UserError(f"no Kafka broker answers at {bootstrap} ({type(cause).__name__}). Start one or set FACTORYSTREAM_BOOTSTRAP.")
