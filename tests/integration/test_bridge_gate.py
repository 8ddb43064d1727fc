"""The gate over a real broker: without a policy that permits it, nothing leaves; whatever is decided is on the audit topic."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kafka_fixture import KafkaUnderTest
from overseas_lab import START, TOPICS, Log, Overseas, kpi, overseas, policy, progress, until

from schemas.chain import verify
from schemas.registry import EXPORT_POLICY
from services.bridge.policy_desk import switch

pytestmark = pytest.mark.kafka

GOOD = "initech"  # a customer with a policy: when its event has arrived, those before it have been decided


@pytest.fixture
def lab(clean_kafka: KafkaUnderTest, tmp_path: Path) -> Iterator[tuple[Log, Overseas]]:
    clean_kafka.create_topics(*(t.name for t in TOPICS))
    with overseas(clean_kafka.bootstrap, tmp_path) as (log, side):
        side.add_customer("acme")
        log.write(policy(GOOD))
        side.serve_api()
        yield log, side


def audited(log: Log, count: int, customer: str = "acme") -> list[dict[str, Any]]:
    """The decisions about a customer, once there are ``count``."""
    records: list[dict[str, Any]] = until(lambda: log.audit(customer), lambda found: len(found) >= count)
    verify(records)
    return records


def test_without_a_policy_nothing_leaves(lab: tuple[Log, Overseas]) -> None:
    log, side = lab
    log.write(progress("acme", "order-1", 1))
    side.start_bridge()
    (record,) = audited(log, 1)
    assert (record["decision"], record["policy_version"], record["sent_bytes"]) == ("deny", None, 0)
    assert side.events("acme") == []


REASONS: dict[str, tuple[dict[str, Any], str]] = {
    "late": ({"valid_until": datetime(2020, 1, 1, tzinfo=UTC)}, "expired"),
    "stopped": ({"suspended": True}, "suspended"),
    "numbers-only": ({"products": ["kpi"]}, "product order"),
}


def test_a_policy_that_does_not_permit_it_keeps_it_inside(lab: tuple[Log, Overseas]) -> None:
    log, side = lab
    for customer, (change, _) in REASONS.items():
        side.add_customer(customer)
        log.write(policy(customer, **change), progress(customer, "order-1", 1))
    side.start_bridge()
    for customer, (_, reason) in REASONS.items():
        (record,) = audited(log, 1, customer)
        assert record["decision"] == "deny"
        assert reason in record["reason"]
        assert side.events(customer) == []


CORRUPT = {"cut-off": b"{", "empty": b"{}", "null": b"null", "no-text": b"\xff"}


def test_a_corrupt_policy_fails_closed_even_after_a_good_one(lab: tuple[Log, Overseas]) -> None:
    log, side = lab
    for customer, value in CORRUPT.items():
        side.add_customer(customer)
        log.write(policy(customer))
        log.write_raw(EXPORT_POLICY.name, customer.encode(), value)
        log.write(progress(customer, "order-1", 1))
    bridge = side.start_bridge()
    for customer in CORRUPT:
        (record,) = audited(log, 1, customer)
        assert record["decision"] == "deny"
        assert "can't be read" in record["reason"]
        assert side.events(customer) == []
        assert any(f"'{customer}' can't be read" in line for line in bridge.lines)


def test_a_withdrawn_policy_counts_from_the_moment_it_is_written(lab: tuple[Log, Overseas]) -> None:
    log, side = lab
    log.write(policy("acme"), progress("acme", "order-1", 1))
    side.start_bridge()
    side.await_events("acme", 1)
    log.write(policy("acme", 2, suspended=True))
    log.write(progress("acme", "order-1", 2))
    log.write_raw(EXPORT_POLICY.name, b"acme", None)
    log.write(progress("acme", "order-1", 3))
    log.write(policy("acme", 3))
    log.write(progress("acme", "order-1", 4))
    side.await_events("acme", 2)
    assert 2 not in [e["payload"]["revision"] for e in side.events("acme")]
    assert audited(log, 4)[1]["decision"] == "deny"


def test_what_waits_for_the_api_is_held_back_when_the_policy_is_suspended(lab: tuple[Log, Overseas]) -> None:
    log, side = lab
    log.write(policy("acme"), progress("acme", "order-1", 1))
    side.proxy.mode = "down"
    side.start_bridge()
    until(lambda: side.proxy.refused, lambda refused: refused >= 2)
    log.write(policy("acme", 2, suspended=True))
    assert [r["decision"] for r in audited(log, 1)[:1]] == ["allow"]
    side.proxy.mode = "pass"
    records = audited(log, 2)
    assert [(r["decision"], r["policy_version"]) for r in records] == [("allow", 1), ("deny", 2)]
    assert side.events("acme") == []


def test_one_command_stops_what_leaves_to_everybody(lab: tuple[Log, Overseas]) -> None:
    log, side = lab
    log.write(policy("acme"), progress("acme", "order-1", 1))
    side.start_bridge()
    side.await_events("acme", 1)
    assert switch(log.bootstrap, True, "export officer", "audit", START)
    assert not switch(log.bootstrap, True, "export officer", "again", START)
    log.write(progress("acme", "order-1", 2))
    assert audited(log, 2)[1]["reason"] == "everything is stopped: audit"
    assert switch(log.bootstrap, False, "export officer", "done", START)
    log.write(progress("acme", "order-1", 3))
    assert [e["payload"]["revision"] for e in side.await_events("acme", 2)] == [1, 3]


def test_denied_fields_and_fine_aggregates_are_cut_out(lab: tuple[Log, Overseas]) -> None:
    log, side = lab
    log.write(policy("acme", denied_fields=["good", "coverage"], smallest_n=50, smallest_window_s=600))
    log.write(progress("acme", "order-1", 1), kpi("acme", "order-1", 1, n=49), kpi("acme", "order-1", 2, n=50))
    side.start_bridge()
    order, few, enough = side.await_events("acme", 3)
    assert "good" not in order["payload"]
    assert "value" not in few["payload"]
    assert "coverage" not in enough["payload"]
    assert enough["payload"]["value"] == 0.5
    assert [r["decision"] for r in audited(log, 3)] == ["redact", "redact", "redact"]


def test_a_decision_is_audited_once_over_restarts(lab: tuple[Log, Overseas]) -> None:
    log, side = lab
    log.write(progress("acme", "order-1", 1))
    for n in range(3):
        bridge = side.start_bridge()
        log.write(progress(GOOD, "order-2", n + 1))
        until(lambda: log.audit(GOOD), lambda found, n=n: len(found) == n + 1)
        assert bridge.stop() == 0
    assert len(audited(log, 1)) == 1
