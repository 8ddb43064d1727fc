"""Batch oracle for control charts: subgroups, limits and alarms over all readings of a channel at once, without the streams.

The eight rules of Nelson are written down from their wording, over whole series of standardised points, and the alarms
are read off afterwards. Exact arithmetic up to the last division.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from math import sqrt
from typing import Any, NamedTuple

Series = Sequence[float]
BIAS = {"range": {2: 1.1283791671, 3: 1.6925687506, 4: 2.0587507460, 5: 2.3259289473}}


class Reading(NamedTuple):
    """In the order of event time, then source, sequence and row."""

    time: int
    source: str
    sequence: int
    row: int
    value: float


def readings(records: Sequence[Mapping[str, Any]], channel: str, micros: Any) -> list[Reading]:
    """Every reading of a channel, each fact once."""
    found = set()
    for record in records:
        begin = micros(record["event_time"])
        for row, (after, value) in enumerate(
            zip(record.get("times_us", []), record.get("columns", {}).get(channel, []), strict=False)
        ):
            if value is not None:
                found.add(Reading(begin + after, record["source"], record["sequence"], row, float(value)))
    return sorted(found)


def points(values: Series, n: int) -> list[tuple[float, float]]:
    """(mean, range) of each full subgroup of ``n``; for single readings the moving range, None first."""
    out = []
    for start in range(0, len(values) - n + 1, n):
        group = values[start : start + n]
        out.append((float(sum(map(Fraction, group)) / n), max(group) - min(group)))
    return out


def moving_ranges(values: Series) -> list[float]:
    """Of single readings."""
    return [abs(b - a) for a, b in pairwise(values)]


def mean(values: Series) -> float:
    """Correctly rounded."""
    return float(sum(map(Fraction, values)) / len(values))


def range_limits(values: Series, n: int, subgroups: int) -> tuple[float, float]:
    """Centre and standard deviation of a reading from the first subgroups, by ranges."""
    first = values[: n * subgroups]
    spread = mean(moving_ranges(first)) if n == 1 else mean([r for _, r in points(first, n)])
    return mean(first), spread / BIAS["range"][max(n, 2)]


def fired(rule: str, z: Series, i: int) -> int:
    """+1 or -1 for the side, 2 for both, 0 when the rule does not fire at point ``i`` of the standardised series."""
    checks = {
        "N1": _one,
        "N2": _nine,
        "N3": _six,
        "N4": _fourteen,
        "N5": _two_of_three,
        "N6": _four_of_five,
        "N7": _fifteen,
        "N8": _eight,
    }
    return checks[rule](z, i)


def _one(z: Series, i: int) -> int:
    return 1 if z[i] > 3 else -1 if z[i] < -3 else 0


def _nine(z: Series, i: int) -> int:
    last = z[i - 8 : i + 1] if i >= 8 else [0]
    return 1 if min(last) > 0 else -1 if max(last) < 0 else 0


def _six(z: Series, i: int) -> int:
    if i < 5:
        return 0
    steps = [z[k + 1] - z[k] for k in range(i - 5, i)]
    return 1 if min(steps) > 0 else -1 if max(steps) < 0 else 0


def _fourteen(z: Series, i: int) -> int:
    if i < 13:
        return 0
    steps = [z[k + 1] - z[k] for k in range(i - 13, i)]
    return 2 if all(a < 0 < b or b < 0 < a for a, b in pairwise(steps)) else 0


def _share(z: Series, i: int, span: int, wanted: int, zone: float) -> int:
    last = z[max(0, i - span + 1) : i + 1]
    if z[i] > zone and len([x for x in last if x > zone]) >= wanted:
        return 1
    return -1 if z[i] < -zone and len([x for x in last if x < -zone]) >= wanted else 0


def _two_of_three(z: Series, i: int) -> int:
    return _share(z, i, 3, 2, 2)


def _four_of_five(z: Series, i: int) -> int:
    return _share(z, i, 5, 4, 1)


def _fifteen(z: Series, i: int) -> int:
    return 2 if i >= 14 and max(map(abs, z[i - 14 : i + 1])) < 1 else 0


def _eight(z: Series, i: int) -> int:
    last = z[i - 7 : i + 1] if i >= 7 else [0]
    return 2 if min(map(abs, last)) > 1 and min(last) < 0 < max(last) else 0


def _over(rule: str, side: int, z: Series, i: int) -> bool:
    """Whether an alarm that does not fire at ``i`` ends there."""
    if rule == "N1":
        return abs(z[i]) <= 2
    if rule in ("N5", "N6"):
        span, zone = (3, 2) if rule == "N5" else (5, 1)
        return all(x * side <= zone for x in z[max(0, i - span + 1) : i + 1])
    return True


def alarms(rule: str, z: Series) -> list[tuple[str, int]]:
    """(raised or cleared, number of the point)."""
    out, side = [], 0
    for i in range(len(z)):
        now = fired(rule, z, i)
        if now and not side:
            out.append(("raised", i))
        if now:
            side = now
        elif side and _over(rule, side, z, i):
            side = 0
            out.append(("cleared", i))
    return out


def standardised(values: Series, n: int, subgroups: int) -> list[float]:
    """The points after phase 1, in standard deviations from the centre."""
    centre, sigma = range_limits(values, n, subgroups)
    later = values[n * subgroups :]
    means = list(later) if n == 1 else [m for m, _ in points(later, n)]
    return [(m - centre) / (sigma / sqrt(n)) for m in means]
