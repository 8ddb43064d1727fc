"""What the bridge tells Prometheus."""

from prometheus_client import CollectorRegistry, Enum, Histogram

from schemas.metric import END_TO_END, LAG, OLDEST_UNDELIVERED, EventClass
from schemas.registry import OUTBOUND
from services.runtime.metrics import StageMetrics, gauge

STAGE = "bridge"
STATES = ["starting", "active", "idle", "degraded"]
DELIVERY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
END_TO_END_BUCKETS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0)


class BridgeMetrics:
    """Conservation of the records of ``factory.outbound.v1``, their age, and whether the bridge does its work."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._stage = StageMetrics(STAGE, registry)
        self._oldest = gauge(OLDEST_UNDELIVERED, registry).labels(STAGE)
        self._lag = gauge(LAG, registry)
        self._state = Enum("factory_bridge_state", "Whether the bridge does its work", states=STATES, registry=registry)
        self._delivery = Histogram(
            "factory_delivery_seconds", "From the request to the API to its answer", buckets=DELIVERY_BUCKETS, registry=registry
        )
        self._end_to_end = Histogram(
            END_TO_END.name, END_TO_END.text, END_TO_END.labels, buckets=END_TO_END_BUCKETS, registry=registry
        ).labels(STAGE, OUTBOUND.name)

    def state(self, state: str) -> None:
        """One of :data:`STATES`."""
        self._state.state(state)

    def received(self, count: int) -> None:
        """Records were taken in."""
        self._stage.received(OUTBOUND.name, count)

    def ended(self, event_class: EventClass, count: int = 1) -> None:
        """Records ended."""
        self._stage.ended(OUTBOUND.name, event_class, count)

    def oldest(self, arrived_s: float) -> None:
        """When the oldest record in hand came (Unix s); 0 when there is none."""
        self._oldest.set(arrived_s)

    def lag(self, group: str, records: int) -> None:
        """Records that have not been taken in yet."""
        self._lag.labels(group, OUTBOUND.name).set(records)

    def request(self, seconds: float) -> None:
        """The API answered a batch."""
        self._delivery.observe(seconds)

    def delivered(self, seconds: float) -> None:
        """An event is in the ledger, ``seconds`` after its event time."""
        self._end_to_end.observe(max(0.0, seconds))
