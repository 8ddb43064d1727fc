"""The forwarder: forgets only what was acknowledged, sends again in order, and gives up with a sentence where it must."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gateway_lab import Taken, until
from kafka.errors import KafkaError, KafkaTimeoutError, OutOfOrderSequenceNumberError, TopicAuthorizationFailedError
from prometheus_client import CollectorRegistry

from schemas.registry import ASSET, MACHINE
from services.gateway.draft import Draft
from services.gateway.forwarder import Forwarder
from services.gateway.metrics import GatewayMetrics
from services.runtime import kafka as client


class Future:
    """What a producer hands out."""

    def __init__(self, error: Exception | None, done: bool = True) -> None:
        self.exception = error
        self.is_done = done

    def failed(self) -> bool:
        return self.is_done and self.exception is not None

    def get(self, timeout: float) -> None:
        raise KafkaTimeoutError(f"not within {timeout}")


class Producer:
    """Acknowledges what ``verdict`` lets pass, by the number of the record since the start."""

    def __init__(self, log: list[str], verdict: Callable[[int], Future]) -> None:
        self.log = log
        self.verdict = verdict
        self.closed = False

    def send(self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> Future:
        assert topic.startswith("factory.")
        assert key in value
        self.log.append(dict(headers)["ce_id"].decode())
        return self.verdict(len(self.log))

    def close(self, timeout: float) -> None:
        self.closed = timeout >= 0


def fact(number: int) -> Draft:
    body = {"kind": "signal", "item": "n", "value": str(number)}
    return Draft(MACHINE, "test", "m1", {"type": "factory.machine-event.v1", "event_time": "2026-01-05T08:00:00Z", "fact": body})


def asset() -> Draft:
    body = {"type": "factory.asset.v1", "event_time": "2026-01-05T08:00:00Z", "version": 1, "asset": "m1", "name": "m1"}
    return Draft(ASSET, "test", None, {**body, "site": "s", "area": "a", "line": "l"}, barrier=True)


def forwarder(taken: Taken, monkeypatch: pytest.MonkeyPatch, verdict: Callable[[int], Future]) -> tuple[Forwarder, list[str]]:
    log: list[str] = []
    monkeypatch.setattr(client, "producer", lambda *_, **__: Producer(log, verdict))
    return Forwarder(taken.spool, "nowhere:1", 5.0, GatewayMetrics(CollectorRegistry()), taken.said.append), log


def test_what_was_acknowledged_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = Taken(tmp_path)
    taken.intake.put([fact(i) for i in range(3)], {})
    forward, log = forwarder(taken, monkeypatch, lambda _: Future(None))
    forward.start()
    assert taken.spool.wait_until_empty(10)
    taken.intake.put([fact(3)], {})
    assert taken.spool.wait_until_empty(10)
    forward.stop()
    assert log == [f"test/m1/{i}" for i in range(1, 5)]
    assert (forward.sent, forward.error) == (4, None)
    taken.close()


def test_a_producer_that_the_broker_lost_sends_again_from_the_first_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = Taken(tmp_path)
    taken.intake.put([fact(i) for i in range(4)], {})
    lost = OutOfOrderSequenceNumberError()
    forward, log = forwarder(taken, monkeypatch, lambda number: Future(lost if number in (3, 4) else None))
    forward.start()
    assert taken.spool.wait_until_empty(10)
    forward.stop()
    assert [int(id_.rpartition("/")[2]) for id_ in log] == [1, 2, 3, 4, 3, 4]
    taken.close()


def test_a_refusal_for_good_ends_it_and_keeps_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = Taken(tmp_path)
    taken.intake.put([fact(i) for i in range(4)], {})
    refused = TopicAuthorizationFailedError()
    forward, _ = forwarder(taken, monkeypatch, lambda number: Future(refused if number == 3 else None))
    forward.start()
    until(lambda: not forward.is_alive())
    assert "refuses a record (TopicAuthorizationFailedError" in str(forward.error)
    assert [e["sequence"] for e in taken.events()] == [3, 4]
    taken.close()


def test_a_registration_is_acknowledged_before_anything_else_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = Taken(tmp_path)
    taken.intake.put([asset(), fact(1)], {})
    pending = Future(None, done=False)
    forward, log = forwarder(taken, monkeypatch, lambda number: pending if number == 1 else Future(None))
    forward.start()
    until(lambda: log)
    assert log == ["factory.asset.v1/m1/1"]
    assert not taken.spool.wait_until_empty(0.1)
    pending.is_done = True
    assert taken.spool.wait_until_empty(10)
    forward.stop()
    assert log == ["factory.asset.v1/m1/1", "test/m1/1"]
    taken.close()


def test_a_broker_that_never_answers_ends_it_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = Taken(tmp_path)
    taken.intake.put([fact(1)], {})

    def nobody(*_: Any, **__: Any) -> Any:
        raise client.no_broker("nowhere:1", KafkaError())

    monkeypatch.setattr(client, "producer", nobody)
    forward = Forwarder(taken.spool, "nowhere:1", 0.0, GatewayMetrics(CollectorRegistry()), taken.said.append)
    forward.start()
    until(lambda: not forward.is_alive())
    assert "no Kafka broker answers at nowhere:1" in str(forward.error)
    assert "1 records are kept" in str(forward.error)
    taken.close()
