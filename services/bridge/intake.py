"""Takes records from ``factory.outbound.v1`` and gives their offsets back when they have ended."""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

from kafka import TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.errors import CommitFailedError, RebalanceInProgressError
from kafka.structs import OffsetAndMetadata

from schemas.codec import decode
from schemas.events.outbound_event import OutboundEvent
from schemas.registry import OUTBOUND
from services.bridge.follower import missing_topic
from services.bridge.pending import Offsets, Pending
from services.runtime.drain import Drain
from services.runtime.kafka import consumer

POLL_MS = 500
HOLD_POLL_MS = 200

log = logging.getLogger(__name__)


class Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]  # the client has no types
    """Remembers which partitions were taken from us and given to us. Called in the client's own thread, so it only takes notes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lost: set[int] = set()
        self._assigned: set[int] = set()

    def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        """Another member may get them, or we again from the committed offset."""
        with self._lock:
            self._lost.update(p.partition for p in revoked)

    def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Also those that we had before."""
        with self._lock:
            self._assigned.update(p.partition for p in assigned)

    def lost(self) -> set[int]:
        """The partitions that were taken since the last call."""
        with self._lock:
            lost, self._lost = self._lost, set()
        return lost

    def assigned(self) -> set[int]:
        """The partitions that were given since the last call."""
        with self._lock:
            assigned, self._assigned = self._assigned, set()
        return assigned


class Intake:
    """The consumer of the group. Raises UserError when the topic does not exist."""

    def __init__(self, bootstrap: str, group: str, most_records: int, session_s: float) -> None:
        self.group = group
        self._client = consumer(
            bootstrap,
            "factorystream-bridge",
            group,
            max_poll_records=most_records,
            session_timeout_ms=int(session_s * 1_000),
            heartbeat_interval_ms=int(session_s * 1_000 / 3),
            allow_auto_create_topics=False,
        )
        if not self._client.partitions_for_topic(OUTBOUND.name):
            raise missing_topic(OUTBOUND.name)
        self._rebalances = Rebalances()
        self._client.subscribe([OUTBOUND.name], listener=self._rebalances)
        self._offsets = Offsets()

    def take(self) -> tuple[list[Pending], list[tuple[Any, str, str]]]:
        """The next records, at most ``most_records``: events, and (record, field, reason) for each that is none.

        All count as taken until :meth:`ended` is called for their partition and offset.
        """
        events: list[Pending] = []
        rejected: list[tuple[Any, str, str]] = []
        self._client.resume(*self._client.paused())
        polled = self._client.poll(timeout_ms=POLL_MS)
        self.lost()  # nothing was in hand that could have been lost with them
        self._go_back(polled)
        for records in polled.values():
            decoded = decode(OUTBOUND, [r.value for r in records])
            events += [_pending(records[index], event) for index, event in decoded.events]
            rejected += [(records[r.index], r.field, r.reason) for r in decoded.rejections]
            for record in records:
                self._offsets.taken(record.partition, record.offset)
        return events, rejected

    def ended(self, partition: int, offset: int) -> None:
        """A record has ended."""
        self._offsets.ended(partition, offset)

    def commit(self) -> None:
        """Commit what has ended. When the group is just being rebalanced, nothing is committed and the records come again."""
        ready = self._offsets.committable()
        if not ready:
            return
        try:
            self._client.commit({TopicPartition(OUTBOUND.name, p): OffsetAndMetadata(o, "", -1) for p, o in ready.items()})
        except (CommitFailedError, RebalanceInProgressError) as exc:
            log.warning("offsets were not committed, the group is rebalanced (%s)", type(exc).__name__)
            return
        self._offsets.committed(ready)

    def hold(self, seconds: float, drain: Drain, clock: Callable[[], float]) -> None:
        """Wait without taking records and without leaving the group; ends early when the end is asked for."""
        until = clock() + seconds
        while not drain.requested and (left := until - clock()) > 0:
            self._client.pause(*self._client.assignment())
            # polling tells the group that we live; only a partition assigned since gives records, and take() goes back for them
            self._client.poll(timeout_ms=int(min(HOLD_POLL_MS, left * 1_000) + 1))

    def lost(self) -> set[int]:
        """Partitions that are no longer ours, or ours anew; their records in hand must be forgotten."""
        lost = self._rebalances.lost()
        for partition in lost:
            self._offsets.dropped(partition)
        return lost

    def lag(self) -> int:
        """Records on our partitions that have not been taken in yet, as far as the broker has told."""
        total = 0
        for partition in self._client.assignment():
            end = self._client.highwater(partition)
            if end is not None:
                total += max(0, end - (self._client.position(partition) or 0))
        return total

    def _go_back(self, polled: dict[Any, Any]) -> None:
        """Begin partitions that were assigned at what is committed, and leave their records in ``polled`` for later.

        A partition that we had before keeps its position, but its records in hand were forgotten when it was taken.
        """
        for number in self._rebalances.assigned():
            partition = TopicPartition(OUTBOUND.name, number)
            polled.pop(partition, None)
            if partition in self._client.assignment():
                committed = self._client.committed(partition)
                if committed is None:
                    self._client.seek_to_beginning(partition)
                else:
                    self._client.seek(partition, committed)

    def close(self) -> None:
        """Leave the group."""
        self._client.close()


def _pending(record: Any, event: Any) -> Pending:
    assert isinstance(event, OutboundEvent)
    return Pending(record.partition, record.offset, record.timestamp / 1_000, record.key, record.value, event)
