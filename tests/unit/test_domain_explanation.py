"""Every KPI of a recorded day and of a made-up line is worked out anew from the log, and what was altered is found."""

from itertools import pairwise
from pathlib import Path

import pytest
from gateway_lab import BUNDLED_LOG
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, calendar, loss_model, machine, order_record
from recorded_line import pipeline

from schemas.codec import decode
from schemas.events.kpi_value import Kpi, KpiValue
from schemas.events.measure import Measure
from schemas.instant import to_micros
from schemas.registry import MACHINE, MEASURE
from streams.domain.explanation import Account, Fact, Replayed, accounts, differences, replay, roll_up, series_of, settle
from streams.domain.explanation_document import document
from streams.domain.fold import Origin


def measures_of(line: InMemoryPipeline, value: KpiValue) -> list[tuple[int, Measure]]:
    """The measures that a value names, with their offsets."""
    (named,) = value.inputs
    values = line.log[MEASURE.name, named.partition][named.first_offset : named.last_offset + 1]
    events = (e for _, e in decode(MEASURE, values).events)
    return [(named.first_offset + i, e) for i, e in enumerate(events) if isinstance(e, Measure)]


def facts_of(line: InMemoryPipeline, asset: str) -> list[Fact]:
    """The facts of a machine in the log."""
    partition = line.partition_of(asset.encode())
    events = decode(MACHINE, line.log[MACHINE.name, partition]).events
    return [Fact(Origin(MACHINE.name, partition, i), e) for i, e in events if getattr(e, "asset", None) == asset]


def newest(line: InMemoryPipeline) -> list[KpiValue]:
    """The newest value of each KPI, scope and window."""
    return list({series_of(v): v for v in line.events(KpiValue)}.values())


def explained(line: InMemoryPipeline, value: KpiValue, replayed: dict[str, Replayed]) -> tuple[KpiValue | None, list[Account]]:
    """The value worked out anew, and what is behind it."""
    measures = measures_of(line, value)
    parts = accounts(value, measures)
    for part in parts:
        name = part.measure.asset
        if name not in replayed:
            replayed[name] = replay(facts_of(line, name), line.references)
        settle(part, replayed[name])
    return roll_up(value, measures, value.inputs[0].partition, line.references), parts


def plant() -> InMemoryPipeline:
    """Two machines of a line with a shift, a break, an order, bad units, a breakdown, and a fact that comes four hours late."""
    made, late = Source("m1"), Source("m1", "late")
    other = Source("m2")
    line = InMemoryPipeline(
        assets=[machine("m1"), machine("m2")],
        calendars=[calendar(early="06:00-14:00")],
        loss_models=[loss_model(rules=[{"states": ["FEED_HOLD"], "element": "breakdown"}], micro_stop=2, minimum_run=1)],
        orders=[order_record()],
    )
    facts = [
        made.order("06:00", "A-1"), made.state("06:05", "ACTIVE"), made.produced("07:00", 9, 1, 1, "A-1"),
        made.energy("07:05", 10.0), made.state("08:10", "FEED_HOLD"), made.state("08:40", "ACTIVE"), made.state("09:00", "READY"),
        made.state("09:01", "ACTIVE"), made.energy("10:05", 14.5), made.produced("11:00", 5, 0, 0, "A-1"),
        other.state("06:00", "ACTIVE"), other.state("10:00", "READY"),
        made.alive("15:30"), other.alive("15:30"), late.state("11:30", "READY"), made.ending("16:00"), other.ending("16:00"),
    ]  # fmt: skip
    line.send(*facts, topic=MACHINE)
    line.run()
    return line


@pytest.mark.parametrize("path", [BUNDLED_LOG], ids=["the bundled day"])
def test_every_kpi_of_a_recorded_day_is_found_again(path: Path) -> None:
    assert_all_found_again(pipeline(path), at_least=100)


def test_every_kpi_of_a_line_with_shifts_orders_and_late_facts_is_found_again() -> None:
    line = plant()
    assert {v.status for v in newest(line)} >= {"final", "restated"}
    assert {v.window_kind for v in newest(line)} == {"hour", "shift", "day", "order"}
    assert_all_found_again(line, at_least=100)


def assert_all_found_again(line: InMemoryPipeline, at_least: int) -> None:
    """Each newest value equals what its measures give, and each of these equals what the facts give."""
    replayed: dict[str, Replayed] = {}
    values = newest(line)
    assert len(values) >= at_least
    for value in values:
        found, parts = explained(line, value, replayed)
        assert differences(value, found) == []
        assert [part.fault for part in parts] == [None] * len(parts)
        assert parts


def test_a_number_that_the_log_does_not_give_is_named() -> None:
    line = plant()
    value = next(v for v in newest(line) if v.kpi is Kpi.AVAILABILITY and v.window_kind == "shift" and v.scope.kind == "line")
    wrong = value.model_copy(update={"numerator": value.numerator + 1})
    found, _ = explained(line, value, {})
    assert differences(wrong, found) == [f"numerator: told {wrong.numerator}, found {value.numerator}"]


def test_a_measure_that_the_facts_do_not_give_is_named() -> None:
    line = plant()
    value = next(v for v in newest(line) if v.kpi is Kpi.AVAILABILITY and v.window_kind == "hour" and v.scope.kind == "asset")
    (part,) = accounts(value, measures_of(line, value))
    without = [f for f in facts_of(line, part.measure.asset) if f.origin.offset not in _offsets(part.measure)]
    settle(part, replay(without, line.references))
    assert part.fault is not None
    assert document(value, [value], value, [part])["same"] is False


def test_a_value_whose_measures_are_gone_is_not_found() -> None:
    line = plant()
    value = newest(line)[0]
    assert differences(value, roll_up(value, [], 0, line.references)) == ["the measures that it names give no such value"]


# shift 06:00 [                               ) 14:00, as bands of each machine
def test_the_bands_of_a_shift_cover_it_without_gaps() -> None:
    line = plant()
    value = next(v for v in newest(line) if v.kpi is Kpi.AVAILABILITY and v.window_kind == "shift" and v.scope.kind == "line")
    found, parts = explained(line, value, {})
    bands = document(value, [value], found, parts)["bands"]
    for asset in ("m1", "m2"):
        own = [b for b in bands if b["asset"] == asset]
        assert (own[0]["start_us"], own[-1]["end_us"]) == (to_micros(value.window.start), to_micros(value.window.end))
        assert all(a["end_us"] == b["start_us"] for a, b in pairwise(own))
    production = sum(b["end_us"] - b["start_us"] for b in bands if b["element"] == "production")
    assert production == value.terms["APT"]
    assert sum(u["good"] + u["bad"] for u in document(value, [value], found, parts)["units"]) == 14


def _offsets(measure: Measure) -> set[int]:
    return {o for r in measure.inputs for o in range(r.first_offset, r.last_offset + 1)}
