"""Control charts: limits from phase 1, then one judgement per point and rule (ISO 7870-2, -4 and -6).

A point is the mean of a subgroup. Its standard deviation is that of one reading divided by sqrt(n), and that of one
reading comes from within subgroups: mean range / d2 (xbar-r), mean standard deviation / c4 (xbar-s, and ewma and cusum of
subgroups), mean moving range / d2(2) (one reading per point). Phase 1 takes every subgroup: none is left out afterwards.

- ewma: z = l x + (1 - l) z, from the centre on; limits centre +- L s sqrt(l / (2 - l) (1 - (1 - l)^2i)) at the i-th point. Its
  alarm ends when z is within two thirds of the limits.
- cusum: C+ = max(0, x - (centre + K) + C+), C- = max(0, (centre - K) - x + C-), K = k s, H = h s; beyond H is an alarm, which ends
  when the sum is 0. A sum beyond H goes on from H, or the end of a long shift would be told as late as the shift was long.
- R1, where it is asked for: a range, standard deviation or moving range beyond its limits (D3, D4; B3, B4); it ends when
  the value is within two thirds of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import NamedTuple

from schemas.events.asset import Control
from streams.domain.exact_moments import Moments
from streams.domain.spc_constants import c4, d2, deviation_factors, range_factors
from streams.domain.spc_rules import PATTERNS, Side

INNER = 2 / 3  # of the limits, within which an alarm on a smoothed value ends


class Point(NamedTuple):
    """A subgroup as it is charted: event time of its last reading in microseconds, its mean and its dispersion.

    The dispersion is a range, a standard deviation or a moving range; None for the first of single readings.
    """

    time: int
    mean: float
    dispersion: float | None


class Judgement(NamedTuple):
    """What one rule says at one point: the side it fires on, or whether a pattern on the side asked about has ended.

    ``value`` and ``limit`` are what was compared, ``points`` the (time, value) of the pattern, ``text`` the rule in words.
    """

    rule: str
    fires: Side | None
    ended: bool
    value: float
    limit: float | None
    points: Sequence[tuple[int, float]]
    text: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Frozen: the centre, the standard deviation of one reading, and the mean dispersion."""

    centre: float
    sigma: float
    dispersion: float


@dataclass(slots=True)
class PhaseOne:
    """Exact sums over the subgroups so far. ``since`` and ``until`` are the times of the first and the last reading."""

    since: int
    first: str
    until: int = 0
    last: str = ""
    groups: int = 0
    readings: Moments = field(default_factory=Moments)
    dispersion: Moments = field(default_factory=Moments)

    def add(self, point: Point, values: Sequence[float]) -> None:
        """Take a subgroup."""
        self.groups += 1
        self.readings.add(values)
        if point.dispersion is not None:
            self.dispersion.add([point.dispersion])


@dataclass(slots=True)
class Chart:
    """Phase 2: the newest points, and what an EWMA or a CUSUM remembers. ``fading`` is (1 - lambda)^2i."""

    points: list[tuple[int, float]] = field(default_factory=list)
    ewma: float = 0.0
    fading: float = 1.0
    high: float = 0.0
    low: float = 0.0

    def judge(self, control: Control, limits: Limits, point: Point, open_sides: dict[str, Side]) -> Iterator[Judgement]:
        """Take a point and say what each rule makes of it. ``open_sides`` are the rules with an open alarm."""
        sigma = limits.sigma / sqrt(control.subgroup)
        self.points.append((point.time, point.mean))
        if control.chart == "ewma":
            yield self._ewma(control, limits.centre, sigma)
        elif control.chart == "cusum":
            yield from self._cusum(control, limits.centre, sigma, point.mean)
        else:
            yield from self._shewhart(control, limits, sigma, point, open_sides)
        del self.points[: -points_kept(control)]

    def _shewhart(
        self, control: Control, limits: Limits, sigma: float, point: Point, open_sides: dict[str, Side]
    ) -> Iterator[Judgement]:
        values, centre = [v for _, v in self.points], limits.centre
        for rule in control.rules:
            if rule == "R1":
                if point.dispersion is not None:
                    yield _dispersion(control, limits, point.time, point.dispersion)
                continue
            pattern = PATTERNS[rule]
            fires = pattern.fires(values, centre, sigma)
            side = fires or open_sides.get(rule, "both")
            ended = fires is None and pattern.ended(side, values, centre, sigma)
            sign = {"high": 1, "low": -1, "both": 0}[side]
            limit = None if pattern.zone is None else centre + sign * pattern.zone * sigma
            yield Judgement(rule, fires, ended, values[-1], limit, self.points[-pattern.span :], pattern.text)

    def _ewma(self, control: Control, centre: float, sigma: float) -> Judgement:
        weight, first = control.ewma_lambda, self.fading == 1.0
        before = centre if first else self.ewma
        self.ewma = weight * self.points[-1][1] + (1 - weight) * before
        self.fading *= (1 - weight) ** 2
        half = control.ewma_limit * sigma * sqrt(weight / (2 - weight) * (1 - self.fading))
        off = self.ewma - centre
        fires: Side | None = None if abs(off) <= half else "high" if off > 0 else "low"
        limit = centre + (half if off > 0 else -half)
        text = "the weighted mean beyond its limit"
        return Judgement("EWMA", fires, abs(off) <= INNER * half, self.ewma, limit, self.points[-1:], text)

    def _cusum(self, control: Control, centre: float, sigma: float, value: float) -> Iterator[Judgement]:
        slack, decision = control.cusum_k * sigma, control.cusum_h * sigma
        high = max(0.0, value - (centre + slack) + self.high)
        low = max(0.0, (centre - slack) - value + self.low)
        self.high, self.low = min(high, decision), min(low, decision)
        sides: tuple[tuple[str, Side, float], ...] = (("CUSUM-high", "high", high), ("CUSUM-low", "low", low))
        for rule, side, total in sides:
            fires = side if total > decision else None
            text = "the sum of deviations beyond its limit"
            yield Judgement(rule, fires, total == 0, total, decision, self.points[-1:], text)


def points_kept(control: Control) -> int:
    """How many of the newest points the rules look at."""
    return max([1, *(PATTERNS[r].span for r in control.rules if r in PATTERNS)])


def dispersion_limits(control: Control, mean: float) -> tuple[float, float]:
    """Lower and upper limit of the dispersion whose mean is ``mean``."""
    if control.subgroup == 1:
        lower, upper = range_factors(2)
    else:
        lower, upper = range_factors(control.subgroup) if control.chart == "xbar-r" else deviation_factors(control.subgroup)
    return lower * mean, upper * mean


def _dispersion(control: Control, limits: Limits, time: int, value: float) -> Judgement:
    mean = limits.dispersion
    lower, upper = dispersion_limits(control, mean)
    fires: Side | None = "high" if value > upper else "low" if value < lower else None
    ended = mean - (mean - lower) * INNER <= value <= mean + (upper - mean) * INNER
    name = "moving range" if control.subgroup == 1 else "range" if control.chart == "xbar-r" else "standard deviation"
    return Judgement("R1", fires, ended, value, lower if value < mean else upper, [(time, value)], f"a {name} beyond its limit")


def point_of(control: Control | None, time: int, values: Sequence[float], before: float | None) -> Point:
    """The point of a subgroup; ``before`` is the last reading of the one before."""
    moments = Moments()
    moments.add(values)
    if len(values) == 1:
        return Point(time, values[0], None if before is None else abs(values[0] - before))
    if control is not None and control.chart == "xbar-r":
        return Point(time, moments.mean, moments.high - moments.low)
    return Point(time, moments.mean, moments.sd)


def limits_of(control: Control, phase: PhaseOne) -> Limits | None:
    """The limits that phase 1 leads to; None when its subgroups do not vary."""
    if phase.dispersion.n == 0 or not phase.dispersion.mean > 0:
        return None
    mean = phase.dispersion.mean
    n = control.subgroup
    factor = d2(2) if n == 1 else d2(n) if control.chart == "xbar-r" else c4(n)
    return Limits(phase.readings.mean, mean / factor, mean)


def charted_limits(control: Control, limits: Limits) -> tuple[float, float]:
    """Lower and upper limit of what is charted: see :class:`schemas.events.control_limits.ControlLimits`."""
    sigma = limits.sigma / sqrt(control.subgroup)
    if control.chart == "cusum":
        return -control.cusum_h * sigma, control.cusum_h * sigma
    half = 3 * sigma
    if control.chart == "ewma":
        half = control.ewma_limit * sigma * sqrt(control.ewma_lambda / (2 - control.ewma_lambda))
    return limits.centre - half, limits.centre + half
