"""The formulas of ISO 22400-2 against examples worked by hand and the identities that the standard's definitions imply."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events.kpi_value import Kpi
from schemas.events.measure import ElementEntry, Quantity
from schemas.time_element import BUSY, DELAYS, TimeElement
from streams.domain.formula import FORMULAS, NOT_RATED, ratio, terms, value
from streams.domain.kpi_sums import ZERO, Sums, sums, total

MINUTE = 60_000_000
HOUR = 60 * MINUTE

#: A shift of 480 min with breaks of 60 min and 47 min of stops; 19,271 units at an ideal 1 s each, of which 423 are bad: the
#: example at oee.com, "Calculate OEE": availability 88.81 %, performance 86.11 %, quality 97.80 %, OEE 74.79 %.
SHIFT = Sums(
    production=373 * MINUTE, breakdown=47 * MINUTE, planned_downtime=60 * MINUTE, failures=2, produced=19_271, scrap=423,
    planned_run=19_271 * 1_000_000,
)  # fmt: skip

#: 8 h: 5 h production, 30 min set-up, 24 min broken in 3 failures, 6 min short stops, 1 h delay, 45 min no order, 15 min break
BUSY_DAY = Sums(
    production=5 * HOUR, set_up=30 * MINUTE, breakdown=24 * MINUTE, minor_stop=6 * MINUTE, delay=HOUR, no_order=45 * MINUTE,
    planned_downtime=15 * MINUTE, failures=3, produced=200, scrap=10, rework=20, planned_run=200 * MINUTE, inspected=100, passed=90,
    energy=50_000,
)  # fmt: skip
WORKED = {
    Kpi.AVAILABILITY: Fraction(300, 465),  # 5 h of 7 h 45 min
    Kpi.EFFECTIVENESS: Fraction(200, 300),
    Kpi.QUALITY_RATIO: Fraction(170, 200),
    Kpi.OEE: Fraction(200, 465) * Fraction(170, 200),  # 200 min were needed of 465 min, and 170 of 200 units are good
    Kpi.NEE: Fraction(330, 465) * Fraction(2, 3) * Fraction(17, 20),
    Kpi.THROUGHPUT_RATE: Fraction(25),  # 200 units in 8 h
    Kpi.ALLOCATION_EFFICIENCY: Fraction(420, 465),
    Kpi.UTILISATION_EFFICIENCY: Fraction(300, 420),
    Kpi.TECHNICAL_EFFICIENCY: Fraction(300, 390),
    Kpi.SET_UP_RATE: Fraction(30, 330),
    Kpi.FIRST_PASS_YIELD: Fraction(90, 100),
    Kpi.SCRAP_RATIO: Fraction(1, 20),
    Kpi.REWORK_RATIO: Fraction(1, 10),
    Kpi.MTTF: Fraction(110 * 60),  # 330 min, 3 failures
    Kpi.MTTR: Fraction(8 * 60),
    Kpi.MTBF: Fraction(118 * 60),
    Kpi.ENERGY_PER_UNIT: Fraction(1, 4),  # 50 kWh, 200 units
    Kpi.ENERGY_PER_GOOD_UNIT: Fraction(50, 170),
}

counts = st.integers(0, 10_000)
times = st.integers(0, 10 * HOUR)
any_sums = st.builds(Sums, *[times] * 8, *[counts] * 4, times, *[counts] * 4)


def exact(kpi: Kpi, s: Sums, aoet: int = 8 * HOUR) -> Fraction | None:
    """A KPI as a fraction, None without a value."""
    found = ratio(FORMULAS[kpi], terms(s, aoet))
    return None if found.null_reason is not None else Fraction(found.numerator, found.denominator)


def test_every_kpi_has_a_formula() -> None:
    assert set(FORMULAS) == set(Kpi) == set(WORKED)


@pytest.mark.parametrize("kpi", Kpi)
def test_a_day_worked_by_hand(kpi: Kpi) -> None:
    assert exact(kpi, BUSY_DAY) == WORKED[kpi]


def test_the_example_of_the_literature_on_oee() -> None:
    found = {
        kpi: round(float(exact(kpi, SHIFT) or 0), 4) for kpi in (Kpi.AVAILABILITY, Kpi.EFFECTIVENESS, Kpi.QUALITY_RATIO, Kpi.OEE)
    }
    assert list(found.values()) == [0.8881, 0.8611, 0.9780, 0.7479]


def test_the_texts_are_those_of_the_standard() -> None:
    texts = {kpi: formula.text.removesuffix(", version 2") for kpi, formula in FORMULAS.items()}
    assert texts[Kpi.AVAILABILITY] == "APT / PBT"
    assert texts[Kpi.OEE] == "(PRU * GQ) / (PBT * PQ)"
    assert texts[Kpi.TECHNICAL_EFFICIENCY] == "APT / (APT + ADET)"
    assert texts[Kpi.MTBF] == "(AUPT + breakdown) / FE"


def test_units_are_those_of_ucum() -> None:
    units = {kpi: f.unit for kpi, f in FORMULAS.items() if f.unit != "1"}
    assert units == {
        Kpi.THROUGHPUT_RATE: "/h", Kpi.MTBF: "s", Kpi.MTTF: "s", Kpi.MTTR: "s", Kpi.ENERGY_PER_UNIT: "kW.h",
        Kpi.ENERGY_PER_GOOD_UNIT: "kW.h",
    }  # fmt: skip


@given(any_sums)
def test_oee_is_availability_times_effectiveness_times_quality(s: Sums) -> None:
    a, e, q, oee = (exact(k, s) for k in (Kpi.AVAILABILITY, Kpi.EFFECTIVENESS, Kpi.QUALITY_RATIO, Kpi.OEE))
    if a is not None and e is not None and q is not None:
        assert oee == a * e * q
        assert exact(Kpi.NEE, s) == Fraction(s.production + s.set_up, s.busy) * e * q


@given(any_sums)
def test_times_add_up_as_the_standard_says(s: Sums) -> None:
    t = terms(s, 0)
    assert t["AUPT"] == t["APT"] + t["ASUT"]
    assert t["AUBT"] == t["AUPT"] + t["ADET"]
    assert t["PBT"] == t["AUBT"] + t["ADOT"] == s.busy
    assert t["POT"] == t["PBT"] + s.planned_downtime
    assert s.planned == t["PBT"] + s.unknown


@given(any_sums)
def test_time_between_failures_is_time_to_failure_and_time_to_repair(s: Sums) -> None:
    between, to, repair = (exact(k, s) for k in (Kpi.MTBF, Kpi.MTTF, Kpi.MTTR))
    if s.failures:
        assert to is not None and repair is not None
        assert between == to + repair
    else:
        assert between is to is repair is None


@given(any_sums)
def test_availability_is_allocation_times_utilisation(s: Sums) -> None:
    allocation, utilisation = exact(Kpi.ALLOCATION_EFFICIENCY, s), exact(Kpi.UTILISATION_EFFICIENCY, s)
    if allocation is not None and utilisation is not None:
        assert exact(Kpi.AVAILABILITY, s) == allocation * utilisation


@given(any_sums)
def test_good_scrap_and_rework_are_all_units(s: Sums) -> None:
    shares = [exact(k, s) for k in (Kpi.QUALITY_RATIO, Kpi.SCRAP_RATIO, Kpi.REWORK_RATIO)]
    if s.produced and s.scrap + s.rework <= s.produced:
        assert sum(share for share in shares if share is not None) == 1


@pytest.mark.parametrize(
    ("kpi", "s", "reason"),
    [
        (Kpi.AVAILABILITY, ZERO, "no planned busy time is known"),
        (Kpi.QUALITY_RATIO, ZERO, "no unit was produced"),
        (Kpi.EFFECTIVENESS, Sums(planned_run=5), "no production time is known"),
        (Kpi.EFFECTIVENESS, Sums(production=5, produced=1, unrated=1), NOT_RATED),
        (Kpi.OEE, Sums(production=5, produced=1, unrated=1), NOT_RATED),
        (Kpi.OEE, Sums(planned_run=5, produced=1), "no planned busy time is known"),
        (Kpi.NEE, Sums(planned_run=5, produced=1, delay=5), "no production time is known"),
        (Kpi.THROUGHPUT_RATE, Sums(produced=1), "no time was observed"),
        (Kpi.ALLOCATION_EFFICIENCY, Sums(), "no planned busy time is known"),
        (Kpi.UTILISATION_EFFICIENCY, Sums(no_order=5), "no busy time is known"),
        (Kpi.TECHNICAL_EFFICIENCY, Sums(set_up=5), "neither production time nor a delay is known"),
        (Kpi.SET_UP_RATE, Sums(delay=5), "no processing time is known"),
        (Kpi.FIRST_PASS_YIELD, Sums(produced=5), "no unit was inspected"),
        (Kpi.MTBF, Sums(production=5), "no failure began"),
        (Kpi.ENERGY_PER_UNIT, Sums(energy=5), "no unit was produced"),
        (Kpi.ENERGY_PER_GOOD_UNIT, Sums(energy=5, produced=1, scrap=1), "no good unit was produced"),
    ],
)
def test_without_a_denominator_there_is_a_reason(kpi: Kpi, s: Sums, reason: str) -> None:
    assert ratio(FORMULAS[kpi], terms(s, 0)).null_reason == reason


def test_a_numerator_of_zero_is_a_value() -> None:
    assert exact(Kpi.AVAILABILITY, Sums(delay=5)) == 0
    assert exact(Kpi.SCRAP_RATIO, Sums(produced=5)) == 0


def test_integers_beyond_what_a_float_holds_are_divided_exactly() -> None:
    assert value(10**400, 2 * 10**400) == 0.5
    assert value(10**400, 1) is None


# ---- sums of the entries of a measure
def entry(element: TimeElement, us: int, begun: int = 0) -> ElementEntry:
    return ElementEntry(day="2026-11-24", shift=None, order=None, part=None, element=element, duration_us=us, begun=begun)


def test_each_element_has_its_place_and_time_outside_of_shifts_has_none() -> None:
    found = sums([entry(element, 10**i) for i, element in enumerate(TimeElement)], [])
    assert found[:8] == (1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 100_000_000)
    assert list(TimeElement).index(TimeElement.NOT_PLANNED) == 7
    assert found.busy == sum(10 ** list(TimeElement).index(e) for e in BUSY)
    assert terms(found, 0)["ADET"] == sum(10 ** list(TimeElement).index(e) for e in DELAYS)


def test_failures_are_the_breakdowns_that_began() -> None:
    assert sums(
        [entry(TimeElement.BREAKDOWN, 5, 2), entry(TimeElement.BREAKDOWN, 5, 0), entry(TimeElement.DELAY, 5, 7)], []
    ) == Sums(breakdown=10, delay=5, failures=2)


def test_each_quantity_has_its_place() -> None:
    q = Quantity(
        day="2026-11-24", shift=None, order=None, part=None, produced=1, scrap=2, rework=3, planned_run_us=4, unrated=5,
        inspected=6, passed=7, energy_wh=8,
    )  # fmt: skip
    wanted = Sums(produced=1, scrap=2, rework=3, planned_run=4, unrated=5, inspected=6, passed=7, energy=8)
    assert sums([], [q]) == wanted
    assert sums([], [q, q]) == total([wanted, wanted])


@given(st.lists(any_sums, max_size=6), st.integers(0, 6))
def test_any_grouping_of_contributions_has_the_same_sum(parts: list[Sums], cut: int) -> None:
    assert total(parts) == total([total(parts[:cut]), total(parts[cut:])]) == total(reversed(parts))
