"""From the outbound topic to the customer's GET, over a real broker, with both services as processes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka_fixture import KafkaUnderTest
from overseas_lab import TOPICS, Log, Overseas, kpi, overseas, policy, progress, samples, until

from schemas.chain import Head, verify

pytestmark = pytest.mark.kafka


@pytest.fixture
def lab(clean_kafka: KafkaUnderTest, tmp_path: Path) -> Iterator[tuple[Log, Overseas]]:
    clean_kafka.create_topics(*(t.name for t in TOPICS))
    with overseas(clean_kafka.bootstrap, tmp_path) as (log, side):
        side.add_customer("acme")
        yield log, side


def assert_chain_holds(side: Overseas, customer: str) -> list[dict[str, Any]]:
    """The customer's own check: no gap, no duplicate, and the head that the API proves."""
    events = side.events(customer)
    assert len({e["id"] for e in events}) == len(events)
    assert verify(events) == Head(**side.get(customer, "/v1/proof"))
    return events


def test_outbound_records_reach_the_customer(lab: tuple[Log, Overseas]) -> None:
    log, side = lab
    log.write(policy("acme"), *(progress("acme", f"order-{i % 3}", 1 + i) for i in range(30)), kpi("acme", "order-1", 1))
    side.start_api()
    bridge = side.start_bridge()
    side.await_events("acme", 31)
    events = assert_chain_holds(side, "acme")
    assert [e["sequence"] for e in events] == list(range(1, 32))
    assert side.get("acme", "/v1/orders/order-1")["payload"]["produced"] == 29
    assert side.get("acme", "/v1/orders/order-1/kpis")["items"][0]["payload"]["value"] == 0.5
    assert bridge.stop() == 0
    assert verify(log.audit("acme")).sequence == 31


def test_customers_get_their_own_events_only(lab: tuple[Log, Overseas]) -> None:
    log, side = lab
    side.add_customer("globex")
    log.write(policy("acme"), policy("globex"))
    log.write(*(progress(c, f"{c}-order", n) for n in range(1, 21) for c in ("acme", "globex")))
    side.serve_api()
    side.start_bridge()
    for customer in ("acme", "globex"):
        side.await_events(customer, 20)
        assert {e["subject"] for e in assert_chain_holds(side, customer)} == {f"{customer}-order"}


def test_nothing_is_lost_while_the_api_is_down(lab: tuple[Log, Overseas]) -> None:
    log, side = lab
    log.write(policy("acme"), *(progress("acme", "order-1", n) for n in range(1, 301)))
    side.proxy.mode = "down"
    bridge = side.start_bridge(FACTORYSTREAM_BRIDGE_RECORDS="50")
    until(lambda: side.proxy.refused, lambda refused: refused >= 3)
    assert samples(bridge, "factory_events_in_flight") == {'{stage="bridge",topic="factory.outbound.v1"}': 50}
    assert samples(bridge, "factory_oldest_undelivered_timestamp_seconds")['{stage="bridge"}'] > 0
    assert samples(bridge, "factory_bridge_state")['{factory_bridge_state="degraded"}'] == 1
    side.serve_api()
    side.proxy.mode = "pass"
    side.await_events("acme", 300)
    assert [e["payload"]["revision"] for e in assert_chain_holds(side, "acme")] == list(range(1, 301))
    assert_conserved(bridge, received=300, delivered=300)


def test_bridges_that_come_and_go_while_the_api_is_down_lose_nothing(lab: tuple[Log, Overseas]) -> None:
    """Each one that comes or goes moves the partitions, while the others hold records that they could not deliver."""
    log, side = lab
    log.write(policy("acme"), *(progress("acme", "order-1", n) for n in range(1, 301)))
    side.proxy.mode = "down"
    side.start_bridge(FACTORYSTREAM_BRIDGE_RECORDS="50")
    for _ in range(4):
        refused = side.proxy.refused
        second = side.start_bridge(FACTORYSTREAM_BRIDGE_RECORDS="50")
        second.word_after("metrics on ")
        until(lambda: side.proxy.refused, lambda seen, before=refused: seen >= before + 6)
        assert second.stop() == 0
    side.serve_api()
    side.proxy.mode = "pass"
    side.await_events("acme", 300)
    assert [e["payload"]["revision"] for e in assert_chain_holds(side, "acme")] == list(range(1, 301))


def test_an_api_that_ends_and_comes_back_gets_the_rest(lab: tuple[Log, Overseas]) -> None:
    log, side = lab
    log.write(policy("acme"), *(progress("acme", "order-1", n) for n in range(1, 51)))
    api = side.start_api()
    bridge = side.start_bridge()
    side.await_events("acme", 50)
    api.kill()
    log.write(*(progress("acme", "order-1", n) for n in range(51, 101)))
    until(lambda: samples(bridge, "factory_bridge_state"), lambda s: s['{factory_bridge_state="degraded"}'] == 1)
    side.start_api()
    side.await_events("acme", 100)
    assert [e["payload"]["revision"] for e in assert_chain_holds(side, "acme")] == list(range(1, 101))


def test_killed_between_post_and_commit_it_repeats_nothing_and_leaves_no_gap(lab: tuple[Log, Overseas]) -> None:
    log, side = lab
    log.write(policy("acme"), *(progress("acme", "order-1", n) for n in range(1, 41)))
    side.serve_api()
    side.proxy.mode = "hang"
    bridge = side.start_bridge()
    assert side.proxy.hanging.wait(60), bridge.lines
    bridge.kill()
    stored = side.events("acme")
    assert stored, "the API has stored what the bridge never heard back about"
    side.proxy.mode = "pass"
    log.write(*(progress("acme", "order-1", n) for n in range(41, 61)))
    again = side.start_bridge()
    side.await_events("acme", 60)
    events = assert_chain_holds(side, "acme")
    assert events[: len(stored)] == stored
    assert [e["payload"]["revision"] for e in events] == list(range(1, 61))
    assert_conserved(again, received=60, delivered=60 - len(stored), deduplicated=len(stored))
    audit = log.audit("acme")
    assert verify(audit).sequence == 60
    assert len({a["event"] for a in audit}) == 60


def test_sigterm_under_load_ends_with_zero_and_loses_nothing(lab: tuple[Log, Overseas]) -> None:
    log, side = lab
    log.write(policy("acme"), *(progress("acme", "order-1", n) for n in range(1, 1001)))
    side.serve_api()
    for _ in range(3):
        bridge = side.start_bridge(FACTORYSTREAM_BRIDGE_RECORDS="20")
        already = len(side.events("acme"))
        side.await_events("acme", already + 40)
        assert bridge.stop() == 0
    side.start_bridge()
    side.await_events("acme", 1000)
    assert [e["payload"]["revision"] for e in assert_chain_holds(side, "acme")] == list(range(1, 1001))


def test_sigterm_while_the_api_is_down_ends_with_zero(lab: tuple[Log, Overseas]) -> None:
    log, side = lab
    log.write(policy("acme"), progress("acme", "order-1", 1))
    side.proxy.mode = "down"
    side.proxy.retry_after = "3600"
    bridge = side.start_bridge()
    until(lambda: side.proxy.refused, lambda refused: refused >= 1)
    assert bridge.stop() == 0


def test_the_same_event_twice_in_the_topic_is_delivered_once(lab: tuple[Log, Overseas]) -> None:
    log, side = lab
    events = [progress("acme", "order-1", n) for n in range(1, 21)]
    log.write(policy("acme"), *events, *events)
    side.serve_api()
    bridge = side.start_bridge(FACTORYSTREAM_BRIDGE_RECORDS="20")
    side.await_events("acme", 20)
    log.write(*events, progress("acme", "order-1", 21))
    side.await_events("acme", 21)
    assert len(assert_chain_holds(side, "acme")) == 21
    assert_conserved(bridge, received=61, delivered=21, deduplicated=40)


def test_a_record_that_is_no_event_is_kept_and_the_rest_goes_on(lab: tuple[Log, Overseas]) -> None:
    log, side = lab
    log.write(policy("acme"), progress("acme", "order-1", 1))
    for value in (b"{", b'{"type":"factory.outbound-event.v1"}', None):
        log.write_raw("factory.outbound.v1", b"acme", value)
    log.write(progress("acme", "order-1", 2))
    side.serve_api()
    bridge = side.start_bridge()
    side.await_events("acme", 2)
    assert_conserved(bridge, received=5, delivered=2, dead_lettered=3)
    letters = log.read("factory.outbound.v1.dlq")
    assert sorted(r.value for r in letters) == sorted([b"{", b'{"type":"factory.outbound-event.v1"}', b""])
    assert {dict(r.headers)["dlq_topic"] for r in letters} == {b"factory.outbound.v1"}


def assert_conserved(bridge: Any, *, received: int, **classes: int) -> None:
    """received = what ended in each class, with nothing in flight."""
    labels = '{stage="bridge",topic="factory.outbound.v1"}'
    until(lambda: samples(bridge, "factory_events_in_flight")[labels], lambda n: n == 0)
    assert samples(bridge, "factory_events_received_total")[labels] == received
    names = ("applied", "deduplicated", "late", "dead_lettered", "denied", "delivered")
    counted = {name: samples(bridge, f"factory_events_{name}_total").get(labels, 0) for name in names}
    assert {k: v for k, v in counted.items() if v} == classes
    assert sum(counted.values()) == received
