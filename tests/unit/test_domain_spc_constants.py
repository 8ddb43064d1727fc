"""Constants of control charts are those of the printed tables, and of their definitions."""

import json
import math
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist

import pytest

from streams.domain import spc_constants as constants

PRINTED: dict[str, list[float]] = json.loads((Path(__file__).parents[1] / "data" / "spc" / "constants.json").read_text())
OURS = {
    "d2": constants.d2,
    "d3": constants.d3,
    "c4": constants.c4,
    "A2": constants.mean_factor_of_range,
    "A3": constants.mean_factor_of_deviation,
    "B3": lambda n: constants.deviation_factors(n)[0],
    "B4": lambda n: constants.deviation_factors(n)[1],
    "D3": lambda n: constants.range_factors(n)[0],
    "D4": lambda n: constants.range_factors(n)[1],
}
SIZES = range(2, 26)


@pytest.mark.parametrize("name", PRINTED)
def test_a_factor_is_that_of_the_printed_tables(name: str) -> None:
    assert len(PRINTED[name]) == len(SIZES)
    digits = 4 if name == "c4" else 3
    for n, printed in zip(SIZES, PRINTED[name], strict=True):
        # one unit of the last digit: D4 was once worked out from rounded d2 and d3
        assert abs(OURS[name](n) - printed) <= 1.01 * 10**-digits, (name, n)


def integral(values: list[float], step: float) -> float:
    """Trapezoids; exact to far more digits than asked for where a smooth function dies out at both ends."""
    return step * (sum(values) - (values[0] + values[-1]) / 2)


@pytest.mark.parametrize("n", SIZES)
def test_d2_is_the_mean_range_of_a_normal_sample(n: int) -> None:
    step, normal = 0.05, NormalDist()
    below = [normal.cdf(i * step - 9) for i in range(361)]
    above = [normal.cdf(9 - i * step) for i in range(361)]
    assert constants.d2(n) == pytest.approx(integral([1 - f**n - g**n for f, g in zip(below, above, strict=True)], step), abs=1e-9)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 25])
def test_d3_is_the_deviation_of_the_range_of_a_normal_sample(n: int) -> None:
    # density of the range: n (n-1) times the integral of f(x) f(x + w) (F(x + w) - F(x))^(n-2)
    step, normal = 0.1, NormalDist()
    at = [i * step - 8 for i in range(161)]
    f, cdf = [normal.pdf(x) for x in at], [normal.cdf(x) for x in at]

    def density(width: int) -> float:
        return n * (n - 1) * step * sum(f[i] * f[i + width] * (cdf[i + width] - cdf[i]) ** (n - 2) for i in range(161 - width))

    densities = [density(w) for w in range(161)]
    # the density does not die out at 0 for n = 2 and 3: Simpson's rule there
    weights = [1.0] + [4.0 if w % 2 else 2.0 for w in range(1, 160)] + [1.0]
    moments = [
        step / 3 * sum(c * (w * step) ** k * d for w, (c, d) in enumerate(zip(weights, densities, strict=True))) for k in (1, 2)
    ]
    assert moments[0] == pytest.approx(constants.d2(n), abs=2e-5)
    assert math.sqrt(moments[1] - moments[0] ** 2) == pytest.approx(constants.d3(n), abs=2e-5)


def test_d3_of_two_is_known_in_closed_form() -> None:
    assert constants.d3(2) == pytest.approx(math.sqrt(2 - 4 / math.pi), abs=1e-8)
    assert constants.d2(2) == pytest.approx(2 / math.sqrt(math.pi), abs=1e-10)


@pytest.mark.parametrize("n", SIZES)
def test_c4_is_a_ratio_of_gamma_functions(n: int) -> None:
    assert constants.c4(n) == pytest.approx(math.sqrt(2 / (n - 1)) * math.gamma(n / 2) / math.gamma((n - 1) / 2), rel=1e-13)


def test_larger_samples_have_larger_ranges_and_steadier_ones() -> None:
    assert all(constants.d2(a) < constants.d2(b) for a, b in pairwise(SIZES))
    assert all(constants.d3(a) / constants.d2(a) > constants.d3(b) / constants.d2(b) for a, b in pairwise(SIZES))
