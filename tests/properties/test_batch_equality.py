"""What the steps tell of a plant at last is what a batch program makes of all its raw records at once, to the microsecond.

Plants are drawn: calendars, loss models, orders, sources that interleave, facts out of order, repeats, silence, late verdicts.
The oracle (``tests/oracle``) shares no code with the steps.
"""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle.element_spans import Plant, element_spans, hourly, state_accounts
from oracle.kpi_table import coverage_table, kpi_table
from oracle.loss_rules import BREAKDOWN
from oracle.machine_records import HOUR
from oracle.unit_quantities import counts, hourly_counts
from plant_replay import Told, replay
from plants import GeneratedPlant, plants

randoms = st.randoms(use_true_random=False)
bounded = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def told_of(generated: GeneratedPlant, random: Random) -> tuple[Plant, Told]:
    """The records in one order, and what the steps tell of them with lanes picked and states stored and loaded at will."""
    plant = generated.records(random)
    return plant, replay(plant, random)


@bounded
@given(plants(), randoms)
def test_the_elements_of_every_hour_are_those_of_the_oracle(generated: GeneratedPlant, random: Random) -> None:
    plant, told = told_of(generated, random)
    wanted = hourly(element_spans(plant))
    assert told.elements == {hour: wanted[hour] for hour in told.elements}
    assert told.accounts == {hour: account for hour in told.elements if (account := state_accounts(plant).get(hour))}
    untold = wanted.keys() - told.elements.keys()
    assert untold & (state_accounts(plant).keys() | hourly_counts(counts(plant)).keys()) == set()


@bounded
@given(plants(), randoms)
def test_breakdowns_begin_where_the_oracle_says(generated: GeneratedPlant, random: Random) -> None:
    plant, told = told_of(generated, random)
    wanted = dict.fromkeys(told.elements, 0)
    for span in element_spans(plant):
        if span.element == BREAKDOWN and span.begun:
            wanted[span.asset, span.start // HOUR * HOUR] += 1
    assert told.begun(BREAKDOWN) == wanted


@bounded
@given(plants(), randoms)
def test_the_quantities_of_every_hour_are_those_of_the_oracle(generated: GeneratedPlant, random: Random) -> None:
    plant, told = told_of(generated, random)
    wanted = hourly_counts(counts(plant))
    rows = {hour: {key: row for key, row in rows.items() if any(row.values())} for hour, rows in wanted.items()}
    assert {hour: r for hour, r in told.quantities.items() if r} == {hour: r for hour, r in rows.items() if r}


@bounded
@given(plants(), randoms)
def test_every_kpi_has_the_numerator_and_denominator_of_the_oracle(generated: GeneratedPlant, random: Random) -> None:
    plant, told = told_of(generated, random)
    wanted = {key: ratio for key, ratio in kpi_table(plant).items() if ratio[1]}
    assert told.ratios == wanted


@bounded
@given(plants(assets=2), randoms)
def test_coverage_is_the_known_share_of_the_planned_time(generated: GeneratedPlant, random: Random) -> None:
    plant, told = told_of(generated, random)
    wanted = {scope: busy / knowable for scope, (busy, knowable) in coverage_table(plant).items() if knowable}
    assert {scope: c for scope, c in told.coverage.items() if scope in wanted} == {
        s: c for s, c in wanted.items() if s in told.coverage
    }


@bounded
@given(plants(assets=1, silent=True), randoms)
def test_the_final_hours_of_a_silent_asset_are_those_of_the_oracle(generated: GeneratedPlant, random: Random) -> None:
    plant, told = told_of(generated, random)
    wanted = hourly(element_spans(plant))
    settled = {hour for hour, status in told.status.items() if status != "provisional"}
    assert {hour: told.elements[hour] for hour in settled} == {hour: wanted[hour] for hour in settled}
