"""The ledger adds up in every scrape, also between two counts."""

from __future__ import annotations

import threading

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from schemas.metric import EventClass
from streams.metrics import StreamMetrics


def scraped(metrics: StreamMetrics) -> dict[str, float]:
    """Every sample of stage s and topic t, without the histogram."""
    found = {}
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        for sample in family.samples:
            if sample.labels == {"stage": "s", "topic": "t"} and sample.name.startswith("factory_events"):
                found[sample.name] = sample.value
    return found


def test_declared_series_begin_at_zero() -> None:
    metrics = StreamMetrics()
    metrics.ledger.declare("s", "t")
    assert set(scraped(metrics).values()) == {0.0}
    assert len(scraped(metrics)) == 2 + len(EventClass)


def test_received_is_the_sum_of_the_classes_and_in_flight_in_every_scrape() -> None:
    metrics = StreamMetrics()
    done = threading.Event()

    def count() -> None:
        for _ in range(3_000):
            metrics.ledger.receive("s", "t", 3)
            metrics.ledger.end("s", "t", {EventClass.APPLIED: 2, EventClass.LATE: 1})
        done.set()

    worker = threading.Thread(target=count)
    worker.start()
    while not done.is_set():
        values = scraped(metrics)
        received = values.pop("factory_events_received_total", 0.0)
        assert received == sum(values.values())
    worker.join()
    assert metrics.ledger.counts("s", "t") == {"received": 9_000, "in_flight": 0, "applied": 6_000, "late": 3_000}


def test_the_lag_of_a_topic_is_the_sum_of_its_partitions_here_and_goes_with_them() -> None:
    metrics = StreamMetrics("g")
    metrics.set_lag({("t", 0): 3, ("t", 1): 4, ("u", 0): 0})
    assert metrics.registry.get_sample_value("factory_consumer_lag_records", {"group": "g", "topic": "t"}) == 7
    metrics.set_lag({("u", 0): 1})
    assert metrics.registry.get_sample_value("factory_consumer_lag_records", {"group": "g", "topic": "t"}) is None
    assert metrics.registry.get_sample_value("factory_consumer_lag_records", {"group": "g", "topic": "u"}) == 1


def test_a_worker_shows_no_assignment_before_it_has_one() -> None:
    """The health check of a container takes the series' presence as joined and restored; a worker too many has zeros."""
    metrics = StreamMetrics("group-1")
    assert "factory_assigned_partitions{" not in generate_latest(metrics.registry).decode()
    metrics.set_assigned({"kpi": 2, "twin": 0})
    shown = generate_latest(metrics.registry).decode()
    assert 'factory_assigned_partitions{group="group-1",stage="kpi"} 2.0' in shown
    assert 'factory_assigned_partitions{group="group-1",stage="twin"} 0.0' in shown
