"""Present states: the newest by event time, told when something visible changed."""

from itertools import permutations

import pytest
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, at, kpi_value, order_record

from schemas.events.alert import Alert
from schemas.events.kpi_value import Kpi
from schemas.events.machine_event import Execution
from schemas.events.twin_state import AssetState, OrderState, TwinState
from schemas.packml import PackMLState
from schemas.registry import MACHINE
from streams.agents import twin
from streams.domain.fold import Outcome
from streams.domain.packml import PACKML


@pytest.fixture
def line() -> InMemoryPipeline:
    return InMemoryPipeline(steps=(twin.STEP,))


def fold(line: InMemoryPipeline, *events: object) -> list[TwinState]:
    """Send, run, and return what is new."""
    known = len(line.events(TwinState))
    line.send(*events)  # type: ignore[arg-type]
    line.run()
    return line.events(TwinState)[known:]


def asset(states: list[TwinState]) -> AssetState:
    found = states[-1].asset
    assert found is not None
    return found


def order(states: list[TwinState]) -> OrderState:
    found = states[-1].order
    assert found is not None
    return found


def alarm(rule: str, revision: int, state: str, raised: str = "10:00") -> Alert:
    return Alert.model_validate(
        {
            "event_time": at(raised),
            "id": f"{rule}-{raised}-{revision}",
            "alert": f"{rule}-{raised}",
            "asset": "m1",
            "rule": rule,
            "state": state,
            "priority": "high",
            "revision": revision,
            "raised_at": at(raised),
            "text": "t",
        }
    )


def test_every_execution_state_has_its_packml_state() -> None:
    assert set(PACKML) == set(Execution)
    assert [e for e, state in PACKML.items() if state is None] == [Execution.UNAVAILABLE]


def test_a_state_is_shown_by_both_names(line: InMemoryPipeline) -> None:
    (told,) = fold(line, Source().state("10:00", "FEED_HOLD"))
    assert (asset([told]).execution, asset([told]).packml) == (Execution.FEED_HOLD, PackMLState.HELD)
    assert (told.scope.kind, told.scope.id, told.revision, told.event_time) == ("asset", "m1", 1, at("10:00"))


def test_each_kind_of_fact_has_its_field(line: InMemoryPipeline) -> None:
    gw = Source()
    told = fold(
        line, gw.mode("10:00", "AUTOMATIC"), gw.program("10:01", "O1"), gw.order("10:02", "A-1"), gw.produced("10:03", 3, scrap=1)
    )
    state = asset(told)
    assert (state.mode, state.program, state.order, state.produced, state.scrap) == ("AUTOMATIC", "O1", "A-1", 3, 1)
    assert told[-1].revision == 4


def test_an_older_fact_does_not_undo_a_newer_one(line: InMemoryPipeline) -> None:
    # 10:05 A  x10:00 R
    gw = Source()
    fold(line, gw.state("10:05", "ACTIVE"))
    assert fold(line, gw.state("10:00", "READY")) == []


def test_what_does_not_change_the_state_is_not_told_but_counted(line: InMemoryPipeline) -> None:
    gw = Source()
    fold(line, gw.state("10:00", "ACTIVE"))
    assert fold(line, gw.state("10:01", "ACTIVE")) == []
    assert [s.revision for s in fold(line, gw.state("10:02", "READY"))] == [3]


def test_the_first_fact_of_an_asset_shows_it_even_if_it_shows_nothing(line: InMemoryPipeline) -> None:
    (told,) = fold(line, Source().condition("10:00", "servo", "normal"))
    assert (asset([told]).execution, asset([told]).conditions) == (None, [])


def test_heartbeats_energy_and_repeats_change_nothing(line: InMemoryPipeline) -> None:
    gw = Source()
    units = gw.produced("10:00", 3)
    fold(line, units)
    line.send(gw.alive("10:01"), gw.ending("10:02"), topic=MACHINE)
    assert fold(line, units, gw.energy("10:03")) == []
    assert line.outcomes["twin", MACHINE.name, Outcome.DUPLICATE] == 1


def test_conditions_at_warning_or_fault_are_listed(line: InMemoryPipeline) -> None:
    gw = Source()
    told = fold(
        line,
        gw.condition("10:00", "servo", "fault"),
        gw.condition("10:00", "hydra", "warning"),
        gw.condition("10:00", "logic", "normal"),
    )
    assert asset(told).conditions == ["hydra", "servo"]
    assert asset(fold(line, gw.condition("10:01", "servo", "normal"))).conditions == ["hydra"]


def test_more_conditions_than_the_contract_lists_are_cut(line: InMemoryPipeline) -> None:
    gw = Source()
    told = fold(line, *(gw.condition("10:00", f"c{i:03}", "fault") for i in range(120)))
    assert len(asset(told).conditions) == 100


def test_alarms_are_listed_while_open(line: InMemoryPipeline) -> None:
    assert asset(fold(line, alarm("r1", 1, "raised"), alarm("r2", 1, "raised"))).open_alerts == ["r1", "r2"]
    assert fold(line, alarm("r1", 2, "acknowledged")) == []
    assert asset(fold(line, alarm("r1", 3, "cleared"))).open_alerts == ["r2"]


def test_a_step_of_an_older_occurrence_does_not_close_the_newer(line: InMemoryPipeline) -> None:
    fold(line, alarm("r1", 1, "raised", "10:05"))
    assert fold(line, alarm("r1", 2, "cleared", "10:00")) == []


def test_a_line_shows_the_availability_of_its_newest_hour(line: InMemoryPipeline) -> None:
    told = fold(
        line,
        kpi_value(Kpi.AVAILABILITY, 1, 1, 4, "line", "l1", "10:00"),
        kpi_value(Kpi.AVAILABILITY, 2, 2, 4, "line", "l1", "10:00"),
        kpi_value(Kpi.QUALITY_RATIO, 1, 1, 4, "line", "l1", "11:00"),
        kpi_value(Kpi.AVAILABILITY, 1, 3, 4, "line", "l1", "11:00"),
        kpi_value(Kpi.AVAILABILITY, 3, 0, 4, "line", "l1", "10:00"),
    )
    assert [(s.line.availability, s.line.hour) for s in told if s.line] == [
        (0.25, at("10:00")),
        (0.5, at("10:00")),
        (0.75, at("11:00")),
    ]


def test_shifts_days_parts_and_other_kpis_change_no_twin(line: InMemoryPipeline) -> None:
    fold(line, kpi_value(Kpi.AVAILABILITY, 1, 1, 4, "line", "l1"), kpi_value(Kpi.QUALITY_RATIO, 1, 4, 5))
    day = {"window_kind": "day", "window_id": "2026-11-24"}
    assert (
        fold(
            line,
            kpi_value(Kpi.AVAILABILITY, 1, 1, 2, "line", "l1", "12:00", **day),
            kpi_value(Kpi.AVAILABILITY, 1, 1, 2, "part", "l1", "12:00", **day),
            kpi_value(Kpi.AVAILABILITY, 1, 1, 2, "site", "l1", "12:00", **day),
            kpi_value(Kpi.OEE, 9, 1, 2, "line", "l1", "12:00"),
            kpi_value(Kpi.SCRAP_RATIO, 9, 1, 99),
            kpi_value(Kpi.THROUGHPUT_RATE, 9, 1, 99),
        )
        == []
    )


def test_an_hour_of_which_too_little_is_known_shows_no_availability(line: InMemoryPipeline) -> None:
    fold(line, kpi_value(Kpi.AVAILABILITY, 1, 1, 4, "line", "l1"))
    low = {"value": None, "null_reason": "coverage 0.31 is below 0.5", "coverage": 0.31}
    (told,) = fold(line, kpi_value(Kpi.AVAILABILITY, 2, 1, 4, "line", "l1", **low))
    assert told.line is not None and (told.line.availability, told.line.hour) == (None, at("10:00"))


def test_an_order_is_planned_running_and_complete(line: InMemoryPipeline) -> None:
    assert order(fold(line, order_record(planned=5))).phase == "planned"
    assert order(fold(line, kpi_value(Kpi.AVAILABILITY, 1, 0, 60))).phase == "running"
    running = order(fold(line, kpi_value(Kpi.QUALITY_RATIO, 1, 4, 5)))
    assert (running.produced, running.good, running.phase, running.availability) == (5, 4, "running", 0.0)
    assert order(fold(line, kpi_value(Kpi.QUALITY_RATIO, 2, 5, 6))).phase == "complete"


def test_an_order_without_a_record_shows_what_is_known(line: InMemoryPipeline) -> None:
    state = order(fold(line, kpi_value(Kpi.QUALITY_RATIO, 1, 4, 5)))
    assert (state.customer, state.planned, state.produced, state.phase) == (None, None, 5, "running")


def test_no_count_of_good_units_is_below_zero(line: InMemoryPipeline) -> None:
    assert order(fold(line, kpi_value(Kpi.QUALITY_RATIO, 1, -2, 1))).good == 0


def test_an_older_version_of_the_record_is_a_repeat(line: InMemoryPipeline) -> None:
    fold(line, order_record(version=2, planned=7))
    assert fold(line, order_record(version=1, planned=5)) == []


def test_asset_line_and_order_of_one_name_are_apart(line: InMemoryPipeline) -> None:
    kinds = {
        s.scope.kind
        for s in fold(
            line, Source("x").state("10:00", "ACTIVE"), kpi_value(Kpi.AVAILABILITY, kind="line", scope="x"), order_record("x")
        )
    }
    assert kinds == {"asset", "line", "order"}


def test_the_last_state_is_the_same_whatever_topic_was_read_first() -> None:
    def facts() -> list[list[object]]:
        gw = Source()
        return [
            [gw.state("10:00", "ACTIVE"), gw.state("10:05", "READY")],
            [alarm("r1", 1, "raised"), alarm("r1", 2, "cleared"), alarm("r2", 1, "raised")],
        ]

    found = set()
    for first, second in permutations(facts()):
        line = InMemoryPipeline(steps=(twin.STEP,))
        fold(line, *first)
        fold(line, *second)
        last = line.events(TwinState)[-1]
        found.add((last.id, last.revision, last.model_dump_json()))
    assert len(found) == 1


def test_a_restart_between_any_two_records_changes_nothing() -> None:
    def run(restart: bool) -> list[TwinState]:
        gw = Source()
        line = InMemoryPipeline(steps=(twin.STEP,))
        line.send(gw.state("10:00", "ACTIVE"), gw.order("10:00", None), gw.condition("10:00", "servo", "fault"))
        line.send(alarm("r", 1, "raised"), kpi_value(Kpi.AVAILABILITY, kind="line", scope="l1"))
        line.send(order_record(), kpi_value(Kpi.QUALITY_RATIO), gw.produced("10:01", 1))
        line.run(restart=lambda: restart)
        return line.events(TwinState)

    assert run(True) == run(False)
