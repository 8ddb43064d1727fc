"""What KPIs are made of: sums of time elements and quantities. Sums of sums are sums, so any grouping gives the same."""

from collections.abc import Iterable
from operator import add
from typing import NamedTuple

from schemas.events.measure import ElementEntry, Quantity
from schemas.time_element import TimeElement


class Sums(NamedTuple):
    """Times in microseconds, ``failures`` the breakdowns that began, energy in W.h, units counted. NOT_PLANNED counts in none."""

    production: int = 0
    set_up: int = 0
    breakdown: int = 0
    minor_stop: int = 0
    delay: int = 0
    no_order: int = 0
    planned_downtime: int = 0
    unknown: int = 0
    failures: int = 0
    produced: int = 0
    scrap: int = 0
    rework: int = 0
    planned_run: int = 0
    unrated: int = 0
    inspected: int = 0
    passed: int = 0
    energy: int = 0

    @property
    def busy(self) -> int:
        """PBT, planned busy time: what is known of the planned time."""
        return self.production + self.set_up + self.breakdown + self.minor_stop + self.delay + self.no_order

    @property
    def planned(self) -> int:
        """Planned time in which a state could have been known."""
        return self.busy + self.unknown


ZERO = Sums()
_PLACE = {
    TimeElement.PRODUCTION: 0,
    TimeElement.SET_UP: 1,
    TimeElement.BREAKDOWN: 2,
    TimeElement.MINOR_STOP: 3,
    TimeElement.DELAY: 4,
    TimeElement.NO_ORDER: 5,
    TimeElement.PLANNED_DOWNTIME: 6,
    TimeElement.UNKNOWN: 7,
}
_FAILURES = len(_PLACE)  # the quantities follow it


def total(parts: Iterable[Sums]) -> Sums:
    """All of them added up."""
    columns = [*zip(*parts, strict=True)]  # column by column: an order of magnitude faster than one after the other
    return Sums(*map(sum, columns)) if columns else ZERO


def sums(elements: Iterable[ElementEntry], quantities: Iterable[Quantity]) -> Sums:
    """The sums of some entries of a measure."""
    found = [0] * len(ZERO)
    for entry in elements:
        place = _PLACE.get(entry.element)
        if place is not None:
            found[place] += entry.duration_us
        if entry.element is TimeElement.BREAKDOWN:
            found[_FAILURES] += entry.begun
    for q in quantities:
        row = (q.produced, q.scrap, q.rework, q.planned_run_us, q.unrated, q.inspected, q.passed, q.energy_wh)
        found[_FAILURES + 1 :] = map(add, found[_FAILURES + 1 :], row)
    return Sums(*found)
