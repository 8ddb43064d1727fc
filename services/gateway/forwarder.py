"""Forwards the spool to Kafka in order, window by window, and forgets a record only when the broker has acknowledged it."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from schemas.metric import EventClass
from services.gateway.metrics import GatewayMetrics
from services.gateway.spool import Spool, Stored
from services.runtime import kafka
from services.runtime.errors import UserError

WINDOW_RECORDS = 4_000
WINDOW_BYTES = 8 * 1024 * 1024
FOREVER_MS = 7 * 86_400_000  # the producer itself retries in order for as long as a broker is away
METADATA_MS = 10_000
SAY_AGAIN_S = 10.0
PRODUCER_LOST = {"OutOfOrderSequenceNumberError", "UnknownProducerIdError", "InvalidProducerEpochError", "KafkaTimeoutError"}


class Forwarder:
    """One thread, one idempotent producer. ``error`` is set when it had to give up; the records stay in the spool.

    A window is acknowledged as a whole before the next one is sent, so records of one asset stay in order whatever fails.
    """

    def __init__(
        self, spool: Spool, bootstrap: str, broker_timeout: float, metrics: GatewayMetrics, say: Callable[[str], None]
    ) -> None:
        self._thread = threading.Thread(target=self._run, name="forwarder", daemon=True)  # a stuck broker must not keep the process
        self.error: UserError | None = None
        self.sent = 0
        self._spool = spool
        self._bootstrap = bootstrap
        self._broker_timeout = broker_timeout
        self._metrics = metrics
        self._say = say
        self._stop = threading.Event()
        self._producer: KafkaProducer | None = None

    def start(self) -> None:
        """Begin to forward."""
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether it still forwards."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._connect()
            while not self._stop.is_set():
                window = self._spool.waiting(WINDOW_RECORDS, WINDOW_BYTES)
                if window:
                    self._forward(window)
                else:
                    self._spool.arrived.wait(0.2)
                    self._spool.arrived.clear()
        except UserError as exc:
            self.error = exc
        finally:
            self._close()

    def stop(self, timeout: float = 10.0) -> None:
        """End after the window in hand, or after ``timeout`` seconds without it; what is left stays in the spool."""
        self._stop.set()
        self._spool.arrived.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _connect(self) -> None:
        deadline = time.monotonic() + self._broker_timeout
        said = False
        while not self._stop.is_set():
            try:
                self._producer = kafka.producer(
                    self._bootstrap, "factorystream-gateway", delivery_timeout_ms=FOREVER_MS, max_block_ms=METADATA_MS,
                    allow_auto_create_topics=False, bootstrap_timeout_ms=2_000,
                )  # fmt: skip
                return
            except UserError as exc:
                if time.monotonic() >= deadline:
                    kept = f" {self._spool.records} records are kept in {self._spool.folder} for the next run."
                    raise UserError(f"{exc}{kept if self._spool.records else ''}") from exc
                if not said:
                    self._say(f"no broker answers at {self._bootstrap} yet; waiting for at most {self._broker_timeout:g} s")
                    said = True
                self._stop.wait(0.5)

    def _forward(self, window: Sequence[Stored]) -> None:
        pending = list(window)
        while pending and not self._stop.is_set():
            done, failure = self._await(self._send(pending))
            if done:
                self._acknowledged(pending[:done])
                pending = pending[done:]
            if failure is not None:
                self._refused(failure)
            if pending and not self._stop.is_set():
                self._reconnect()

    def _send(self, records: Sequence[Stored]) -> list[Any]:
        """Futures of the records handed to the producer, up to the first that it could not take."""
        futures = []
        assert self._producer is not None
        for stored in records:
            try:
                futures.append(kafka.send(self._producer, stored.record))
            except KafkaTimeoutError:
                self._check_topic(stored.record.topic)
                break
            except KafkaError as exc:
                raise UserError(f"Kafka at {self._bootstrap} refuses {stored.record.topic}: {exc}") from exc
            if self._stop.is_set():
                break
        return futures

    def _await(self, futures: Sequence[Any]) -> tuple[int, BaseException | None]:
        """How many, from the first on, the broker has acknowledged, and why not the next one. Waits while a broker is away."""
        said = time.monotonic()
        for done, future in enumerate(futures):
            while not future.is_done:
                try:
                    future.get(0.5)
                except KafkaTimeoutError:
                    if self._stop.is_set():
                        return done, None
                    if time.monotonic() - said > SAY_AGAIN_S:
                        said = time.monotonic()
                        self._say(f"the broker does not answer; {self._spool.records} records wait in {self._spool.folder}")
                except KafkaError as exc:
                    return done, exc
            if future.failed():
                return done, future.exception
        return len(futures), None

    def _refused(self, exc: BaseException) -> None:
        """A record failed for good. Only a producer that the broker no longer knows is worth another try: any other refusal
        would come again, and going on without the record would leave a hole in the sequence of its asset."""
        name = type(exc).__name__
        if name not in PRODUCER_LOST:
            raise UserError(f"Kafka at {self._bootstrap} refuses a record ({name}: {exc}); it stays in {self._spool.folder}")
        self._say(f"the broker has lost track of the producer ({name}); sending the last records again")

    def _check_topic(self, topic: str) -> None:
        """Tell a missing topic from a missing broker."""
        try:
            client = kafka.admin(self._bootstrap, "factorystream-gateway-check")
        except UserError:
            self._say(f"the broker does not answer; {self._spool.records} records wait in {self._spool.folder}")
            return
        try:
            known = set(client.list_topics())
        except KafkaError:
            return
        finally:
            client.close()
        if topic not in known:
            raise UserError(
                f"topic {topic} is not on the broker {self._bootstrap}: create the topics first (factorystream topics create)"
            )

    def _acknowledged(self, records: Sequence[Stored]) -> None:
        self._spool.forwarded(records)
        self.sent += len(records)
        for topic, count in Counter(r.record.topic for r in records).items():
            self._metrics.stage.ended(topic, EventClass.DELIVERED, count)
        self._metrics.watch(self._spool)

    def _reconnect(self) -> None:
        self._close()
        self._stop.wait(0.2)
        self._broker_timeout = float("inf")
        self._connect()

    def _close(self) -> None:
        if self._producer is not None:
            self._producer.close(timeout=0 if self._stop.is_set() or self.error else 1)
            self._producer = None
