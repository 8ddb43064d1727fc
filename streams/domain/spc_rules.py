"""Rules of a Shewhart chart, on the newest points of it. Sources of the rules: :data:`schemas.events.asset.Rule`.

A rule fires at the point that completes its pattern. It ends:

- N1, WE1 with a point within 2 standard deviations: points that tremble about the limit are one alarm;
- N5, WE2, N6, WE3 (so many of so many) when none of the points that the rule looks at is in its zone on that side any more;
- the others, whose points stand in a row, with the point that breaks the row: it takes a whole new row to fire again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Side = Literal["high", "low", "both"]
Judge = Callable[[Sequence[float], float, float], Side | None]
_SIDES: tuple[tuple[Side, int], ...] = (("high", 1), ("low", -1))


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a rule looks for in its last ``span`` values; ``zone`` is the boundary it is about, in standard deviations."""

    text: str
    span: int
    judge: Judge
    zone: int | None = None
    in_a_row: bool = True

    def fires(self, values: Sequence[float], centre: float, sigma: float) -> Side | None:
        """On which side the newest of ``values`` (oldest first) completes the pattern; None when it does not."""
        return self.judge(values[-self.span :], centre, sigma)

    def ended(self, side: Side, values: Sequence[float], centre: float, sigma: float) -> bool:
        """Whether a pattern on ``side`` that is not completed again has come to its end."""
        if self.zone is None or (self.in_a_row and self.span > 1):
            return True
        if self.span == 1:
            return abs(values[-1] - centre) <= 2 * sigma
        sign = 1 if side == "high" else -1
        return not any((v - centre) * sign > self.zone * sigma for v in values[-self.span :])


def _beyond(zone: int, wanted: int) -> Judge:
    """So many points beyond ``zone`` standard deviations on one side, the newest among them."""

    def judge(values: Sequence[float], centre: float, sigma: float) -> Side | None:
        for side, sign in _SIDES:
            out = [(v - centre) * sign > zone * sigma for v in values]
            if out[-1] and sum(out) >= wanted:
                return side
        return None

    return judge


def _same_side(span: int) -> Judge:
    def judge(values: Sequence[float], centre: float, sigma: float) -> Side | None:
        del sigma
        for side, sign in _SIDES:
            if len(values) == span and all((v - centre) * sign > 0 for v in values):
                return side
        return None

    return judge


def _trend(span: int) -> Judge:
    def judge(values: Sequence[float], centre: float, sigma: float) -> Side | None:
        del centre, sigma
        for side, sign in _SIDES:
            if len(values) == span and all(a * sign < b * sign for a, b in pairwise(values)):
                return side
        return None

    return judge


def _alternating(span: int) -> Judge:
    def judge(values: Sequence[float], centre: float, sigma: float) -> Side | None:
        del centre, sigma
        ups = [(b > a) - (b < a) for a, b in pairwise(values)]
        return "both" if len(values) == span and all(a * b < 0 for a, b in pairwise(ups)) else None

    return judge


def _within(span: int) -> Judge:
    def judge(values: Sequence[float], centre: float, sigma: float) -> Side | None:
        return "both" if len(values) == span and all(abs(v - centre) < sigma for v in values) else None

    return judge


def _avoiding(span: int) -> Judge:
    def judge(values: Sequence[float], centre: float, sigma: float) -> Side | None:
        outside = len(values) == span and all(abs(v - centre) > sigma for v in values)
        return "both" if outside and min(values) < centre < max(values) else None

    return judge


_ONE = Pattern("a point beyond 3 sigma", 1, _beyond(3, 1), 3)
_TWO_OF_THREE = Pattern("2 of 3 points beyond 2 sigma on one side", 3, _beyond(2, 2), 2, in_a_row=False)
_FOUR_OF_FIVE = Pattern("4 of 5 points beyond 1 sigma on one side", 5, _beyond(1, 4), 1, in_a_row=False)
PATTERNS: dict[str, Pattern] = {
    "WE1": _ONE,
    "WE2": _TWO_OF_THREE,
    "WE3": _FOUR_OF_FIVE,
    "WE4": Pattern("8 points in a row on one side of the centre", 8, _same_side(8), 0),
    "N1": _ONE,
    "N2": Pattern("9 points in a row on one side of the centre", 9, _same_side(9), 0),
    "N3": Pattern("6 points in a row rising or falling", 6, _trend(6)),
    "N4": Pattern("14 points in a row up and down in turn", 14, _alternating(14)),
    "N5": _TWO_OF_THREE,
    "N6": _FOUR_OF_FIVE,
    "N7": Pattern("15 points in a row within 1 sigma", 15, _within(15)),
    "N8": Pattern("8 points in a row on both sides, none within 1 sigma", 8, _avoiding(8)),
}
