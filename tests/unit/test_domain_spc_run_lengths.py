"""How long charts run before they signal, against published averages: seeded simulation, 99.9 % bounds of the mean."""

import json
import statistics
from itertools import count
from math import sqrt
from pathlib import Path
from random import Random
from typing import Any

import pytest

from schemas.events.asset import Control
from streams.domain.spc_chart import Chart, Limits, Point

PUBLISHED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "spc" / "run_lengths.json").read_text())
Z = 3.29  # 99.9 % of a normal distribution, both sides
ROUNDED = 0.006  # tables with one digit after the point, some from approximations
STANDARD = Limits(0.0, 1.0, 1.0)


def run_length(control: Control, shift: float, random: Random, settled: bool = False) -> int:
    """Points to the first signal. ``settled``: the limits of an EWMA do not widen any more, as the tables have it."""
    chart = Chart(fading=0.0) if settled else Chart()
    for i in count(1):
        point = Point(i, random.gauss(shift, 1), None)
        if any(said.fires for said in chart.judge(control, STANDARD, point, {})):
            return i
    raise AssertionError


def assert_average(control: Control, shift: float, published: float, settled: bool = False) -> None:
    runs = min(2000, round(60_000 / published))
    random = Random(f"{control.chart} {control.rules} {shift}")
    lengths = [run_length(control, shift, random, settled) for _ in range(runs)]
    half = Z * statistics.stdev(lengths) / sqrt(runs) + ROUNDED * published + 0.05
    assert abs(statistics.fmean(lengths) - published) < half, (control.chart, shift, statistics.fmean(lengths), half)


CASES = [(kind, row, i) for kind in ("cusum", "ewma") for row in PUBLISHED[kind] for i in range(len(PUBLISHED["shifts"]))]


@pytest.mark.parametrize(("kind", "row", "i"), CASES)
def test_a_chart_with_memory_signals_as_late_as_published(kind: str, row: dict[str, Any], i: int) -> None:
    if kind == "cusum":
        control = Control(version=1, chart="cusum", cusum_k=row["k"], cusum_h=row["h"])
    else:
        control = Control(version=1, chart="ewma", ewma_lambda=row["lambda"], ewma_limit=row["limit"])
    assert_average(control, PUBLISHED["shifts"][i], row["lengths"][i], settled=kind == "ewma")


@pytest.mark.parametrize("row", PUBLISHED["rules"], ids=lambda row: "+".join(row["rules"]))
def test_rules_of_a_shewhart_chart_give_false_alarms_as_often_as_published(row: dict[str, Any]) -> None:
    assert_average(Control(version=1, chart="individuals", rules=row["rules"]), 0.0, row["length"])


def test_a_chart_that_is_a_tenth_too_narrow_would_be_noticed() -> None:
    control = Control(version=1, chart="cusum", cusum_k=0.5, cusum_h=4.5)
    with pytest.raises(AssertionError):
        assert_average(control, 0.0, PUBLISHED["cusum"][1]["lengths"][0])
