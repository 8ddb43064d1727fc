"""Exact sums of floating point values: the same result in whatever order the values come, and after any restart."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul


@dataclass(slots=True)
class Moments:
    """Count, extremes, sum and sum of squares of float values.

    Every finite float is an integer divided by a power of two, so the sums are kept as integers: the sum of the values is
    ``total / 2**scale`` and of their squares ``squares / 4**scale``. Nothing is rounded before the end, so neither order nor
    grouping can matter, and a small deviation from a large mean is not lost.
    """

    n: int = 0
    total: int = 0
    squares: int = 0
    scale: int = 0
    low: float = math.inf
    high: float = -math.inf

    def add(self, values: Sequence[float]) -> None:
        """Take finite values, at least one."""
        ratios = [v.as_integer_ratio() for v in values]
        denominator = max([d for _, d in ratios])
        scale = denominator.bit_length() - 1
        if scale > self.scale:
            self._widen(scale)
        elif scale < self.scale:
            denominator = 1 << self.scale
        whole = [n * (denominator // d) for n, d in ratios]
        self.n += len(whole)
        self.total += sum(whole)
        self.squares += sum(map(mul, whole, whole))
        self.low = min(self.low, min(values)) + 0.0  # + 0.0 makes one zero of the two, which compare equal
        self.high = max(self.high, max(values)) + 0.0

    @property
    def mean(self) -> float:
        """Arithmetic mean, correctly rounded."""
        return self.total / (self.n << self.scale)

    @property
    def rms(self) -> float:
        """Root mean square."""
        return root(self.squares, self.n << 2 * self.scale)

    @property
    def sd(self) -> float | None:
        """Standard deviation with n - 1; None for one value."""
        if self.n < 2:
            return None
        return root(self.n * self.squares - self.total**2, self.n * (self.n - 1) << 2 * self.scale)

    def _widen(self, scale: int) -> None:
        self.total <<= scale - self.scale
        self.squares <<= 2 * (scale - self.scale)
        self.scale = scale


def root(numerator: int, denominator: int) -> float:
    """The square root of a ratio, to the last place; the largest float where it would be larger."""
    shift = max(0, 65 + (denominator.bit_length() - numerator.bit_length()) // 2)
    root = math.isqrt((numerator << 2 * shift) // denominator)
    try:
        return root / (1 << shift)
    except OverflowError:
        return sys.float_info.max
