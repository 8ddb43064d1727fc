"""What customers may be shown of their orders."""

from typing import Any

import pytest
from inmemory_pipeline import InMemoryPipeline
from machine_facts import at, kpi_value, order_record

from schemas.events.kpi_value import Kpi
from schemas.events.outbound_event import OrderKpi, OrderProgress, OutboundEvent
from schemas.events.twin_state import TwinState
from schemas.registry import KPI
from streams.agents import publish
from streams.domain.fold import Outcome


@pytest.fixture
def line() -> InMemoryPipeline:
    return InMemoryPipeline(steps=(publish.STEP,))


def fold(line: InMemoryPipeline, *events: object) -> list[OutboundEvent]:
    """Send, run, and return what is new."""
    known = len(line.events(OutboundEvent))
    line.send(*events)  # type: ignore[arg-type]
    line.run()
    return line.events(OutboundEvent)[known:]


def twin(revision: int, produced: int = 0, customer: str | None = "c1", **changes: Any) -> TwinState:
    state = {
        "line": "l1", "part": "P-1" if customer else None, "customer": customer, "planned": 10 if customer else None, "due": None,
        "produced": produced, "good": produced, "availability": None, "phase": "running",
    }  # fmt: skip
    return TwinState.model_validate(
        {
            "event_time": at("10:00"),
            "id": f"t{revision}",
            "scope": {"kind": "order", "id": "A-1"},
            "revision": revision,
            "order": {**state, **changes},
        }
    )


def test_progress_goes_to_the_customer_of_the_order(line: InMemoryPipeline) -> None:
    (sent,) = fold(line, twin(3, 4))
    assert (sent.customer, sent.subject, sent.event_time) == ("c1", "A-1", at("10:00"))
    assert isinstance(sent.payload, OrderProgress)
    assert (sent.payload.planned, sent.payload.produced, sent.payload.good, sent.payload.revision) == (10, 4, 4, 3)


def test_a_twin_that_does_not_know_its_customer_is_not_shown(line: InMemoryPipeline) -> None:
    assert fold(line, twin(1, 4, customer=None)) == []


def test_a_change_that_the_customer_does_not_see_is_not_sent(line: InMemoryPipeline) -> None:
    fold(line, twin(1, 4))
    assert fold(line, twin(2, 4, availability=0.5)) == []
    assert len(fold(line, twin(3, 5))) == 1


def test_an_older_revision_of_the_twin_is_a_repeat(line: InMemoryPipeline) -> None:
    fold(line, twin(2, 4))
    assert fold(line, twin(1, 3), twin(2, 4)) == []


def test_a_kpi_waits_for_the_record_of_its_order(line: InMemoryPipeline) -> None:
    assert fold(line, kpi_value(Kpi.AVAILABILITY, 1), kpi_value(Kpi.AVAILABILITY, 2, 1, 4)) == []
    (sent,) = fold(line, order_record())
    assert isinstance(sent.payload, OrderKpi)
    assert (sent.customer, sent.payload.revision, sent.payload.value) == ("c1", 2, 0.25)


def test_a_kpi_of_a_known_order_is_sent_at_once(line: InMemoryPipeline) -> None:
    fold(line, order_record())
    (sent,) = fold(line, kpi_value(Kpi.AVAILABILITY))
    assert isinstance(sent.payload, OrderKpi)
    assert (sent.payload.kpi_id, sent.payload.status, sent.payload.coverage) == (
        "availability-order-A-1-10:00-1",
        "provisional",
        1.0,
    )


def test_a_kpi_says_how_many_units_are_behind_it(line: InMemoryPipeline) -> None:
    fold(line, order_record())
    sent = fold(line, kpi_value(Kpi.QUALITY_RATIO, 1, 4, 5), kpi_value(Kpi.AVAILABILITY))
    assert [s.payload.n for s in sent if isinstance(s.payload, OrderKpi)] == [5, 5]


def test_a_repeated_kpi_is_not_sent_twice(line: InMemoryPipeline) -> None:
    fold(line, order_record(), kpi_value(Kpi.AVAILABILITY, 2))
    assert fold(line, kpi_value(Kpi.AVAILABILITY, 2), kpi_value(Kpi.AVAILABILITY, 1)) == []
    assert line.outcomes["publish", KPI.name, Outcome.DUPLICATE] == 2


def test_kpis_of_assets_and_lines_go_to_nobody(line: InMemoryPipeline) -> None:
    assert fold(line, order_record("l1"), kpi_value(Kpi.AVAILABILITY, kind="line", scope="l1")) == []
    assert line.outcomes["publish", KPI.name, Outcome.APPLIED] == 1


@pytest.mark.parametrize("which", set(Kpi) - {Kpi.AVAILABILITY, Kpi.QUALITY_RATIO, Kpi.FIRST_PASS_YIELD})
def test_other_kpis_of_an_order_stay_in_the_factory(line: InMemoryPipeline, which: Kpi) -> None:
    assert fold(line, order_record(), kpi_value(which), twin(1)) != []
    assert [s for s in line.events(OutboundEvent) if isinstance(s.payload, OrderKpi)] == []


def test_the_units_behind_a_first_pass_yield_are_those_inspected(line: InMemoryPipeline) -> None:
    sent = fold(line, order_record(), kpi_value(Kpi.QUALITY_RATIO, 1, 40, 50), kpi_value(Kpi.FIRST_PASS_YIELD, 1, 9, 10))
    assert {s.payload.kpi: s.payload.n for s in sent if isinstance(s.payload, OrderKpi)} == {
        Kpi.QUALITY_RATIO: 50,
        Kpi.FIRST_PASS_YIELD: 10,
    }


@pytest.mark.parametrize("kind", ["asset", "line", "site", "part"])
def test_kpis_of_whatever_is_no_order_go_to_nobody(line: InMemoryPipeline, kind: str) -> None:
    # a part may have the id of an order
    assert fold(line, order_record("x"), kpi_value(Kpi.QUALITY_RATIO, kind=kind, scope="x")) == []


def test_every_outbound_event_has_an_id_of_its_own(line: InMemoryPipeline) -> None:
    sent = fold(line, order_record(), kpi_value(Kpi.AVAILABILITY), kpi_value(Kpi.QUALITY_RATIO), twin(1), twin(2, 1))
    assert len({s.id for s in sent}) == len(sent) == 4


def test_the_id_does_not_depend_on_what_was_read_first() -> None:
    def ids(*events: object) -> set[str]:
        return {s.id for s in fold(InMemoryPipeline(steps=(publish.STEP,)), *events)}

    known, value = order_record(), kpi_value(Kpi.AVAILABILITY)
    assert ids(known, value) == ids(value, known)


def test_a_restart_between_any_two_records_changes_nothing() -> None:
    def run(restart: bool) -> list[OutboundEvent]:
        line = InMemoryPipeline(steps=(publish.STEP,))
        line.send(kpi_value(Kpi.QUALITY_RATIO), twin(1), order_record(), twin(2, 1), kpi_value(Kpi.AVAILABILITY), twin(2, 1))
        line.run(restart=lambda: restart)
        return line.events(OutboundEvent)

    assert run(True) == run(False)
