"""The pipeline in the code is the one that the registry declares."""

import pytest
from source_tree import ROOT

from schemas.party import PARTIES, Kind, Party, parties
from schemas.registry import TOPICS
from streams.pipeline import STEPS
from streams.step import Step


def test_the_declared_steps_are_the_steps_of_the_pipeline_in_its_order() -> None:
    assert tuple(s.name for s in STEPS) == parties(Kind.STEP)


@pytest.mark.parametrize("step", STEPS, ids=lambda s: s.name)
def test_a_step_reads_and_writes_what_the_registry_says(step: Step) -> None:
    reads = {t.name for t in (*step.reads, *step.references)}
    assert reads == {t.name for t in TOPICS if step.name in t.consumers}
    assert {t.name for t in step.writes} == {t.name for t in TOPICS if step.name in t.producers}


@pytest.mark.parametrize("step", STEPS, ids=lambda s: s.name)
def test_a_step_has_one_file_of_its_name_and_one_of_its_domain(step: Step) -> None:
    assert (ROOT / "streams" / "agents" / f"{step.name}.py").is_file()
    assert type(step.logic).__module__.startswith("streams.domain.")


def test_no_agent_is_outside_the_pipeline() -> None:
    agents = {p.stem for p in (ROOT / "streams" / "agents").glob("*.py")} - {"__init__"}
    assert agents == set(parties(Kind.STEP))


@pytest.mark.parametrize("party", [p for p in PARTIES if p.kind is Kind.SERVICE], ids=lambda p: p.name)
def test_a_declared_service_exists(party: Party) -> None:
    assert (ROOT / "services" / party.name / "__init__.py").is_file()


def test_data_flow_forward_only() -> None:
    """A step reads nothing that a later step writes: the way of the data has no loop."""
    order = {name: index for index, name in enumerate(parties(Kind.STEP))}
    for step in STEPS:
        for topic in step.reads:
            writers = [order[name] for name in topic.producers if name in order]
            assert all(index < order[step.name] for index in writers), topic.name
