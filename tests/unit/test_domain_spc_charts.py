"""Charts on the worked examples of the NIST/SEMATECH e-Handbook of Statistical Methods, chapter 6.3.2."""

import json
import statistics
from collections.abc import Iterable
from math import sqrt
from pathlib import Path
from typing import Any

import pytest

from schemas.events.asset import Control
from streams.domain.spc_chart import (
    Chart,
    Judgement,
    Limits,
    PhaseOne,
    Point,
    charted_limits,
    dispersion_limits,
    limits_of,
    point_of,
)

HANDBOOK: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "spc" / "handbook.json").read_text())


def phase_one(control: Control, values: list[float]) -> Limits:
    """Limits of readings, all of them in phase 1."""
    n, before, phase = control.subgroup, None, PhaseOne(0, "")
    for i in range(0, len(values), n):
        group = values[i : i + n]
        phase.add(point_of(control, i, group, before), group)
        before = group[-1]
    limits = limits_of(control, phase)
    assert limits is not None
    return limits


def judged(control: Control, limits: Limits, values: Iterable[float], chart: Chart | None = None) -> list[list[Judgement]]:
    """Per point what every rule says, with no alarm open."""
    chart = chart or Chart()
    return [list(chart.judge(control, limits, Point(i, v, None), {})) for i, v in enumerate(values)]


def test_individuals_of_the_flowrate() -> None:
    example = HANDBOOK["individuals"]
    control = Control(version=1, chart="individuals")
    limits = phase_one(control, example["flowrate"])
    lower, upper = charted_limits(control, limits)
    assert limits.centre == pytest.approx(example["centre"], abs=5e-5)
    assert limits.dispersion == pytest.approx(example["mean moving range"], abs=5e-5)
    assert (lower, upper) == (pytest.approx(example["lower"], abs=2e-3), pytest.approx(example["upper"], abs=2e-3))  # d2 = 1.128
    assert not any(said.fires for point in judged(control, limits, example["flowrate"]) for said in point)


def test_the_ewma_of_the_example() -> None:
    example = HANDBOOK["ewma"]
    control = Control(version=1, chart="ewma", ewma_lambda=example["lambda"], ewma_limit=example["limit"])
    limits = Limits(example["centre"], example["sd"], 1.0)
    lower, upper = charted_limits(control, limits)
    assert (lower, upper) == (pytest.approx(example["lower"], abs=2e-4), pytest.approx(example["upper"], abs=2e-4))
    said = [point[0] for point in judged(control, limits, example["values"])]
    assert [s.value for s in said] == pytest.approx(example["ewma"], abs=0.006)
    assert not any(s.fires for s in said)


def test_the_limits_of_an_ewma_widen_to_where_they_settle() -> None:
    control, limits = Control(version=1, chart="ewma", ewma_lambda=0.2, ewma_limit=3), Limits(0, 1, 1)
    said = [point[0].limit for point in judged(control, limits, [0.1] * 60)]
    by_hand = [3 * sqrt(0.2 / 1.8 * (1 - 0.8 ** (2 * i))) for i in range(1, 61)]
    assert said == pytest.approx(by_hand, rel=1e-12)
    assert said[-1] == pytest.approx(charted_limits(control, limits)[1], rel=1e-10)


def test_the_cusum_of_the_example_signals_at_the_same_point() -> None:
    example = HANDBOOK["cusum"]
    sigma = example["k"] / 0.5
    control = Control(version=1, chart="cusum", cusum_k=0.5, cusum_h=example["h"] / sigma)
    said = judged(control, Limits(example["target"], sigma, 1.0), example["values"])
    high = [point[0] for point in said]
    assert [s.value for s in high][: example["first signal"]] == pytest.approx(example["increase"], abs=0.006)
    assert high[0].limit == pytest.approx(example["h"])
    assert [i + 1 for i, s in enumerate(high) if s.fires] == list(range(example["first signal"], 21))
    assert not any(point[1].fires for point in said)


def test_a_cusum_goes_on_from_its_limit_so_that_a_long_shift_does_not_delay_its_end() -> None:
    control, limits = Control(version=1, chart="cusum", cusum_k=0.5, cusum_h=5), Limits(0, 1, 1)
    high = [point[0] for point in judged(control, limits, [2.0] * 1000 + [0.0] * 11)]
    assert [s.ended for s in high[1000:]] == [False] * 9 + [True] * 2  # 5 - 10 * 0.5 = 0
    assert max(s.value for s in high) == 6.5


GROUPS = [5.1, 4.8, 5.0, 5.3, 4.9, 5.2, 5.0, 5.1, 4.7]


@pytest.mark.parametrize(("chart", "factor"), [("xbar-r", 1.693), ("xbar-s", 0.8862), ("ewma", 0.8862), ("cusum", 0.8862)])
def test_subgroups_of_three_by_hand(chart: Any, factor: float) -> None:
    control = Control(version=1, chart=chart, subgroup=3)
    limits = phase_one(control, GROUPS)
    groups = [GROUPS[i : i + 3] for i in (0, 3, 6)]
    spread = [max(g) - min(g) if chart == "xbar-r" else statistics.stdev(g) for g in groups]
    assert limits.centre == statistics.mean(GROUPS)
    assert limits.dispersion == pytest.approx(statistics.mean(spread), rel=1e-14)
    assert limits.sigma == pytest.approx(statistics.mean(spread) / factor, rel=3e-4)
    if chart == "xbar-r":  # centre +- A2 R, D3 R, D4 R
        assert charted_limits(control, limits)[1] == pytest.approx(limits.centre + 1.023 * limits.dispersion, rel=3e-4)
        assert dispersion_limits(control, limits.dispersion) == pytest.approx((0, 2.574 * limits.dispersion), rel=3e-4)
    if chart == "xbar-s":  # centre +- A3 s, B3 s, B4 s
        assert charted_limits(control, limits)[0] == pytest.approx(limits.centre - 1.954 * limits.dispersion, rel=3e-4)
        assert dispersion_limits(control, limits.dispersion) == pytest.approx((0, 2.568 * limits.dispersion), rel=3e-4)


def test_readings_that_do_not_vary_have_no_limits() -> None:
    control, phase = Control(version=1, chart="xbar-s", subgroup=2), PhaseOne(0, "")
    for i in range(10):
        phase.add(point_of(control, i, [7.0 + i, 7.0 + i], None), [7.0 + i, 7.0 + i])
    assert limits_of(control, phase) is None


def test_a_range_beyond_its_limits_breaks_r1_where_it_is_asked_for() -> None:
    # limits of the range of 7: 0.076 and 1.924 times its mean
    control = Control(version=1, chart="xbar-r", subgroup=7, rules=["R1"])
    chart, limits = Chart(), Limits(0, 1 / 2.704, 1)
    said = [next(chart.judge(control, limits, Point(0, 0, r), {})) for r in (1.9, 1.93, 1.5, 1.65, 0.08, 0.07)]
    assert [s.fires for s in said] == [None, "high", None, None, None, "low"]
    assert [s.ended for s in said] == [False, False, True, False, False, False]  # within two thirds: 0.384 to 1.616


def test_the_alarm_of_an_ewma_ends_within_two_thirds_of_its_limits() -> None:
    # lambda 1: the weighted mean is the point itself, the limits are 3
    control, limits = Control(version=1, chart="ewma", ewma_lambda=1, ewma_limit=3), Limits(0, 1, 1)
    said = [point[0] for point in judged(control, limits, [3.1, 2.9, 2.1, -2.1, 1.9, -3.1])]
    assert [s.fires for s in said] == ["high", None, None, None, None, "low"]
    assert [s.ended for s in said] == [False, False, False, False, True, False]
