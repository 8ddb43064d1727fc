"""Sums that no order can change."""

import math
import statistics

import pytest

from streams.domain.exact_moments import Moments


def of(*values: float) -> Moments:
    moments = Moments()
    moments.add(values)
    return moments


def test_statistics_of_a_few_values() -> None:
    values = [1.0, 2.5, -4.0, 8.0]
    m = of(*values)
    assert (m.n, m.low, m.high) == (4, -4.0, 8.0)
    assert m.mean == statistics.fmean(values)
    assert m.sd == pytest.approx(statistics.stdev(values), rel=1e-15)
    assert m.rms == pytest.approx(math.sqrt(sum(v * v for v in values) / 4), rel=1e-15)


def test_one_value_has_no_deviation() -> None:
    assert of(3.5).sd is None


def test_equal_values_deviate_by_nothing() -> None:
    assert of(0.1, 0.1, 0.1).sd == 0.0


def test_order_and_grouping_do_not_matter_where_float_sums_depend_on_them() -> None:
    values = [1e16, 1.0, -1e16, 1e-300, 3.3]
    one = of(*values)
    other = Moments()
    for value in reversed(values):
        other.add([value])
    assert sum(values) != sum(reversed(values))
    assert (one.mean, one.sd, one.rms) == (other.mean, other.sd, other.rms)


def test_a_small_deviation_from_a_large_mean_is_not_lost() -> None:
    assert of(1e9, 1e9 + 1e-6, 1e9 - 1e-6).sd == pytest.approx(9.5367431640625e-07, rel=1e-12)


def test_the_ends_of_the_number_range_do_not_overflow() -> None:
    big = 1.7976931348623157e308
    m = of(big, -big, 5e-324)
    assert m.mean == 0.0
    assert m.sd == big
    assert m.rms == pytest.approx(big * math.sqrt(2 / 3))


def test_two_zeros_are_one_value_whichever_comes_first() -> None:
    assert math.copysign(1, of(0.0, -0.0).low) == math.copysign(1, of(-0.0, 0.0).low) == 1
