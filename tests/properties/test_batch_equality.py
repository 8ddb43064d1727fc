"""What the steps tell of a plant at last is what a batch program makes of all its raw records at once, to the microsecond.

Plants are drawn: calendars, loss models, orders, sources that interleave, facts out of order, repeats, silence, late verdicts.
The oracle (``tests/oracle``) shares no code with the steps. Only one thing is not a function of the facts alone: of an hour of
which nothing is known there is a measure if something was believed of it before a late fact came.
"""

from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from oracle.element_spans import Plant, element_spans, hourly, state_accounts
from oracle.finality import final_hours
from oracle.kpi_table import coverage_table, kpi_table
from oracle.loss_rules import BREAKDOWN
from oracle.machine_records import HOUR
from oracle.observed_windows import by_facts
from oracle.unit_quantities import counts, hourly_counts
from plant_replay import Told, replay
from plants import GeneratedPlant, plants

randoms = st.randoms(use_true_random=False)
bounded = settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def check_measures(plant: Plant, told: Told) -> None:
    """Elements, begun breakdowns, states and quantities of every hour that was told; and every hour that is known was told."""
    elements, accounts, rows = hourly(element_spans(plant)), state_accounts(plant), hourly_counts(counts(plant))
    assert told.elements == {hour: elements.get(hour, {}) for hour in told.measures}  # none of an hour that only just begins
    assert told.accounts == accounts
    made = {hour: {key: row for key, row in found.items() if any(row.values())} for hour, found in rows.items()}
    assert {hour: found for hour, found in told.quantities.items() if found} == {
        hour: found for hour, found in made.items() if found
    }
    begun = dict.fromkeys(told.measures, 0)
    for span in element_spans(plant):
        if span.element == BREAKDOWN and span.begun:
            begun[span.asset, span.start // HOUR * HOUR] += 1
    assert told.begun(BREAKDOWN) == begun
    assert told.measures.keys() >= by_facts(plant, counts(plant)).measured


def check_kpis(plant: Plant, told: Told) -> None:
    """Numerator and denominator of every KPI that has one, values and nulls, coverage of the hours of assets and of orders."""
    wanted = {key: ratio for key, ratio in kpi_table(plant, told.telling).items() if ratio[1]}
    assert {key: told.ratios.get(key) for key in wanted} == wanted
    # a part that a late fact took out of a day stays told: nothing was made of it
    assert {(scope.kind, told.ratios[kpi, scope][0]) for kpi, scope in told.ratios.keys() - wanted.keys()} <= {("part", 0)}
    coverage = {scope: busy / known for scope, (busy, known) in coverage_table(plant, told.telling).items() if known}
    for scope, share in told.coverage.items():
        if scope in coverage and (scope.kind, scope.window_kind) in (("asset", "hour"), ("order", "order")):
            assert share == coverage[scope], scope
    for (kpi, scope), v in told.kpis.items():
        enough = scope.kind in ("order", "part") or v["coverage"] >= 0.5
        assert (v["value"] is None) == (v["null_reason"] is not None)
        if v["value"] is not None:
            assert enough, (kpi, scope)
            assert v["value"] == v["numerator"] / v["denominator"]


@bounded
@given(plants(), randoms)
def test_measures_are_those_of_the_oracle(generated: GeneratedPlant, random: Random) -> None:
    plant = generated.records(random)
    check_measures(plant, replay(plant, random))


@bounded
@given(plants(), randoms)
def test_kpis_are_those_of_the_oracle(generated: GeneratedPlant, random: Random) -> None:
    plant = generated.records(random)
    check_kpis(plant, replay(plant, random))


@bounded
@given(plants(assets=1, silent=True), randoms)
def test_the_hours_of_a_silent_asset_are_final_when_they_can_change_no_more(generated: GeneratedPlant, random: Random) -> None:
    plant = generated.records(random)
    told = replay(plant, random)
    elements, final = hourly(element_spans(plant)), final_hours(plant)
    assert {hour for hour, status in told.status.items() if status != "provisional"} == final & told.measures.keys()
    assert {hour: told.elements[hour] for hour in final & told.measures.keys()} == {
        hour: elements[hour] for hour in final & told.measures.keys()
    }
