"""Names of the platform's own metrics: declared once, exported by every stage with the same words.

A record that a stage received ends in exactly one class, so for each (stage, topic):
received = applied + deduplicated + late + dead-lettered + denied + delivered + in flight.
"""

from dataclasses import dataclass
from enum import StrEnum


class EventClass(StrEnum):
    """How a record ends in a stage."""

    APPLIED = "applied"
    DEDUPLICATED = "deduplicated"
    LATE = "late"
    DEAD_LETTERED = "dead_lettered"
    DENIED = "denied"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    text: str
    labels: tuple[str, ...] = ()


RECEIVED = Metric("factory_events_received_total", "Records a stage has taken in", ("stage", "topic"))
IN_FLIGHT = Metric("factory_events_in_flight", "Records taken in and not yet ended in a class", ("stage", "topic"))
ENDED = {
    c: Metric(f"factory_events_{c.value}_total", f"Records that ended as {c.value.replace('_', '-')}", ("stage", "topic"))
    for c in EventClass
}
END_TO_END = Metric("factory_event_end_to_end_seconds", "From event time to the end of the stage", ("stage", "topic"))
OLDEST_UNDELIVERED = Metric(
    "factory_oldest_undelivered_timestamp_seconds",
    "Unix time of the oldest record not yet delivered; 0 when none",
    ("stage",),
)
ASSIGNED = Metric(
    "factory_assigned_partitions",
    "Partitions that a worker works on, their state restored; absent before it has joined",
    ("group", "stage"),
)
LAG = Metric("factory_consumer_lag_records", "Records between the committed offset and the end", ("group", "topic"))
