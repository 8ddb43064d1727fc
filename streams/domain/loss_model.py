"""The first loss model: how execution states become time elements of ISO 22400-2, and the formulas of the KPIs.

Availability = APT / PBT. There is no calendar yet and no reason codes, so APT (actual production time) is the time in ACTIVE and
PBT (planned busy time) all time with a known state except UNAVAILABLE: a machine that is off or not connected is not taken as
planned to be busy, and shows in ``coverage`` instead. Quality ratio = GQ / PQ with GQ = PQ - SQ - RQ.
"""

from collections.abc import Iterable
from typing import NamedTuple

from schemas.events.kpi_value import Kpi
from schemas.events.machine_event import Execution
from schemas.events.measure import AccountEntry, Quantity

FORMULA = {
    Kpi.AVAILABILITY: "APT / PBT, loss model 1: APT = ACTIVE, PBT = known and not UNAVAILABLE",
    Kpi.QUALITY_RATIO: "GQ / PQ, version 1: GQ = PQ - SQ - RQ",
}
NOTHING_KNOWN = "no planned busy time: no state other than UNAVAILABLE is known"
NOTHING_PRODUCED = "no unit was produced"
OUT_OF_RANGE = "the ratio is beyond the range of numbers"


class Elements(NamedTuple):
    """What is added up: times in microseconds, counts of units."""

    apt: int = 0
    pbt: int = 0
    accounted: int = 0
    produced: int = 0
    good: int = 0

    def plus(self, other: "Elements") -> "Elements":
        """The sum, element by element."""
        return Elements(*(a + b for a, b in zip(self, other, strict=True)))


def elements(account: Iterable[AccountEntry], quantities: Iterable[Quantity]) -> Elements:
    """The elements of some entries of a measure."""
    apt = pbt = accounted = produced = good = 0
    for entry in account:
        accounted += entry.duration_us
        if entry.state is not Execution.UNAVAILABLE:
            pbt += entry.duration_us
        if entry.state is Execution.ACTIVE:
            apt += entry.duration_us
    for quantity in quantities:
        produced += quantity.produced
        good += quantity.produced - quantity.scrap - quantity.rework
    return Elements(apt, pbt, accounted, produced, good)


def fraction(kpi: Kpi, sums: Elements) -> tuple[int, int]:
    """Numerator and denominator of a KPI."""
    return (sums.apt, sums.pbt) if kpi is Kpi.AVAILABILITY else (sums.good, sums.produced)


def ratio(kpi: Kpi, numerator: int, denominator: int) -> tuple[float | None, str | None]:
    """The value, or None and why."""
    if denominator == 0:
        return None, NOTHING_KNOWN if kpi is Kpi.AVAILABILITY else NOTHING_PRODUCED
    try:
        return numerator / denominator, None
    except OverflowError:
        return None, OUT_OF_RANGE
