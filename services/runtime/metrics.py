"""Prometheus metrics of a service, by the names of schemas.metric."""

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from schemas.metric import ENDED, IN_FLIGHT, RECEIVED, EventClass, Metric
from services.runtime.errors import UserError


def counter(metric: Metric, registry: CollectorRegistry) -> Counter:
    """A counter of that declaration."""
    return Counter(metric.name.removesuffix("_total"), metric.text, metric.labels, registry=registry)


def gauge(metric: Metric, registry: CollectorRegistry) -> Gauge:
    """A gauge of that declaration."""
    return Gauge(metric.name, metric.text, metric.labels, registry=registry)


class StageMetrics:
    """Counts the records of one stage so that received = sum of the classes + in flight holds at every moment."""

    def __init__(self, stage: str, registry: CollectorRegistry) -> None:
        self.stage = stage
        self.registry = registry
        self._received = counter(RECEIVED, registry)
        self._ended = {c: counter(m, registry) for c, m in ENDED.items()}
        self._in_flight = gauge(IN_FLIGHT, registry)

    def received(self, topic: str, count: int = 1) -> None:
        """``count`` records have been taken in."""
        self._in_flight.labels(self.stage, topic).inc(count)
        self._received.labels(self.stage, topic).inc(count)

    def ended(self, topic: str, event_class: EventClass, count: int = 1) -> None:
        """``count`` of them ended in ``event_class``."""
        self._ended[event_class].labels(self.stage, topic).inc(count)
        self._in_flight.labels(self.stage, topic).dec(count)


def serve_metrics(host: str, port: int, registry: CollectorRegistry) -> int:
    """Serve the registry over HTTP and return the port (a free one for 0). Raises UserError when the port is busy."""
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as exc:
        raise UserError(
            f"metrics can't be served on {host}:{port}: {exc.strerror}. Set FACTORYSTREAM_METRICS_PORT to a free port."
        ) from exc
    return int(server.server_port)
