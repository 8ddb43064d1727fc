"""Exact sums of powers of floating point values, for deviations within and over subgroups and for the shape of a distribution."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import copysign, log, sqrt

from streams.domain.exact_moments import root

NOT_NORMAL = 9.210340371976182  # 99 % quantile of chi-squared with 2 degrees of freedom, -2 ln 0.01
FEWEST_FOR_SHAPE = 20
POLE = 1e-9  # stands for 0 where the score of the kurtosis has a pole, with far shorter tails than any normal sample


@dataclass(slots=True)
class Powers:
    """Sums of x, x^2, x^3, x^4 and of the squared totals of subgroups, as integers: the k-th is ``sums[k-1] / 2**(k * scale)``.

    ``groups`` is the sum of the squared totals, with the scale of the squares.
    """

    n: int = 0
    scale: int = 0
    first: int = 0
    second: int = 0
    third: int = 0
    fourth: int = 0
    groups: int = 0

    def add(self, values: Sequence[float]) -> None:
        """Take a subgroup of finite values, at least one."""
        ratios = [v.as_integer_ratio() for v in values]
        scale = max(d for _, d in ratios).bit_length() - 1
        if scale > self.scale:
            self._widen(scale - self.scale)
        one = 1 << self.scale
        whole = [n * (one // d) for n, d in ratios]
        self.n += len(whole)
        total = sum(whole)
        self.first += total
        self.groups += total * total
        for w in whole:
            square = w * w
            self.second += square
            self.third += square * w
            self.fourth += square * square

    @property
    def mean(self) -> float:
        """Arithmetic mean, correctly rounded."""
        return self.first / (self.n << self.scale)

    @property
    def sd(self) -> float | None:
        """Standard deviation with n - 1; None for one value."""
        if self.n < 2:
            return None
        return root(self.n * self.second - self.first**2, self.n * (self.n - 1) << 2 * self.scale)

    def sd_within(self, size: int) -> float:
        """Pooled standard deviation of subgroups of ``size`` values, at least 2: squares within / (n - number of subgroups)."""
        freedom = self.n - self.n // size
        return root(size * self.second - self.groups, size * freedom << 2 * self.scale)

    def normality(self) -> float | None:
        """K squared of R. B. D'Agostino and E. S. Pearson; None below 20 values or without variation.

        The sum of the squares of two normal scores, of skewness and of kurtosis: R. B. D'Agostino, A. Belanger and R. B. D'Agostino
        jr., A suggestion for using powerful and informative tests of normality, The American Statistician 44 (1990).
        """
        n, a, b = self.n, self.first, self.second
        m2 = n * b - a * a
        if n < FEWEST_FOR_SHAPE or m2 == 0:
            return None
        m3 = n * n * self.third - 3 * n * a * b + 2 * a**3
        m4 = n**3 * self.fourth - 4 * n * n * a * self.third + 6 * n * a * a * b - 3 * a**4
        skewness = copysign(sqrt(m3 * m3 / m2**3), m3)
        return skewness_score(skewness, n) ** 2 + kurtosis_score(m4 / (m2 * m2), n) ** 2

    def _widen(self, by: int) -> None:
        self.scale += by
        self.first <<= by
        self.second <<= 2 * by
        self.groups <<= 2 * by
        self.third <<= 3 * by
        self.fourth <<= 4 * by


def skewness_score(skewness: float, n: int) -> float:
    """Normal score of the skewness sqrt(b1) = m3 / m2^1.5 of ``n`` values (D'Agostino 1970)."""
    y = skewness * sqrt((n + 1) * (n + 3) / (6 * (n - 2)))
    beta = 3 * (n * n + 27 * n - 70) * (n + 1) * (n + 3) / ((n - 2) * (n + 5) * (n + 7) * (n + 9))
    w2 = sqrt(2 * (beta - 1)) - 1
    y /= sqrt(2 / (w2 - 1))
    return copysign(log(abs(y) + sqrt(y * y + 1)), y) / sqrt(log(w2) / 2)


def kurtosis_score(kurtosis: float, n: int) -> float:
    """Normal score of the kurtosis b2 = m4 / m2^2 of ``n`` values (F. J. Anscombe and W. J. Glynn 1983)."""
    mean = 3 * (n - 1) / (n + 1)
    variance = 24 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    x = (kurtosis - mean) / sqrt(variance)
    beta = 6 * (n * n - 5 * n + 2) / ((n + 7) * (n + 9)) * sqrt(6 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    a = 6 + 8 / beta * (2 / beta + sqrt(1 + 4 / beta**2))
    below = 1 + x * sqrt(2 / (a - 4)) or POLE
    ratio = (1 - 2 / a) / below
    cube_root = copysign(abs(ratio) ** (1 / 3), ratio)
    return (1 - 2 / (9 * a) - cube_root) / sqrt(2 / (9 * a))
