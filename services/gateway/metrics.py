"""What the gateway tells Prometheus besides the counts of a stage: how full the spool is, and what it turned away."""

from prometheus_client import CollectorRegistry

from schemas.metric import OLDEST_UNDELIVERED, EventClass, Metric
from services.gateway.spool import Spool
from services.runtime.metrics import StageMetrics, counter, gauge

STAGE = "gateway"
SPOOL_RECORDS = Metric("factory_gateway_spool_records", "Records accepted and not yet acknowledged by the broker")
SPOOL_BYTES = Metric("factory_gateway_spool_bytes", "Bytes of those records")
SPOOL_LIMIT = Metric("factory_gateway_spool_limit_bytes", "Bytes at which the gateway slows its sources down")
REJECTS = Metric("factory_gateway_rejects_total", "Lines and events turned away at the door; each is in rejects.ndjson")
READINGS = Metric("factory_gateway_readings_total", "Values of channels taken in")


class GatewayMetrics:
    """The metrics of one gateway process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.stage = StageMetrics(STAGE, registry)
        self.rejects = counter(REJECTS, registry)
        self.readings = counter(READINGS, registry)
        self._records = gauge(SPOOL_RECORDS, registry)
        self._bytes = gauge(SPOOL_BYTES, registry)
        self._limit = gauge(SPOOL_LIMIT, registry)
        self._oldest = gauge(OLDEST_UNDELIVERED, registry).labels(STAGE)

    def resume(self, spool: Spool) -> None:
        """Take in what an earlier run left in the spool."""
        for topic, count in spool.counts_by_topic().items():
            self.stage.received(topic, count)
        self._limit.set(spool.limit_bytes)
        self.watch(spool)

    def rejected(self, topic: str | None) -> None:
        """A line or an event was turned away; ``topic`` where it would have gone, if that is known."""
        self.rejects.inc()
        if topic is not None:
            self.stage.received(topic)
            self.stage.ended(topic, EventClass.DEAD_LETTERED)

    def watch(self, spool: Spool) -> None:
        """Show how full the spool is."""
        self._records.set(spool.records)
        self._bytes.set(spool.bytes)
        self._oldest.set(spool.oldest_accepted())
