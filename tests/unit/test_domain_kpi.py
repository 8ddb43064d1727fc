"""Measures rolled up: a newer revision replaces, sums are taken anew, and what has not changed is not told again."""

from fractions import Fraction

import pytest
from inmemory_pipeline import InMemoryPipeline
from kpi_lab import fold, of, rolling_up
from machine_facts import at, elapsed, loss_model, measure, minutes, us

from schemas.events.kpi_value import Kpi, KpiValue
from schemas.events.measure import Quantity
from schemas.registry import MEASURE
from schemas.time_element import TimeElement
from streams.agents import kpi
from streams.domain.fold import Outcome


@pytest.fixture
def line() -> InMemoryPipeline:
    return rolling_up()


def test_availability_is_active_time_over_known_time_without_unavailable(line: InMemoryPipeline) -> None:
    account = {(None, "ACTIVE"): 12, (None, "READY"): 18, (None, "UNAVAILABLE"): 30}
    (value,) = of(fold(line, measure("10:00", account=account)), "asset")
    assert (value.numerator, value.denominator, value.value, value.coverage) == (minutes(12), minutes(30), 0.4, 0.5)
    assert (value.status, value.revision, value.supersedes, value.event_time) == ("final", 1, None, at("11:00"))
    assert (value.window.start, value.window.end, value.window_kind) == (at("10:00"), at("11:00"), "hour")
    assert (value.formula, value.terms) == ("APT / PBT, version 2", {"APT": minutes(12), "PBT": minutes(30)})
    assert (value.flags, value.delta, value.reason, value.restated_measures) == ([], None, None, 0)


def test_an_unavailable_hour_has_no_value_but_a_reason(line: InMemoryPipeline) -> None:
    (value,) = of(fold(line, measure("10:00", account={(None, "UNAVAILABLE"): 60})), "asset")
    assert (value.value, value.numerator, value.denominator, value.coverage) == (None, 0, 0, 0.0)
    assert (value.null_reason, value.flags) == ("no planned busy time is known", ["low coverage"])


def test_an_hour_in_which_nothing_was_planned_lacks_nothing(line: InMemoryPipeline) -> None:
    # the machine made units all the same, so these are counted
    rest = [elapsed(us("10:00"), TimeElement.NOT_PLANNED, minutes(60))]
    values = fold(line, measure("10:00", quantities={None: (8, 2, 0)}, elements=rest))
    (availability,), (quality,) = of(values, "asset"), of(values, "asset", Kpi.QUALITY_RATIO)
    assert (availability.value, availability.null_reason) == (None, "no planned busy time is known")
    assert (quality.value, quality.coverage, quality.flags) == (0.75, 1.0, [])


def test_below_half_of_the_planned_time_known_there_is_no_value(line: InMemoryPipeline) -> None:
    (low,) = of(fold(line, measure("10:00", account={(None, "ACTIVE"): 19})), "asset")
    assert (low.value, low.null_reason, low.flags) == (None, "coverage 0.31 is below 0.5", ["low coverage"])
    assert (low.numerator, low.denominator, low.coverage) == (minutes(19), minutes(19), 19 / 60)


def test_coverage_just_below_the_threshold_does_not_read_like_the_threshold(line: InMemoryPipeline) -> None:
    elements = [
        elapsed(us("10:00"), TimeElement.PRODUCTION, minutes(30) - 1), elapsed(us("10:00"), TimeElement.UNKNOWN, minutes(30) + 1)
    ]  # fmt: skip
    (low,) = of(fold(line, measure("10:00", elements=elements)), "asset")
    assert low.null_reason == "coverage 0.49 is below 0.5"


def test_coverage_is_of_the_time_so_far(line: InMemoryPipeline) -> None:
    (value,) = of(fold(line, measure("10:00", 1, "provisional", until="10:05")), "asset")
    assert (value.coverage, value.value) == (1.0, 1.0)


def test_an_asset_that_was_heard_less_far_lacks_what_was_planned_for_its_line(line: InMemoryPipeline) -> None:
    # m1 10:00 |-ACTIVE-| 10:20 ended    m2 10:00 |--ACTIVE--| 11:00
    values = fold(line, measure("10:00", 1, "provisional", until="10:20"), measure("10:00", asset="m2"))
    assert of(values, "line")[-1].coverage == 80 / 120
    assert of(values, "asset")[-1].coverage == 1.0


def test_quality_ratio_is_good_over_produced(line: InMemoryPipeline) -> None:
    (value,) = of(fold(line, measure("10:00", quantities={None: (8, 1, 1)})), "asset", Kpi.QUALITY_RATIO)
    assert (value.numerator, value.denominator, value.value) == (6, 8, 0.75)


def test_good_units_are_never_below_zero(line: InMemoryPipeline) -> None:
    # what the hour before made is rejected in this one
    values = fold(line, measure("10:00", quantities={None: (1, 3, 0)}))
    (quality,), (scrap,) = of(values, "asset", Kpi.QUALITY_RATIO), of(values, "asset", Kpi.SCRAP_RATIO)
    assert (quality.numerator, quality.value) == (0, 0.0)
    assert (scrap.value, scrap.flags) == (3.0, ["above one"])


def test_a_kpi_is_told_from_when_it_has_a_denominator_and_then_on(line: InMemoryPipeline) -> None:
    none, some, gone = (fold(line, measure("10:00", r, quantities={None: (units, 0, 0)})) for r, units in ((1, 0), (2, 4), (3, 0)))
    assert of(none, "asset", Kpi.QUALITY_RATIO) == of(none, "asset", Kpi.MTBF) == []
    assert [v.value for v in of(some, "asset", Kpi.QUALITY_RATIO)] == [1.0]
    (last,) = of(gone, "asset", Kpi.QUALITY_RATIO)
    assert (last.value, last.null_reason, last.delta, last.revision) == (None, "no unit was produced", None, 2)


def test_a_ratio_beyond_the_range_of_numbers_has_a_reason(line: InMemoryPipeline) -> None:
    (value,) = of(fold(line, measure("10:00", quantities={None: (1, 10**400, 0)})), "asset", Kpi.SCRAP_RATIO)
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
    late = measure("10:00", 2, "restated", {(None, "ACTIVE"): 45, (None, "READY"): 15}, reason="gw/m1/7 came out of order")
    values = fold(line, late)
    assert {v.status for v in values if v.window_kind == "hour"} == {"restated"}
    (value,) = of(values, "asset")
    assert (value.value, value.delta, value.restated_measures) == (0.75, -0.25, 1)
    assert value.reason == "m1, hour 2026-11-24T10:00Z: gw/m1/7 came out of order"


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
        measure("11:00", account={("A-1", "READY"): 20, ("B-2", "ACTIVE"): 40}, until="12:00"),
        measure("11:00", account={("A-1", "ACTIVE"): 10, ("A-1", "UNAVAILABLE"): 20}, quantities={"A-1": (2, 0, 0)}, asset="m2"),
    )
    last = [v for v in of(values, "order") if v.scope.id == "A-1"][-1]
    assert (last.numerator, last.denominator, last.coverage) == (minutes(40), minutes(60), 60 / 80)
    assert (last.window.start, last.window.end, last.window_kind, last.status) == (at("10:00"), at("12:00"), "order", "provisional")
    quality = [v for v in of(values, "order", Kpi.QUALITY_RATIO) if v.scope.id == "A-1"][-1]
    assert (quality.numerator, quality.denominator) == (5, 6)


def test_the_units_of_an_order_are_told_before_its_availability(line: InMemoryPipeline) -> None:
    values = fold(line, measure("10:00", account={("A-1", "ACTIVE"): 60}, quantities={"A-1": (4, 0, 0)}))
    assert [v.kpi for v in values if v.scope.kind == "order"][:2] == [Kpi.QUALITY_RATIO, Kpi.AVAILABILITY]


def test_an_hour_that_loses_an_order_takes_its_part_away(line: InMemoryPipeline) -> None:
    fold(line, measure("09:00", 1, "final", {("A-1", "ACTIVE"): 30}), measure("10:00", 1, "final", {("A-1", "ACTIVE"): 60}))
    restated = measure("10:00", 2, "restated", {("B-2", "ACTIVE"): 60}, {"A-1": (0, 0, 0)})
    values = [v for v in of(fold(line, restated), "order") if v.scope.id == "A-1"]
    assert [(v.numerator, v.denominator, v.window.end) for v in values] == [(minutes(30), minutes(30), at("10:00"))]


def test_time_that_goes_on_without_the_order_is_no_new_value(line: InMemoryPipeline) -> None:
    # A-1 was done at 10:05
    fold(line, measure("10:00", 1, "provisional", {("A-1", "ACTIVE"): 5}, until="10:05"))
    later = measure("10:00", 2, "provisional", {("A-1", "ACTIVE"): 5, (None, "READY"): 5}, until="10:10")
    values = fold(line, later)
    assert of(values, "order") == []
    assert {v.kpi for v in values if v.scope.kind == "order"} <= {Kpi.THROUGHPUT_RATE}  # whose time goes on


def test_an_hour_is_dropped_when_the_hour_a_month_later_is_final(line: InMemoryPipeline) -> None:
    fold(line, measure("10:00", account={(None, "ACTIVE"): 60}), measure("11:00", account={(None, "ACTIVE"): 60}))
    fold(line, measure("+30 10:00", account={(None, "ACTIVE"): 60}))
    line.restart()
    hours = sorted(int(key.split("/")[2]) for _, _, key in line.stored if key.startswith("hour/"))
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


def units(produced: int, **fields: int) -> list[Quantity]:
    """Units outside of shifts, orders and parts."""
    place = {"shift": None, "order": None, "part": None}
    return [Quantity.model_validate({"day": "2026-11-24", **place, "produced": produced, "scrap": 0, "rework": 0, **fields})]


def test_effectiveness_below_the_limit_of_the_loss_model_is_low_speed(line: InMemoryPipeline) -> None:
    # 30 units of 1 min in 60 min; version 1 does not care, version 2 wants 60 %
    line.references.put(loss_model(1), loss_model(2).model_copy(update={"low_speed_limit": 0.6}))
    made = [
        Quantity(day="2026-11-24", shift=None, order=None, part=None, produced=30, scrap=0, rework=0, planned_run_us=minutes(30))
    ]
    first, second = (fold(line, measure("10:00", r, loss_model_version=r).model_copy(update={"quantities": made})) for r in (1, 2))
    assert [(v.value, v.flags) for v in of(first, "asset", Kpi.EFFECTIVENESS)] == [(0.5, [])]
    assert [(v.value, v.flags, v.loss_model_version) for v in of(second, "asset", Kpi.EFFECTIVENESS)] == [(0.5, ["low speed"], 2)]


def test_units_without_a_planned_run_time_are_flagged_where_it_counts(line: InMemoryPipeline) -> None:
    made = [
        Quantity(day="2026-11-24", shift=None, order=None, part=None, produced=30, scrap=0, rework=0, planned_run_us=9, unrated=1)
    ]
    values = fold(line, measure("10:00").model_copy(update={"quantities": made}))
    flagged = {v.kpi for v in values if v.scope.kind == "asset" and v.window_kind == "hour" and v.flags == ["unrated units"]}
    assert flagged == {Kpi.EFFECTIVENESS, Kpi.OEE, Kpi.NEE}
