"""The whole pipeline ends in the same present, whichever step was ahead of which and wherever it was stopped."""

from dataclasses import replace
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inmemory_pipeline import InMemoryPipeline
from machine_facts import machine, order_record
from machine_logs import HORIZON_US, LINES, ORDERS, factory_logs, interleaved, with_repeats

from schemas.envelope import SourceEvent
from schemas.events.outbound_event import OutboundEvent
from schemas.events.twin_state import TwinState
from schemas.registry import MACHINE
from streams.domain.measure import MeasureLogic
from streams.pipeline import STEPS

SHORT = tuple(replace(s, logic=MeasureLogic(horizon_us=HORIZON_US)) if s.name == "measure" else s for s in STEPS)
randoms = st.integers(0, 2**32 - 1).map(Random)
slow = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def run(log: list[SourceEvent], random: Random | None) -> InMemoryPipeline:
    line = InMemoryPipeline(steps=SHORT, assets=[machine(a, on) for a, on in LINES.items()])
    line.send(*log, topic=MACHINE)
    line.send(*(order_record(o, planned=3) for orders in ORDERS.values() for o in orders))
    if random is None:
        line.run()
    else:
        line.run(choose=random.choice, restart=lambda: random.random() < 0.2)
    return line


def present(line: InMemoryPipeline) -> dict[tuple[str, str], object]:
    return {(s.scope.kind, s.scope.id): (s.asset, s.line, s.order) for s in line.events(TwinState)}


def shown(line: InMemoryPipeline) -> dict[tuple[str, str, str], object]:
    """The newest of each product and order that a customer reads."""
    newest: dict[tuple[str, str, str], OutboundEvent] = {}
    for e in line.events(OutboundEvent):
        key = (e.subject, e.payload.product, getattr(e.payload, "kpi", ""))
        if key not in newest or e.payload.revision >= newest[key].payload.revision:
            newest[key] = e
    return {k: e.payload.model_dump(exclude={"revision"} if k[1] == "order" else set()) for k, e in newest.items()}


@slow
@given(factory_logs(), randoms)
def test_twins_and_what_customers_read_end_the_same(logs: list[list[SourceEvent]], random: Random) -> None:
    log = interleaved(logs, random)
    plain, again = run(log, None), run(with_repeats(log, random), random)
    assert present(again) == present(plain)
    assert shown(again) == shown(plain)


@slow
@given(factory_logs(), randoms)
def test_an_id_never_names_two_contents(logs: list[list[SourceEvent]], random: Random) -> None:
    log = interleaved(logs, random)
    runs = run(log, None), run(log, random)
    for kind in (TwinState, OutboundEvent):
        contents: dict[str, str] = {}
        for event in (e for line in runs for e in line.events(kind)):
            text = event.model_dump_json()
            assert contents.setdefault(event.event_id, text) == text
