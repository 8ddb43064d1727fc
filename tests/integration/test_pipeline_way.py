"""Bytes in on the raw topics, out on every derived topic and over HTTP, compared with what batch oracles make of the raw log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka_fixture import KafkaUnderTest
from overseas_lab import Overseas, overseas
from pipeline_expected import ambiguous, derived, differences, found
from pipeline_lab import Lab, assert_conserved, counted, started, stop
from pipeline_plant import Plant

from schemas.chain import Head, verify
from schemas.registry import AUDIT, KPI, MEASURE, OUTBOUND

pytestmark = pytest.mark.kafka


@pytest.fixture
def lab(clean_kafka: KafkaUnderTest) -> Iterator[Lab]:
    with started(clean_kafka.bootstrap) as lab:
        yield lab


@pytest.fixture
def side(lab: Lab, tmp_path: Path) -> Iterator[Overseas]:
    with overseas(lab.bootstrap, tmp_path) as (_, side):
        yield side


def newest(events: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """The last event of a list about each thing."""
    return {(e["subject"], e["type"], e["payload"].get("kpi")): e for e in events}


def test_a_plant_from_raw_bytes_to_what_its_customers_read(lab: Lab, side: Overseas) -> None:
    plant = Plant(seed=1)
    for customer in plant.customers:
        side.add_customer(customer)
    side.start_api()
    bridge, worker = side.start_bridge(), lab.start_worker()
    facts = plant.records()
    lab.send([*plant.registrations(), *facts[: len(facts) // 2]])
    lab.send([*plant.orders(), *facts[len(facts) // 2 :]])  # KPIs of an order wait until the order itself is known
    lab.drain(worker)

    assert differences(lab) == []
    assert ambiguous(lab) == []
    assert_conserved(lab, counted(worker))
    stop(worker)

    outbound = derived(lab.read(OUTBOUND))
    says = found(lab)[OUTBOUND.name]
    lab.drain_bridge(bridge)
    for customer in plant.served:
        ids = {e["id"] for e in outbound if e["customer"] == customer}
        events = side.events(customer)
        assert {e["id"] for e in events} == ids
        assert verify(events) == Head(**side.get(customer, "/v1/proof"))
        _assert_reads(side, customer, {key[1:]: value for key, value in says.items() if key[0] == customer})
    denied = [e for e in outbound if e["customer"] not in plant.served]
    assert denied and side.events(plant.customers[2]) == []
    count = counted(bridge)["bridge", OUTBOUND.name]
    assert (count.received, count.in_flight) == (len(outbound), 0)
    assert count.classes == {"delivered": len(outbound) - len(denied), "denied": len(denied)}
    assert len(lab.read(AUDIT)) == len(outbound)


def _assert_reads(side: Overseas, customer: str, says: dict[Any, dict[str, Any]]) -> None:
    """The customer's own views are the newest of what the outbound topic has for him, and nothing else."""
    orders = {e["subject"]: e["payload"] for e in side.get(customer, "/v1/orders?limit=200")["items"]}
    assert {
        (o, "order", None): {k: p[k] for k in ("part", "planned", "produced", "good", "phase", "due")} for o, p in orders.items()
    } == {key: value for key, value in says.items() if key[1] == "order"}
    kpis = {(e["subject"], "kpi", e["payload"]["kpi"]): e["payload"] for e in side.get(customer, "/v1/kpis?limit=200")["items"]}
    assert {key: {"value": p["value"]} for key, p in kpis.items()} == {key: value for key, value in says.items() if key[1] == "kpi"}
    assert all(p["n"] > 0 for p in kpis.values())
    other = next(o for o in (f"{customer.split('-')[0]}-order-a3",) if o not in orders)
    with pytest.raises(Exception, match="404"):
        side.get(customer, f"/v1/orders/{other}")


def test_every_measure_of_a_past_hour_is_final_and_every_revision_follows_the_one_before(lab: Lab) -> None:
    plant = Plant(seed=2, assets=2)
    lab.send([*plant.registrations(), *plant.orders(), *plant.records()])
    lab.finish()
    measures = derived(lab.read(MEASURE))
    for asset in plant.line_of:
        mine = [m for m in measures if m["asset"] == asset]
        for start in {m["window"]["start"] for m in mine}:
            revisions = sorted((m for m in mine if m["window"]["start"] == start), key=lambda m: m["revision"])
            assert [m["revision"] for m in revisions] == list(range(1, len(revisions) + 1))
            past = revisions[0]["window"]["end"] < max(m["event_time"] for m in mine)
            statuses = [m["status"] for m in revisions]
            assert statuses == sorted(statuses, key=("provisional", "final", "restated").index)
            assert (statuses[-1] != "provisional") == past
            assert statuses.count("final") == int(past)
    superseded = {k["supersedes"] for k in derived(lab.read(KPI)) if k["supersedes"]}
    assert superseded <= {k["id"] for k in derived(lab.read(KPI))}
    assert differences(lab) == []
