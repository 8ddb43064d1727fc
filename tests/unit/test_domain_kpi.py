"""Measures rolled up: a newer revision replaces, sums are taken anew, and what has not changed is not told again."""

from fractions import Fraction

import pytest
from inmemory_pipeline import InMemoryPipeline
from machine_facts import at, measure, minutes, us

from schemas.events.kpi_value import Kpi, KpiValue
from schemas.events.measure import Measure
from schemas.registry import MEASURE
from streams.agents import kpi
from streams.domain.fold import Outcome


@pytest.fixture
def line() -> InMemoryPipeline:
    return InMemoryPipeline(steps=(kpi.STEP,))


def fold(line: InMemoryPipeline, *measures: Measure) -> list[KpiValue]:
    """Send, run, and return what is new."""
    known = len(line.events(KpiValue))
    line.send(*measures)
    line.run()
    return line.events(KpiValue)[known:]


def of(values: list[KpiValue], kind: str, which: Kpi = Kpi.AVAILABILITY) -> list[KpiValue]:
    return [v for v in values if v.scope.kind == kind and v.kpi is which]


def test_availability_is_active_time_over_known_time_without_unavailable(line: InMemoryPipeline) -> None:
    account = {(None, "ACTIVE"): 12, (None, "READY"): 18, (None, "UNAVAILABLE"): 30}
    (value,) = of(fold(line, measure("10:00", account=account)), "asset")
    assert (value.numerator, value.denominator, value.value) == (minutes(12), minutes(30), 0.4)
    assert value.coverage == 0.5
    assert (value.status, value.revision, value.supersedes, value.event_time) == ("final", 1, None, at("11:00"))
    assert (value.window.start, value.window.end, value.window_kind) == (at("10:00"), at("11:00"), "hour")


def test_an_unavailable_hour_has_no_value_but_a_reason(line: InMemoryPipeline) -> None:
    (value,) = of(fold(line, measure("10:00", account={(None, "UNAVAILABLE"): 60})), "asset")
    assert (value.value, value.numerator, value.denominator, value.coverage) == (None, 0, 0, 0.0)
    assert value.null_reason == "no planned busy time: no state other than UNAVAILABLE is known"


def test_quality_ratio_is_good_over_produced(line: InMemoryPipeline) -> None:
    (value,) = of(fold(line, measure("10:00", quantities={None: (8, 1, 1)})), "asset", Kpi.QUALITY_RATIO)
    assert (value.numerator, value.denominator, value.value) == (6, 8, 0.75)


def test_quality_ratio_without_units_has_a_reason(line: InMemoryPipeline) -> None:
    (value,) = of(fold(line, measure("10:00", account={(None, "ACTIVE"): 60})), "asset", Kpi.QUALITY_RATIO)
    assert (value.value, value.null_reason) == (None, "no unit was produced")


def test_a_ratio_beyond_the_range_of_numbers_has_a_reason(line: InMemoryPipeline) -> None:
    (value,) = of(fold(line, measure("10:00", quantities={None: (1, 10**400, 0)})), "asset", Kpi.QUALITY_RATIO)
    assert (value.value, value.null_reason) == (None, "the ratio is beyond the range of numbers")


def test_a_line_is_the_ratio_of_sums_not_the_mean_of_ratios(line: InMemoryPipeline) -> None:
    values = fold(
        line,
        measure("10:00", account={(None, "ACTIVE"): 60}, asset="m1"),
        measure("10:00", account={(None, "ACTIVE"): 5, (None, "READY"): 10}, asset="m2"),
    )
    last = of(values, "line")[-1]
    assert Fraction(last.numerator, last.denominator) == Fraction(65, 75)
    assert last.coverage == 75 / 120
    assert [(i.topic, i.first_offset, i.last_offset) for i in last.inputs] == [(MEASURE.name, 0, 1)]


def test_a_newer_revision_replaces(line: InMemoryPipeline) -> None:
    fold(line, measure("10:00", 1, "provisional", {(None, "ACTIVE"): 10}, until="10:10"))
    (value,) = of(fold(line, measure("10:00", 2, "final", {(None, "READY"): 60})), "line")
    assert (value.numerator, value.denominator, value.status, value.revision) == (0, minutes(60), "final", 2)


def test_an_older_or_equal_revision_changes_nothing(line: InMemoryPipeline) -> None:
    newer = measure("10:00", 2, "final", {("A-1", "READY"): 60})
    fold(line, newer)
    assert fold(line, newer, measure("10:00", 1, "provisional", {("A-1", "ACTIVE"): 10})) == []
    assert line.outcomes["kpi", MEASURE.name, Outcome.DUPLICATE] == 2


def test_each_value_names_the_one_that_it_replaces(line: InMemoryPipeline) -> None:
    first, second = (of(fold(line, measure("10:00", r, account={(None, "ACTIVE"): r})), "asset")[0] for r in (1, 2))
    assert second.supersedes == first.id != second.id


def test_a_value_that_does_not_change_is_not_told_again(line: InMemoryPipeline) -> None:
    # READY became STOPPED: neither availability nor coverage changes
    fold(line, measure("10:00", 1, "final", {(None, "ACTIVE"): 30, (None, "READY"): 30}))
    assert fold(line, measure("10:00", 2, "restated", {(None, "ACTIVE"): 30, (None, "STOPPED"): 30})) == []


def test_a_final_value_that_changes_is_restated(line: InMemoryPipeline) -> None:
    fold(line, measure("10:00", 1, "final", {(None, "ACTIVE"): 30}))
    values = fold(line, measure("10:00", 2, "restated", {(None, "ACTIVE"): 29}))
    assert {v.status for v in values} == {"restated"}


def test_a_line_is_final_when_all_its_assets_are(line: InMemoryPipeline) -> None:
    one = measure("10:00", 1, "provisional", {(None, "ACTIVE"): 5}, asset="m1", until="10:05")
    values = fold(line, one, measure("10:00", 1, "final", {(None, "ACTIVE"): 60}, asset="m2"))
    assert [v.status for v in of(values, "line")] == ["provisional", "provisional"]
    assert [v.status for v in of(fold(line, measure("10:00", 2, "final", {(None, "ACTIVE"): 60}, asset="m1")), "line")] == ["final"]


def test_a_line_that_was_final_before_an_asset_joined_is_restated_until_the_end(line: InMemoryPipeline) -> None:
    fold(line, measure("10:00", 1, "final", {(None, "ACTIVE"): 60}, asset="m1"))
    joined = [measure("10:00", r, "provisional", {(None, "ACTIVE"): 5 * r}, asset="m2", until=f"10:{5 * r:02}") for r in (1, 2)]
    assert [v.status for v in of(fold(line, *joined), "line")] == ["restated", "restated"]


def test_a_restart_between_any_two_records_changes_nothing(line: InMemoryPipeline) -> None:
    def run(restart: bool) -> list[KpiValue]:
        one = InMemoryPipeline(steps=line.steps)
        one.send(
            measure("10:00", 1, "provisional", {("A-1", "ACTIVE"): 5}, {"A-1": (1, 0, 0)}, until="10:05"),
            measure("10:00", 2, "final", {("A-1", "ACTIVE"): 60}, {"A-1": (2, 1, 0)}),
            measure("10:00", 1, "final", {("A-1", "READY"): 60}, asset="m2"),
            measure("10:00", 3, "restated", {("B-2", "ACTIVE"): 60}, {"A-1": (0, 0, 0)}),
            measure("+31 10:00", 1, "final", {("A-1", "ACTIVE"): 60}),
        )
        one.run(restart=lambda: restart)
        return one.events(KpiValue)

    assert run(True) == run(False)


def test_lines_are_apart(line: InMemoryPipeline) -> None:
    fold(line, measure("10:00", account={(None, "ACTIVE"): 60}, line="l1", asset="m1"))
    (value,) = of(fold(line, measure("10:00", account={(None, "READY"): 60}, line="l2", asset="m2")), "line")
    assert (value.scope.id, value.value) == ("l2", 0.0)


def test_an_order_is_summed_over_hours_and_assets(line: InMemoryPipeline) -> None:
    # m1 [10-A-1--)[11-A-1   m2  [11-A-1
    values = fold(
        line,
        measure("10:00", account={("A-1", "ACTIVE"): 30, (None, "READY"): 30}, quantities={"A-1": (4, 1, 0)}),
        measure("11:00", account={("A-1", "READY"): 20, ("B-2", "ACTIVE"): 40}, until="11:59"),
        measure("11:00", account={("A-1", "ACTIVE"): 10, ("A-1", "UNAVAILABLE"): 20}, quantities={"A-1": (2, 0, 0)}, asset="m2"),
    )
    last = [v for v in of(values, "order") if v.scope.id == "A-1"][-1]
    assert (last.numerator, last.denominator, last.coverage) == (minutes(40), minutes(60), 60 / 80)
    assert (last.window.start, last.window.end, last.window_kind, last.status) == (at("10:00"), at("12:00"), "order", "provisional")
    quality = [v for v in of(values, "order", Kpi.QUALITY_RATIO) if v.scope.id == "A-1"][-1]
    assert (quality.numerator, quality.denominator) == (5, 6)


def test_the_units_of_an_order_are_told_before_its_availability(line: InMemoryPipeline) -> None:
    values = fold(line, measure("10:00", account={("A-1", "ACTIVE"): 60}, quantities={"A-1": (4, 0, 0)}))
    assert [v.kpi for v in values if v.scope.kind == "order"] == [Kpi.QUALITY_RATIO, Kpi.AVAILABILITY]


def test_an_hour_that_loses_an_order_takes_its_part_away(line: InMemoryPipeline) -> None:
    fold(line, measure("09:00", 1, "final", {("A-1", "ACTIVE"): 30}), measure("10:00", 1, "final", {("A-1", "ACTIVE"): 60}))
    restated = measure("10:00", 2, "restated", {("B-2", "ACTIVE"): 60}, {"A-1": (0, 0, 0)})
    values = [v for v in of(fold(line, restated), "order") if v.scope.id == "A-1"]
    assert [(v.numerator, v.denominator, v.window.end) for v in values] == [(minutes(30), minutes(30), at("10:00"))]


def test_time_that_goes_on_without_the_order_is_no_new_value(line: InMemoryPipeline) -> None:
    # A-1 was done at 10:05
    fold(line, measure("10:00", 1, "provisional", {("A-1", "ACTIVE"): 5}, until="10:05"))
    later = measure("10:00", 2, "provisional", {("A-1", "ACTIVE"): 5, (None, "READY"): 5}, until="10:10")
    assert of(fold(line, later), "order") == []


def test_an_hour_is_dropped_when_the_hour_a_month_later_is_final(line: InMemoryPipeline) -> None:
    fold(line, measure("10:00", account={(None, "ACTIVE"): 60}), measure("11:00", account={(None, "ACTIVE"): 60}))
    fold(line, measure("+30 10:00", account={(None, "ACTIVE"): 60}))
    line.restart()
    hours = sorted(int(key.split("/")[2]) for _, _, key in line.stored)
    assert hours == [us("11:00"), us("+30 10:00")]


def test_the_hours_of_an_order_that_no_measure_can_restate_are_one_sum(line: InMemoryPipeline) -> None:
    hours = [measure(f"+{day} 10:00", account={("A-1", "ACTIVE"): 60}) for day in range(60)]
    last = of(fold(line, *hours), "order")[-1]
    assert last.numerator == minutes(60 * 60)
    assert last.window.start == at("10:00")
    size = len(kpi.STEP.logic.dump(line.states["kpi", line.partition_of(b"l1"), "order/l1/A-1"]) or b"")
    assert size < 4000


def test_a_repeat_of_an_hour_long_summed_up_adds_nothing(line: InMemoryPipeline) -> None:
    first = measure("10:00", account={("A-1", "ACTIVE"): 60})
    fold(line, first, measure("+31 10:00", account={("A-1", "ACTIVE"): 60}))
    assert of(fold(line, first), "order") == []
