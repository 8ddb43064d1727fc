"""What the API tells Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Histogram

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class ApiMetrics:
    """Requests by route, method and status, and what came into the ledger. Never a label with a customer or an id."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._seconds = Histogram(
            "factory_api_request_seconds",
            "Time from the request to the end of its answer",
            ("route", "method", "status"),
            buckets=BUCKETS,
            registry=registry,
        )
        self._stored = Counter("factory_api_ledger_entries", "Events stored in the ledger", registry=registry)
        self._replayed = Counter("factory_api_batches_replayed", "Batches that had been stored before", registry=registry)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._seconds.labels(route, method, str(status)).observe(seconds)

    def batch(self, stored: int, *, replayed: bool) -> None:
        """A batch was stored, or recognised."""
        if replayed:
            self._replayed.inc()
        else:
            self._stored.inc(stored)
