"""The registry: every topic, once. Topics, schemas, documents, dead-letter topics and changelogs follow from it."""

from functools import cache

from schemas.envelope import Event
from schemas.events.alert import Alert
from schemas.events.asset import Asset
from schemas.events.audit_record import AuditRecord
from schemas.events.calendar import Calendar
from schemas.events.certificate import Certificate
from schemas.events.dead_letter import DeadLetter
from schemas.events.defect import Defect
from schemas.events.export_policy import ExportPolicy
from schemas.events.feedback import Feedback
from schemas.events.health_index import HealthIndex
from schemas.events.heartbeat import Heartbeat
from schemas.events.held_event import HeldEvent
from schemas.events.image_captured import ImageCaptured
from schemas.events.inspection_result import InspectionResult
from schemas.events.kpi_value import KpiValue
from schemas.events.late_event import LateEvent
from schemas.events.loss_model import LossModel
from schemas.events.machine_event import MachineEvent
from schemas.events.measure import Measure
from schemas.events.order import Order
from schemas.events.outbound_event import OutboundEvent
from schemas.events.sensor_frame import SensorFrame
from schemas.events.twin_state import TwinState
from schemas.events.window_aggregate import WindowAggregate
from schemas.topic import DEAD_LETTER_DAYS, Topic

SENSOR = Topic(
    "factory.sensor.v1", "Readings of machines and sensors, packed into frames", (SensorFrame, Heartbeat), "asset", 7,
    producers=("gateway",), consumers=("aggregate", "maintenance"),
)  # fmt: skip
MACHINE = Topic(
    "factory.machine.v1", "Discrete facts about machines", (MachineEvent, Heartbeat), "asset", 30,
    producers=("gateway",), consumers=("measure", "alert", "twin"),
)  # fmt: skip
IMAGE = Topic(
    "factory.image.v1", "Pictures taken, by reference", (ImageCaptured,), "asset", 7,
    producers=("gateway",), consumers=("inspection",),
)  # fmt: skip
INSPECTION = Topic(
    "factory.inspection.v1", "Verdicts on units", (InspectionResult,), "asset", 90,
    producers=("inspection", "gateway"), consumers=("measure", "subscribers"),
)  # fmt: skip
DEFECT = Topic(
    "factory.defect.v1", "Flaws found on units", (Defect,), "asset", 90,
    producers=("inspection",), consumers=("subscribers",),
)  # fmt: skip
AGGREGATE = Topic(
    "factory.aggregate.v1", "Statistics per channel and 10 s window", (WindowAggregate,), "asset", 30,
    producers=("aggregate",), consumers=("alert", "maintenance", "console"),
)  # fmt: skip
MEASURE = Topic(
    "factory.measure.v1", "Time and quantity account per asset and hour; a higher revision replaces a lower one",
    (Measure,), "line", 30,
    producers=("measure",), consumers=("kpi",),
)  # fmt: skip
KPI = Topic(
    "factory.kpi.v1", "KPIs of ISO 22400 per asset, line, order and part", (KpiValue,), "scope.id", 90,
    producers=("kpi",), consumers=("twin", "publish", "subscribers"),
)  # fmt: skip
HEALTH = Topic(
    "factory.health.v1", "Health of assets", (HealthIndex,), "asset", 30,
    producers=("maintenance",), consumers=("subscribers",),
)  # fmt: skip
ALERT = Topic(
    "factory.alert.v1", "Life cycle of alerts (ISA-18.2)", (Alert,), "asset", 90,
    producers=("alert", "maintenance"), consumers=("twin", "subscribers"),
)  # fmt: skip
TWIN_STATE = Topic(
    "factory.twin-state.v1", "Present state of assets, lines and orders", (TwinState,), "scope.id", None, compacted=True,
    producers=("twin",), consumers=("publish", "subscribers"),
)  # fmt: skip
OUTBOUND = Topic(
    "factory.outbound.v1", "What customers may be shown, if the gate agrees", (OutboundEvent,), "customer", 30,
    producers=("publish",), consumers=("bridge",),
)  # fmt: skip
HOLD = Topic(
    "factory.hold.v1", "Outbound events that wait for a decision", (HeldEvent,), "id", None, compacted=True,
    producers=("bridge",), consumers=("bridge", "ops"),
)  # fmt: skip
AUDIT = Topic(
    "factory.audit.v1", "Hash-chained decisions of the gate", (AuditRecord,), "customer", 1096,
    producers=("bridge",), consumers=("ops",),
)  # fmt: skip
FEEDBACK = Topic(
    "factory.feedback.v1", "What customers send back", (Feedback,), "customer", 90,
    producers=("bridge",), consumers=("subscribers",),
)  # fmt: skip
LATE = Topic(
    "factory.late.v1", "Facts that came too late to change a result", (LateEvent,), "asset", 90,
    producers=("aggregate", "measure"), consumers=("ops",),
)  # fmt: skip
ORDER = Topic(
    "factory.order.v1", "Production orders", (Order,), "order", None, compacted=True,
    producers=("erp", "simulator"), consumers=("measure", "twin", "publish"),
)  # fmt: skip
CALENDAR = Topic(
    "factory.calendar.v1", "Shift calendars; every version stays", (Calendar,), "subject", None, compacted=True,
    producers=("erp",), consumers=("measure", "subscribers"),
)  # fmt: skip
LOSS_MODEL = Topic(
    "factory.loss-model.v1", "How states and reasons become time elements; every version stays", (LossModel,), "subject", None,
    compacted=True, producers=("erp",), consumers=("kpi", "measure", "subscribers"),
)  # fmt: skip
EXPORT_POLICY = Topic(
    "factory.export-policy.v1", "Export policies per customer", (ExportPolicy,), "customer", None, compacted=True,
    producers=("export-officer",), consumers=("bridge",),
)  # fmt: skip
CERTIFICATE = Topic(
    "factory.certificate.v1", "Certificates of the factory", (Certificate,), "certificate", None, compacted=True,
    producers=("erp",), consumers=("subscribers",),
)  # fmt: skip
ASSET = Topic(
    "factory.asset.v1", "Assets, their place and their channels", (Asset,), "asset", None, compacted=True,
    producers=("gateway", "simulator"), consumers=("aggregate", "measure", "alert"),
)  # fmt: skip

TOPICS: tuple[Topic, ...] = (
    SENSOR, MACHINE, IMAGE, INSPECTION, DEFECT, AGGREGATE, MEASURE, KPI, HEALTH, ALERT, TWIN_STATE,
    OUTBOUND, HOLD, AUDIT, FEEDBACK, LATE, ORDER, CALENDAR, LOSS_MODEL, EXPORT_POLICY, CERTIFICATE, ASSET,
)  # fmt: skip

#: steps that keep state; each has a changelog of its own, partitioned like the topics it reads
STATEFUL_STEPS = ("aggregate", "measure", "kpi", "alert", "twin", "publish")


def topic_named(name: str) -> Topic:
    """The topic of that name. Raises KeyError."""
    return _by_name()[name]


@cache
def topic_of(event: type[Event]) -> Topic:
    """The one topic of an event type. Raises LookupError for a type on no topic or on several (Heartbeat)."""
    homes = [t for t in TOPICS if event in t.events]
    if len(homes) != 1:
        raise LookupError(f"{event.__name__} is on {len(homes)} topics: name the topic")
    return homes[0]


def changelog_name(step: str) -> str:
    """The topic that keeps the state of a step."""
    return f"factorystream.{step}.changelog"


def dead_letter_topic(topic: Topic) -> Topic:
    """The dead-letter topic beside ``topic``: the original bytes, kept longer than the source."""
    days = max(DEAD_LETTER_DAYS, topic.retention_days or 0)
    return Topic(
        topic.dead_letter_name, f"Records of {topic.name} that are no events", (DeadLetter,), "original_key", days,
        producers=topic.consumers, consumers=("ops",), partitions=1, dead_letters=False,
    )  # fmt: skip


def changelog_topic(step: str) -> Topic:
    """The compacted changelog of a step; its records are the platform's own and have no contract outside."""
    return Topic(
        changelog_name(step), f"State of the step {step}", (), "key", None,
        producers=(step,), consumers=(step,), compacted=True, dead_letters=False,
    )  # fmt: skip


def broker_topics() -> tuple[Topic, ...]:
    """Everything that must exist on a broker: topics, their dead-letter topics and the changelogs."""
    dead = tuple(dead_letter_topic(t) for t in TOPICS if t.dead_letters)
    return (*TOPICS, *dead, *(changelog_topic(s) for s in STATEFUL_STEPS))


@cache
def _by_name() -> dict[str, Topic]:
    return {t.name: t for t in broker_topics()}
