"""Recorded days of real machines through the steps: time elements and KPIs are those of the oracle, with and without a calendar.

The calendar and the loss model are made up: two shifts of the zone in which the machines stood, and thresholds that the days meet.
"""

import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from gateway_lab import BUNDLED_LOG, replayed, shared
from oracle.calendar_days import Record
from oracle.drawn_timeline import calendar, shift
from oracle.element_spans import Plant, element_spans, hourly, state_accounts
from oracle.kpi_table import kpi_table
from oracle.mtconnect_log import log_accounts
from plant_replay import replay

from schemas.registry import ASSET, MACHINE
from services.gateway.draft import Draft
from services.gateway.feeds import log_feeds
from services.gateway.source_spec import LogSpec
from streams.pipeline import STEPS

BUNDLED = "the bundled day"
DAYS = [
    BUNDLED,
    "raw/Mazak01/Mazak01-20190606-20190607.txt",
    "raw/Mazak01/Mazak01-20190612-20190613.txt",
    "raw/Mazak03/Mazak03-20160502-20160503.txt",
    "raw/Mazak03/Mazak03-20170906-20170907.txt",
]
RULES = [
    {"states": ["ACTIVE"], "element": "production"},
    {"modes": ["MANUAL", "MANUAL_DATA_INPUT"], "element": "set-up"},
    {"states": ["INTERRUPTED", "STOPPED"], "element": "breakdown"},
]


def path_of(day: str) -> Path:
    """The log of a day; the test is skipped where it is missing."""
    return BUNDLED_LOG if day == BUNDLED else shared(f"nist_sms/{day}")


@cache
def recorded(path: Path) -> Plant:
    """A day as the gateway sends it."""
    sequences: Counter[str | None] = Counter()
    sent: dict[str, list[Record]] = {ASSET.name: [], MACHINE.name: []}
    for item in replayed(*log_feeds(LogSpec(paths=[path]))):
        if isinstance(item, Draft):
            sequences[item.asset] += 1
            identity = {} if item.asset is None else {"source": item.source, "asset": item.asset, "sequence": sequences[item.asset]}
            sent.setdefault(item.topic.name, []).append(json.loads(json.dumps({**item.body, **identity})))
    return Plant(machine=sent[MACHINE.name], asset=sent[ASSET.name])


def planned(plant: Plant) -> Plant:
    """The same day under a calendar and a loss model."""
    (line,) = plant.lines.values()
    told = {"event_time": "2016-01-01T00:00:00Z", "valid_from": "2016-01-01T00:00:00Z"}
    shifts = (
        shift("day", "07:00", "15:30", ("09:30", "09:45"), ("12:00", "12:30")),
        shift("late", "15:30", "00:00", ("19:00", "19:30")),
    )
    hours = calendar(*shifts, zone="America/New_York", line=line) | told | {"type": "factory.calendar.v1"}
    losses = {
        "type": "factory.loss-model.v1", "version": 1, "line": line, "rules": RULES, "micro_stop_us": 120_000_000,
        "minimum_run_us": 20_000_000, "break_gap_us": 300_000_000, **told,
    }  # fmt: skip
    return Plant(machine=plant.machine, asset=plant.asset, calendar=[hours], loss_model=[losses])


@pytest.mark.parametrize("with_calendar", [False, True], ids=["no calendar", "two shifts"])
@pytest.mark.parametrize("day", DAYS)
def test_elements_and_kpis_of_a_recorded_day_are_those_of_the_oracle(day: str, with_calendar: bool) -> None:
    plant = recorded(path_of(day))
    plant = planned(plant) if with_calendar else plant
    told = replay(plant, steps=STEPS)
    wanted = hourly(element_spans(plant))
    assert told.elements == {hour: wanted[hour] for hour in told.elements}
    assert told.accounts == state_accounts(plant)
    assert told.ratios == {key: ratio for key, ratio in kpi_table(plant, told.telling).items() if ratio[1]}


@pytest.mark.parametrize("day", DAYS)
def test_the_oracle_s_states_of_a_recorded_day_are_those_of_the_log(day: str) -> None:
    path = path_of(day)
    found = {
        (hour, state): us for (_, hour), account in state_accounts(recorded(path)).items() for (_, state), us in account.items()
    }
    assert found == log_accounts(path)


@pytest.mark.parametrize("day", DAYS)
def test_the_elements_of_a_recorded_day_add_up_to_its_whole_time(day: str) -> None:
    plant = planned(recorded(path_of(day)))
    spans = element_spans(plant)
    assert sum(s.end - s.start for s in spans) == spans[-1].end - spans[0].start
    assert {s.element for s in spans} >= {"production", "not planned", "planned downtime"}
