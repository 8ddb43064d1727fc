"""Capability: indices and intervals against hand-worked and published figures; when a study is told."""

import json
import math
import statistics
from itertools import pairwise
from random import Random

import pytest
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, at, machine

from schemas.events.asset import Channel, Control, Specification
from schemas.events.capability import Capability
from schemas.registry import SENSOR
from streams.agents import spc
from streams.domain.exact_powers import Powers, kurtosis_score, skewness_score
from streams.domain.spc_capability import Z_975, chi_squared, moving_range_freedom, performance, potential

BOTH = Specification(lower=8.0, upper=20.0)


def powers(values: list[float]) -> Powers:
    found = Powers()
    found.add(values)
    return found


def test_the_worked_example_of_the_handbook() -> None:
    # NIST/SEMATECH e-Handbook 6.1.6: USL 20, LSL 8, mean 16, s 2: Cp 1.0, Cpu 0.6667, Cpl 1.3333
    cp = potential(BOTH, 2.0, 99)
    assert cp is not None
    assert cp.value == 1.0
    assert performance(BOTH, 16.0, 2.0, 100, 99).value == pytest.approx(0.6667, abs=5e-5)
    assert performance(Specification(lower=8.0), 16.0, 2.0, 100, 99).value == pytest.approx(1.3333, abs=5e-5)


def test_a_specification_of_one_side_has_no_cp() -> None:
    assert potential(Specification(upper=20.0), 2.0, 99) is None


@pytest.mark.parametrize(
    ("freedom", "low", "high"), [(50, 32.357, 71.420), (60, 40.482, 83.298), (80, 57.153, 106.629), (100, 74.222, 129.561)]
)
def test_quantiles_of_chi_squared_are_those_of_the_printed_table(freedom: int, low: float, high: float) -> None:
    assert chi_squared(-Z_975, freedom) == pytest.approx(low, rel=3e-4)
    assert chi_squared(Z_975, freedom) == pytest.approx(high, rel=3e-4)


def test_the_intervals_by_hand() -> None:
    # 101 readings: Cp = 1 lies in sqrt(74.222/100) .. sqrt(129.561/100); Cpk = 0.6667 +- 1.96 sqrt(1/909 + 0.4444/200)
    cp, cpk = potential(BOTH, 2.0, 100), performance(BOTH, 16.0, 2.0, 101, 100)
    assert cp is not None
    assert (cp.lower, cp.upper) == pytest.approx((0.86152, 1.13825), rel=2e-4)
    assert (cpk.lower, cpk.upper) == pytest.approx((0.66667 - 0.11297, 0.66667 + 0.11297), rel=1e-4)


def test_the_intervals_cover_the_true_index_about_as_often_as_they_say() -> None:
    # 1,000 samples of 100 normal readings with a true Cp of 1.5 and Cpk of 1: 95 %, give or take 3.3 deviations of 0.7 %
    random, asked, hits = Random(11), Specification(lower=-6.0, upper=3.0), [0, 0]
    for _ in range(1000):
        sample = [random.gauss(0, 1) for _ in range(100)]
        mean, sd = statistics.fmean(sample), statistics.stdev(sample)
        cp, cpk = potential(asked, sd, 99), performance(asked, mean, sd, 100, 99)
        assert cp is not None
        hits[0] += cp.lower <= 1.5 <= cp.upper
        hits[1] += cpk.lower <= 1.0 <= cpk.upper
    assert all(927 <= hit <= 973 for hit in hits), hits


def test_the_freedom_of_moving_ranges_is_that_of_their_simulated_variance() -> None:
    random, n = Random(5), 100
    means = []
    for _ in range(4000):
        sample = [random.gauss(0, 1) for _ in range(n)]
        means.append(sum(abs(b - a) for a, b in pairwise(sample)) / (n - 1))
    relative = statistics.variance(means) / statistics.fmean(means) ** 2
    assert moving_range_freedom(n) == pytest.approx(1 / (2 * relative), rel=0.08)  # 3.3 deviations of a variance of 4,000
    # Cryer and Ryan (1990): the variance is (0.8264 n - 1.082) / (n - 1)^2
    assert moving_range_freedom(n) == pytest.approx((n - 1) ** 2 / (2 * (0.8264 * n - 1.082)), rel=1e-3)


def test_normal_scores_of_the_published_example() -> None:
    # D'Agostino, Belanger and D'Agostino (1990), cholesterol of 62 men: sqrt(b1) = 1.02, b2 = 4.58: Z = 3.14 and 2.21, K2 = 14.75
    skew, tails = skewness_score(1.02, 62), kurtosis_score(4.58, 62)
    assert (skew, tails) == pytest.approx((3.14, 2.21), abs=0.02)
    assert skew**2 + tails**2 == pytest.approx(14.75, abs=0.1)


#: drawn once with a long tail; K squared from scipy.stats.normaltest of SciPy 1.x: 13.566753449885695
LONG_TAILED = [
    5.465, 5.255, 6.206, 7.926, 4.295, 4.335, 5.43, 7.365, 4.047, 4.386, 6.169, 3.038, 4.738, 2.459, 4.732, 4.994, 10.391, 4.224,
    5.609, 6.642, 3.845, 3.738, 5.816, 4.727, 7.831, 6.201, 4.432, 5.276, 5.161, 4.247, 5.234, 5.989, 4.794, 5.57, 3.626, 5.894,
    6.111, 8.721, 11.188, 2.462,
]  # fmt: skip


def test_normality_is_that_of_an_independent_library() -> None:
    assert powers(LONG_TAILED).normality() == pytest.approx(13.566753449885695, rel=1e-9)
    assert powers([-v for v in LONG_TAILED]).normality() == pytest.approx(13.566753449885695, rel=1e-9)
    assert powers([1e6 + v for v in LONG_TAILED]).normality() == pytest.approx(13.566753449885695, rel=1e-6)


def test_a_normal_sample_passes_about_as_often_as_the_level_says() -> None:
    random = Random(3)
    flagged = sum((powers([random.gauss(5, 2) for _ in range(120)]).normality() or 0) > -2 * math.log(0.01) for _ in range(1500))
    assert 5 <= flagged <= 40  # 1 % of 1,500; the approximation is a little liberal in the tail


def test_too_few_or_equal_values_are_not_tested() -> None:
    assert powers([1.0, 2.0] * 9).normality() is None
    assert powers([3.0] * 50).normality() is None


SPECIFIED = Channel(unit="mm", specification=Specification(lower=9.0, upper=11.0, target=10.0))


def studied(
    channel: Channel, *frames: tuple[str, list[float]], end: str = "ending 11:30", step_us: int = 1_000_000
) -> list[Capability]:
    line, gw = InMemoryPipeline(steps=(spc.STEP,), assets=[machine(bore=channel)]), Source()
    events = [gw.frame(clock, {"bore": list(values)}, step_us) for clock, values in frames]
    kind, clock = end.split(" ")
    line.send(*events, gw.ending(clock) if kind == "ending" else gw.alive(clock), topic=SENSOR)
    line.run(restart=lambda: True)
    return line.events(Capability)


def sample(n: int, seed: int = 1) -> list[float]:
    random = Random(seed)
    return [round(random.gauss(10, 0.25), 3) for _ in range(n)]


def test_single_readings_are_judged_by_their_moving_range_within_and_by_all_of_them_overall() -> None:
    values = sample(150)
    (told,) = studied(SPECIFIED, ("10:00", values))
    within = statistics.fmean(abs(b - a) for a, b in pairwise(values)) / 1.128379
    overall = statistics.stdev(values)
    assert told.mean == statistics.mean(values)
    assert told.sigma_within == pytest.approx(within, rel=1e-6)
    assert told.sigma_overall == pytest.approx(overall, rel=1e-15)
    assert told.cp and told.cpk and told.pp and told.ppk
    freedom = 149**2 / (2 * (0.8264 * 150 - 1.082))  # Cryer and Ryan (1990)
    assert told.cp.lower / told.cp.value == pytest.approx(math.sqrt(chi_squared(-Z_975, freedom) / freedom), rel=1e-4)
    near = min(11 - told.mean, told.mean - 9)
    assert (told.cp.value, told.cpk.value) == pytest.approx((2 / (6 * within), near / (3 * within)), rel=1e-6)
    assert (told.pp.value, told.ppk.value) == pytest.approx((2 / (6 * overall), near / (3 * overall)))
    assert (told.n, told.subgroups, told.subgroup, told.signals, told.not_normal) == (150, 150, 1, None, False)
    assert (told.status, told.revision, told.window.start) == ("final", 1, at("10:00"))


def test_subgroups_are_judged_by_their_pooled_deviation() -> None:
    values = sample(125)
    channel = SPECIFIED.model_copy(update={"control": Control(version=1, chart="xbar-s", subgroup=5, phase1=10)})
    (told,) = studied(channel, ("10:00", values))
    pooled = math.sqrt(statistics.fmean(statistics.variance(values[i : i + 5]) for i in range(0, 125, 5)))
    assert told.sigma_within == pytest.approx(pooled, rel=1e-14)
    assert (told.n, told.subgroups, told.subgroup) == (125, 25, 5)
    assert told.cp
    # 25 * 4 = 100 degrees of freedom
    assert (told.cp.lower / told.cp.value, told.cp.upper / told.cp.value) == pytest.approx((0.86152, 1.13825), rel=2e-4)


def test_alarms_of_the_chart_in_the_study_are_counted() -> None:
    channel = SPECIFIED.model_copy(update={"control": Control(version=1, chart="individuals", rules=["N1"], phase1=25)})
    (told,) = studied(channel, ("10:00", [*[9.8, 10.2] * 30, 13.0, *[9.8, 10.2] * 30]))
    assert told.signals == 1


def test_a_study_goes_on_from_hour_to_hour_until_it_has_enough() -> None:
    #    10:00 60 readings | 11:00 60 more: enough, told at 12:00 | 12:00 the next study
    first, second, third = sample(60, 1), sample(60, 2), sample(10, 3)
    told = studied(SPECIFIED, ("10:00", first), ("11:00", second), ("12:00", third), end="ending 12:30")
    assert [(t.revision, t.status, t.n, t.window.start) for t in told] == [
        (1, "provisional", 60, at("10:00")),
        (2, "final", 120, at("10:00")),
        (1, "provisional", 10, at("12:00")),
    ]
    assert [t.null_reason for t in told] == [
        "60 readings in 60 subgroups; capability needs 100 readings and 25 subgroups",
        None,
        "10 readings in 10 subgroups; capability needs 100 readings and 25 subgroups",
    ]
    assert [t.cpk is None for t in told] == [True, False, True]
    assert told[1].mean == statistics.mean([*first, *second])
    assert len({t.id for t in told}) == 3


def test_an_hour_without_readings_is_not_told() -> None:
    told = studied(SPECIFIED, ("10:00", sample(60)), ("15:00", sample(60)), end="alive 20:00")
    assert [(t.n, t.revision) for t in told] == [(60, 1), (120, 2)]


def test_a_full_hour_is_told_once_its_time_has_passed_and_no_sooner() -> None:
    assert studied(SPECIFIED, ("10:00", sample(120)), end="alive 11:00:04.999999") == []
    assert [t.n for t in studied(SPECIFIED, ("10:00", sample(120)), end="alive 11:00:05")] == [120]
    assert [t.n for t in studied(SPECIFIED, ("10:30", sample(120)), end="alive 11:00:05")] == [120]


def test_readings_that_do_not_vary_have_no_indices() -> None:
    (told,) = studied(SPECIFIED, ("10:00", [10.0] * 120))
    assert told.null_reason == "the readings do not vary within subgroups"
    assert (told.cp, told.cpk, told.pp, told.ppk, told.not_normal, told.sigma_overall) == (None,) * 6


def test_readings_with_a_long_tail_are_flagged() -> None:
    random = Random(8)
    (told,) = studied(SPECIFIED, ("10:00", [10 + random.expovariate(4) for _ in range(200)]))
    assert told.not_normal
    assert told.cpk is not None


def test_the_ends_of_the_number_range_are_told_as_numbers() -> None:
    wide = Channel(unit="1", specification=Specification(lower=-1e100, upper=1e100))
    for values in ([5e-324, 0.0] * 60, [1e100, -1e100] * 60, [1e-39, -1e-39] * 60):
        (told,) = studied(wide, ("10:00", values))
        assert json.loads(told.model_dump_json())["n"] == 120


def test_a_study_is_told_when_the_settings_of_its_chart_change() -> None:
    line, gw = InMemoryPipeline(steps=(spc.STEP,), assets=[machine(bore=SPECIFIED)]), Source()
    line.send(gw.frame("10:00", {"bore": sample(120)}), gw.alive("10:10"), topic=SENSOR)
    line.run()
    line.references["m1"] = machine(bore=SPECIFIED.model_copy(update={"control": Control(version=1, chart="individuals")}))
    line.send(gw.frame("10:20", {"bore": sample(120)}), gw.ending("10:59"), topic=SENSOR)
    line.run()
    before, after = line.events(Capability)
    assert (before.n, before.signals, before.window.start) == (120, None, at("10:00"))
    assert (after.n, after.window.start) == (120, at("10:20"))
    assert after.signals is not None
