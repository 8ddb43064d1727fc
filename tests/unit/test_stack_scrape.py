"""Reading the services' metrics: what they count in Prometheus' format is what the stack adds up."""

from prometheus_client import CollectorRegistry, generate_latest

from schemas.metric import EventClass
from services.runtime.metrics import StageMetrics, serve_metrics
from services.stack.scrape import fetch, responds, stage_counts

TOPIC = "factory.machine.v1"


def metrics(stage: str, received: int, applied: int, late: int) -> str:
    registry = CollectorRegistry()
    made = StageMetrics(stage, registry)
    made.received(TOPIC, received)
    made.ended(TOPIC, EventClass.APPLIED, applied)
    made.ended(TOPIC, EventClass.LATE, late)
    return generate_latest(registry).decode()


def test_the_counts_of_a_service_are_read_by_stage_topic_and_class() -> None:
    counts = stage_counts([metrics("measure", 12, 8, 1)])
    assert set(counts) == {("measure", TOPIC)}
    count = counts["measure", TOPIC]
    assert (count.received, count.in_flight) == (12, 3)
    assert {c: n for c, n in count.ended.items() if n} == {EventClass.APPLIED: 8, EventClass.LATE: 1}
    assert count.balances


def test_several_workers_of_one_stage_add_up() -> None:
    counts = stage_counts([metrics("measure", 5, 5, 0), metrics("measure", 7, 6, 1), metrics("kpi", 1, 1, 0)])
    assert counts["measure", TOPIC].received == 12
    assert counts["kpi", TOPIC].received == 1


def test_other_metrics_are_passed_over() -> None:
    assert stage_counts(['# TYPE python_info gauge\npython_info{version="3"} 1.0\n']) == {}


def test_a_service_that_is_served_responds() -> None:
    port = serve_metrics("127.0.0.1", 0, CollectorRegistry())
    assert responds(f"http://127.0.0.1:{port}/metrics")
    assert fetch(f"http://127.0.0.1:{port}/metrics") == ""


def test_nothing_responds_where_nothing_listens() -> None:
    assert not responds("http://127.0.0.1:9/metrics")
    assert not responds("not a url")
