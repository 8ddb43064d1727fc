"""Capability of a channel: Cp and Cpk with the deviation within subgroups, Pp and Ppk with that of all readings (ISO 22514-2).

Within subgroups of several readings it is the pooled standard deviation, with k (n - 1) degrees of freedom; of single readings
the mean moving range / d2(2). The variance of that is known (Cryer and Ryan, The estimation of sigma for an X chart, Journal
of Quality Technology 22, 1990), and the degrees of freedom are those of a chi-squared estimate of equal variance.

Confidence intervals at 95 %: Cp and Pp by chi-squared, Cp sqrt(chi2(0.025; v) / v) to Cp sqrt(chi2(0.975; v) / v); Cpk and Ppk
by C +- 1.96 sqrt(1 / (9 n) + C^2 / (2 v)) (A. F. Bissell, How reliable is your capability index?, Applied Statistics 39, 1990;
the first is in the NIST/SEMATECH e-Handbook of Statistical Methods, 6.1.6, as well). The quantiles of chi-squared are those
of E. B. Wilson and M. M. Hilferty (1931), whose error at 50 degrees of freedom and more is below 0.03 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import pi, sqrt

from schemas.events.asset import Specification
from schemas.events.capability import CapabilityIndex
from streams.domain.exact_moments import Moments
from streams.domain.exact_powers import Powers
from streams.domain.spc_constants import d2

FEWEST_READINGS = 100
FEWEST_SUBGROUPS = 25
SMALLEST = 1e-40  # a deviation below it is none: no unit resolves it, and an index would leave the range of floats
Z_975 = 1.959963984540054  # 97.5 % quantile of the normal distribution


@dataclass(slots=True)
class Study:
    """Exact sums over the subgroups of one study. ``due`` is the full hour at which what is new is told; None when nothing is."""

    number: int
    start: int
    end: int = 0
    groups: int = 0
    revision: int = 0
    due: int | None = None
    signals: int | None = None
    powers: Powers = field(default_factory=Powers)
    moving: Moments = field(default_factory=Moments)  # moving ranges of single readings
    before: float | None = None

    def add(self, values: Sequence[float]) -> None:
        """Take a subgroup."""
        self.groups += 1
        self.powers.add(values)
        if len(values) == 1:
            if self.before is not None:
                self.moving.add([abs(values[0] - self.before)])
            self.before = values[0]

    @property
    def complete(self) -> bool:
        """Whether there are enough readings for the indices."""
        return self.powers.n >= FEWEST_READINGS and self.groups >= FEWEST_SUBGROUPS

    def within(self) -> tuple[float | None, float]:
        """The deviation within subgroups (None without variation) and its degrees of freedom."""
        n = self.powers.n
        if n > self.groups:  # subgroups of several
            freedom = n - self.groups
            sigma = self.powers.sd_within(n // self.groups)
            return _varies(sigma), float(freedom)
        if not self.moving.n:
            return None, 0.0
        return _varies(self.moving.mean / d2(2)), moving_range_freedom(n)

    def overall(self) -> float | None:
        """The standard deviation of all readings, with n - 1; None without variation or for one reading."""
        return _varies(self.powers.sd)


def _varies(sigma: float | None) -> float | None:
    return sigma if sigma is not None and sigma > SMALLEST else None


def moving_range_freedom(n: int) -> float:
    """Degrees of freedom of the mean of the n - 1 moving ranges of ``n`` readings, about 0.6 n.

    1 / (2 v) is its relative variance. With D the difference of two neighbours, |D| has the relative variance pi/2 - 1, and
    the |D| of overlapping pairs have the relative covariance sqrt(3)/2 + pi/12 - 1 (E|D1 D2| at a correlation of -1/2).
    """
    pairs = n - 1
    variance = (pi / 2 - 1) / pairs + 2 * (pairs - 1) * (sqrt(3) / 2 + pi / 12 - 1) / pairs**2
    return 1 / (2 * variance)


def chi_squared(z: float, freedom: float) -> float:
    """The quantile of chi-squared that belongs to the normal quantile ``z``, by Wilson and Hilferty."""
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + z * sqrt(part)) ** 3)


def potential(specification: Specification, sigma: float, freedom: float) -> CapabilityIndex | None:
    """Cp or Pp: (upper - lower) / 6 sigma; None for a specification of one side."""
    if specification.lower is None or specification.upper is None:
        return None
    value = (specification.upper - specification.lower) / (6 * sigma)
    low, high = (value * sqrt(chi_squared(z, freedom) / freedom) for z in (-Z_975, Z_975))
    return CapabilityIndex(value=value, lower=low, upper=high)


def performance(specification: Specification, mean: float, sigma: float, n: int, freedom: float) -> CapabilityIndex:
    """Cpk or Ppk: the distance from the mean to the nearer limit / 3 sigma."""
    sides = []
    if specification.upper is not None:
        sides.append(specification.upper - mean)
    if specification.lower is not None:
        sides.append(mean - specification.lower)
    value = min(sides) / (3 * sigma)
    half = Z_975 * sqrt(1 / (9 * n) + value**2 / (2 * freedom))
    return CapabilityIndex(value=value, lower=value - half, upper=value + half)
