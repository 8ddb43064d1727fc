"""A broker, an API, a bridge or a worker that goes away under load: in the end everything is there, once."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kafka_fixture import KafkaUnderTest
from overseas_lab import Process, overseas, until
from pipeline_expected import ambiguous, derived, differences
from pipeline_lab import Kept, Lab, moments, started, stop
from pipeline_plant import Plant

from schemas.chain import Head, verify
from schemas.registry import ASSET, AUDIT, MACHINE, ORDER, OUTBOUND, SENSOR

pytestmark = pytest.mark.kafka


@pytest.fixture
def lab(clean_kafka: KafkaUnderTest) -> Iterator[Lab]:
    with started(clean_kafka.bootstrap) as lab:
        yield lab


def start_gateway(lab: Lab, folder: Path, plant: Plant, speed: float) -> Process:
    """A gateway that replays everything the plant says, so many seconds of it per second."""
    said = folder / "plant.ndjson"
    said.write_text("\n".join(plant.lines()))
    environment = {
        "FACTORYSTREAM_BOOTSTRAP": lab.bootstrap,
        "FACTORYSTREAM_GATEWAY_DATA_DIR": str(folder / "gateway"),
        "FACTORYSTREAM_METRICS_PORT": "0",
    }
    return Process("services.gateway", environment, "replay", "events", str(said), "--speed", str(speed), "--json")


def assert_everything_is_in_the_log(lab: Lab, plant: Plant) -> None:
    """Each line of the plant is a record, and the numbers of an asset have no gap; a repeated record is the same byte for byte."""
    by_number: dict[tuple[str, int], set[bytes]] = {}
    for topic in (SENSOR, MACHINE):
        for record in lab.read(topic):
            body = json.loads(record.value)
            by_number.setdefault((body["asset"], body["sequence"]), set()).add(record.value)
    assert all(len(values) == 1 for values in by_number.values())
    for asset in plant.line_of:
        numbers = sorted(n for a, n in by_number if a == asset)
        assert numbers == list(range(1, len(numbers) + 1)), asset
    sent = Counter(_content(json.loads(value)) for (value,) in by_number.values())
    said = Counter(_content(json.loads(line)) for line in plant.lines())
    said = Counter({content: n for content, n in said.items() if content[0] not in (ASSET.name, ORDER.name)})
    assert {content: n for content, n in sent.items() if content[0] != "factory.heartbeat.v1"} == said
    assert {json.loads(r.value)["order"] for r in lab.read(ORDER)} == set(plant.order_ids)


def _content(body: dict[str, object]) -> tuple[str, str]:
    told = {name: value for name, value in body.items() if name not in ("source", "sequence", "since")}
    return str(body["type"]), json.dumps(_bare(told), sort_keys=True)


def _bare(value: object) -> object:
    """Without what a contract adds as a default."""
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items() if v not in (None, "", [], 0)}
    return value


def test_a_broker_that_is_killed_under_load_loses_nothing(lab: Lab, clean_kafka: KafkaUnderTest, tmp_path: Path) -> None:
    plant = Plant(seed=15, assets=2, hours=1.6, sensing_s=1800)
    worker = Kept(lab)
    lab.wait_until_reading(worker.process, 0.0)
    gateway = start_gateway(lab, tmp_path, plant, speed=120)  # 48 s, so that it still works at the second kill
    until(lambda: sum(lab.committed().values()), lambda done: done > 0)
    for seconds in (1.0, 3.0):
        assert gateway.alive, gateway.lines[-20:]
        clean_kafka.kill()
        time.sleep(seconds)
        clean_kafka.start()
        time.sleep(3.0)
    assert gateway.exit_code() == 0, gateway.lines[-20:]
    assert_everything_is_in_the_log(lab, plant)
    lab.drain(worker)
    assert worker.stop() == 0
    assert differences(lab) == []
    assert ambiguous(lab) == []


def test_an_api_that_is_away_and_a_bridge_that_is_killed_leave_the_ledgers_whole(lab: Lab, tmp_path: Path) -> None:
    plant = Plant(seed=16, assets=2, hours=1.6, sensing_s=300)
    facts = plant.records()
    with overseas(lab.bootstrap, tmp_path) as (_, side):
        for customer in plant.customers:
            side.add_customer(customer)
        side.proxy.mode = "down"
        bridge, worker = side.start_bridge(FACTORYSTREAM_BRIDGE_RECORDS="40"), lab.start_worker()
        lab.send([*plant.registrations(), *plant.orders(), *facts[: len(facts) // 2]])
        lab.drain(worker)  # the factory does not wait for the other side of the world
        until(lambda: side.proxy.refused, lambda refused: refused > 0)
        bridge.kill()
        side.start_api()
        side.proxy.mode = "hang"
        bridge = side.start_bridge(FACTORYSTREAM_BRIDGE_RECORDS="40")
        assert side.proxy.hanging.wait(60), bridge.lines[-20:]
        bridge.kill()  # what it has sent is stored, and it has not heard of it
        side.proxy.mode = "pass"
        bridge = side.start_bridge(FACTORYSTREAM_BRIDGE_RECORDS="40")
        lab.send(facts[len(facts) // 2 :])
        lab.drain(worker)
        lab.drain_bridge(bridge)
        stop(worker)
        outbound = derived(lab.read(OUTBOUND))
        for customer in plant.served:
            events = side.events(customer)
            assert [e["sequence"] for e in events] == list(range(1, len(events) + 1))
            assert verify(events) == Head(**side.get(customer, "/v1/proof"))
            assert Counter(e["id"] for e in events) == Counter(e["id"] for e in outbound if e["customer"] == customer)
        for customer in plant.customers:
            decided = [json.loads(r.value) for r in lab.read(AUDIT) if r.key == customer.encode()]
            assert {d["event"] for d in decided} == {e["id"] for e in outbound if e["customer"] == customer}
    assert differences(lab) == []


def test_workers_that_are_asked_to_end_under_load_end_with_zero_and_lose_nothing(lab: Lab) -> None:
    plant = Plant(seed=17, assets=3, hours=2.0, sensing_s=900)
    lab.send([*plant.registrations(), *plant.orders()])
    with ThreadPoolExecutor(1) as aside:
        sending = aside.submit(lab.send, plant.records(), pace=600.0)
        for seconds in moments(seed=17, count=3, least=0.2, most=1.5):
            worker = lab.start_worker()
            lab.wait_until_reading(worker, seconds)
            stop(worker)
        sending.result()
    lab.finish()
    assert differences(lab) == []
    assert ambiguous(lab) == []
