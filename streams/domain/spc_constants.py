"""Constants of control charts for subgroups of 2 to 25 readings of a normal distribution.

Published with three or four digits in ASTM MNL 7 and in D. C. Montgomery, Introduction to Statistical Quality Control, appendix
VI; the tests compare with that table, and the digits here with an integration of their definitions.
"""

from math import pi, sqrt

LARGEST = 25

#: mean of the range in standard deviations: integral of 1 - F(x)^n - (1 - F(x))^n, for n = 2 to 25
_D2 = (
    1.1283791671, 1.6925687506, 2.0587507460, 2.3259289473, 2.5344127212, 2.7043567512, 2.8472006121, 2.9700263244,
    3.0775054617, 3.1728727038, 3.2584552797, 3.3359803541, 3.4067631082, 3.4718268899, 3.5319827861, 3.5878839618,
    3.6400637579, 3.6889630232, 3.7349501196, 3.7783358298, 3.8193846434, 3.8583234233, 3.8953481485, 3.9306292195,
)  # fmt: skip
#: standard deviation of the range in standard deviations, for n = 2 to 25
_D3 = (
    0.85250247, 0.88836800, 0.87980820, 0.86408194, 0.84803969, 0.83320534, 0.81983149, 0.80783427,
    0.79705067, 0.78731462, 0.77847834, 0.77041620, 0.76302310, 0.75621143, 0.74990809, 0.74405178,
    0.73859085, 0.73348150, 0.72868635, 0.72417334, 0.71991481, 0.71588674, 0.71206818, 0.70844077,
)  # fmt: skip


def _c4_table() -> tuple[float, ...]:
    """c4(2) = sqrt(2 / pi), and c4(n) c4(n + 1) = sqrt((n - 1) / n) by the recurrence of the gamma function."""
    table = [sqrt(2 / pi)]
    for n in range(2, LARGEST):
        table.append(sqrt((n - 1) / n) / table[-1])
    return tuple(table)


_C4 = _c4_table()


def c4(n: int) -> float:
    """Mean of the standard deviation (n - 1) of ``n`` readings, in standard deviations: sqrt(2/(n-1)) G(n/2) / G((n-1)/2)."""
    return _C4[n - 2]


def d2(n: int) -> float:
    """Mean of the range of ``n`` readings, in standard deviations."""
    return _D2[n - 2]


def d3(n: int) -> float:
    """Standard deviation of the range of ``n`` readings, in standard deviations."""
    return _D3[n - 2]


def mean_factor_of_range(n: int) -> float:
    """A2: limits of a mean are centre +- A2 mean range."""
    return 3 / (d2(n) * sqrt(n))


def mean_factor_of_deviation(n: int) -> float:
    """A3: limits of a mean are centre +- A3 mean standard deviation."""
    return 3 / (c4(n) * sqrt(n))


def range_factors(n: int) -> tuple[float, float]:
    """D3 and D4: limits of a range are D3 and D4 times the mean range."""
    spread = 3 * d3(n) / d2(n)
    return max(0.0, 1 - spread), 1 + spread


def deviation_factors(n: int) -> tuple[float, float]:
    """B3 and B4: limits of a standard deviation are B3 and B4 times the mean standard deviation."""
    spread = 3 * sqrt(1 - c4(n) ** 2) / c4(n)
    return max(0.0, 1 - spread), 1 + spread
