"""Watches the results of the demo as they come: KPIs and alerts from Kafka, what each customer has from the API."""

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from kafka import KafkaConsumer, TopicPartition

from schemas import registry
from schemas.events.alert import Alert
from schemas.events.kpi_value import KpiValue
from services.cli.customer_api import CustomerApi
from services.cli.newest import newest_kpis
from services.runtime.kafka import consumer
from services.stack.log_reader import decoded

TOPICS = {t.name: t for t in (registry.KPI, registry.ALERT)}


@dataclass(slots=True)
class Results:
    """What has come so far. ``first_kpi_s`` is when the first KPI with a value came, in seconds after ``began`` (Unix s)."""

    began: float
    kpis: list[KpiValue] = field(default_factory=list)
    alerts: dict[str, Alert] = field(default_factory=dict)
    first_kpi_s: float | None = None

    def take(self, event: object) -> None:
        """Note one event."""
        if isinstance(event, KpiValue):
            self.kpis.append(event)
            if self.first_kpi_s is None and event.value is not None:
                self.first_kpi_s = time.time() - self.began
        elif isinstance(event, Alert):
            known = self.alerts.get(event.alert)
            if known is None or known.revision < event.revision:
                self.alerts[event.alert] = event

    def settle(self) -> list[KpiValue]:
        """The newest revision of each KPI; the older ones are forgotten."""
        self.kpis = newest_kpis(self.kpis)
        return self.kpis


class Watch:
    """A consumer of the topics that the demo shows."""

    def __init__(self, bootstrap: str, results: Results) -> None:
        self.results = results
        self._consumer: KafkaConsumer = consumer(bootstrap, "factorystream-demo", None)
        self._consumer.assign([TopicPartition(t.name, number) for t in TOPICS.values() for number in range(t.partitions)])
        self._consumer.seek_to_beginning()

    def poll(self, seconds: float) -> None:
        """Take what has come, waiting for at most so long."""
        for partition, records in self._consumer.poll(timeout_ms=int(seconds * 1000), max_records=2000).items():
            for record in decoded(TOPICS[partition.topic], records):
                self.results.take(record.event)

    def poll_to_end(self) -> None:
        """Take everything that is there."""
        ends = self._consumer.end_offsets(self._consumer.assignment())
        while any(self._consumer.position(p) < end for p, end in ends.items()):
            self.poll(0.2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._consumer.close()


def customer_view(api: CustomerApi) -> dict[str, Any]:
    """What a customer has now: orders with their progress, KPIs, and how many events."""
    return {
        "orders": [event["payload"] for event in api.items("/v1/orders")],
        "kpis": [event["payload"] for event in api.items("/v1/kpis")],
        "events": api.get("/v1/proof")["sequence"],
    }
