"""What the streams tell Prometheus, by the names of schemas.metric."""

from __future__ import annotations

import threading
from collections import Counter as Tally
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Gauge, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.metric import ASSIGNED, ENDED, IN_FLIGHT, LAG, RECEIVED, EventClass

Cell = tuple[str, str]  # stage, topic
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Ledger(Collector):
    """Counts records so that received = sum of the classes + in flight holds in every scrape.

    Several counters of prometheus_client can't be read at one moment: a scrape between two increments would break the sum.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received: Tally[Cell] = Tally()
        self._ended: dict[EventClass, Tally[Cell]] = {c: Tally() for c in EventClass}
        self._in_flight: Tally[Cell] = Tally()

    def declare(self, stage: str, topic: str) -> None:
        """Show zeros from the start: a series that appears with its first count hides that count from ``rate``."""
        with self._lock:
            for tally in (self._received, self._in_flight, *self._ended.values()):
                tally[stage, topic] += 0

    def receive(self, stage: str, topic: str, count: int) -> None:
        """``count`` records have been taken in and are in flight."""
        with self._lock:
            self._received[stage, topic] += count
            self._in_flight[stage, topic] += count

    def end(self, stage: str, topic: str, classes: Mapping[EventClass, int]) -> None:
        """So many of them have ended in each class."""
        with self._lock:
            for name, count in classes.items():
                self._ended[name][stage, topic] += count
                self._in_flight[stage, topic] -= count

    def counts(self, stage: str, topic: str) -> dict[str, int]:
        """Received, in flight and every class that is not zero, of one stage and topic."""
        cell = (stage, topic)
        with self._lock:
            ended = {c.value: tally[cell] for c, tally in self._ended.items() if tally[cell]}
            return {"received": self._received[cell], "in_flight": self._in_flight[cell], **ended}

    def collect(self) -> Iterator[Metric]:
        """One consistent picture."""
        with self._lock:
            received, in_flight = dict(self._received), dict(self._in_flight)
            ended = {c: dict(tally) for c, tally in self._ended.items()}
        yield _family(CounterMetricFamily(RECEIVED.name, RECEIVED.text, labels=RECEIVED.labels), received)
        for name, cells in ended.items():
            yield _family(CounterMetricFamily(ENDED[name].name, ENDED[name].text, labels=ENDED[name].labels), cells)
        yield _family(GaugeMetricFamily(IN_FLIGHT.name, IN_FLIGHT.text, labels=IN_FLIGHT.labels), in_flight)


class StreamMetrics:
    """The metrics of one worker, in a registry of their own."""

    def __init__(self, group: str = "") -> None:
        self._group = group
        self.registry = CollectorRegistry()
        self.ledger = Ledger()
        self.registry.register(self.ledger)
        self.batch_seconds = Histogram(
            "factory_step_batch_seconds",
            "From taking a batch to having every effect of it in the log",
            ("stage", "topic"),
            buckets=SECONDS,
            registry=self.registry,
        )

        self._assigned = Gauge(ASSIGNED.name, ASSIGNED.text, ASSIGNED.labels, registry=self.registry)
        self._lag = Gauge(LAG.name, LAG.text, LAG.labels, registry=self.registry)

    def set_assigned(self, partitions: Mapping[str, int]) -> None:
        """How many partitions of each step this worker works on, once their state is restored."""
        for stage, count in partitions.items():
            self._assigned.labels(self._group, stage).set(count)

    def set_lag(self, behind: Mapping[tuple[str, int], int]) -> None:
        """By how many records each partition of this worker is behind; shown as the sum per topic."""
        sums: Tally[str] = Tally()
        for (topic, _), records in behind.items():
            sums[topic] += max(0, records)
        self._lag.clear()  # a topic whose partitions have all gone to others is no longer ours to report
        for topic, records in sums.items():
            self._lag.labels(self._group, topic).set(records)

    def serve(self, host: str, port: int) -> int:
        """Serve them over HTTP and return the port (a free one for 0). Raises OSError when the port is busy."""
        server, _ = start_http_server(port, host, self.registry)
        return int(server.server_port)


def _family(family: CounterMetricFamily | GaugeMetricFamily, cells: Mapping[Cell, int]) -> Metric:
    for labels, value in sorted(cells.items()):
        family.add_metric(labels, value)
    return family
