"""The formulas of the KPIs as data: products of sums of terms above and below the line. Source: ISO 22400-2:2014, Amd 1:2017.

Terms are the standard's: APT production, ASUT set-up, ADET delays (breakdown, minor stop, delay), ADOT without an order,
AUPT = APT + ASUT, AUBT = AUPT + ADET, PBT = AUBT + ADOT, POT = PBT + planned downtime, AOET order execution time; PQ produced,
SQ scrap, RQ rework, GQ = PQ - SQ - RQ, IP inspected, GP passed at once; FE failures. PRU is the planned run time of each produced
unit, added up (the standard's PRU * PQ), E the energy in W.h and ``breakdown`` the part of ADET in which something was broken.
The time between failures excludes delays, as in the standard: MTBF = MTTF + MTTR.
"""

from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from schemas.events.kpi_value import Kpi
from schemas.instant import SECOND_US
from streams.domain.kpi_sums import Sums

VERSION = 2  # of this table: a change of any formula is a new version of all
Sum = tuple[str, ...]  # terms that are added
Product = tuple[Sum, ...]  # sums that are multiplied

OUT_OF_RANGE = "the ratio is beyond the range of numbers"
NOT_RATED = "no produced unit has a planned run time"
_NOTHING = {
    "PBT": "no planned busy time is known",
    "AUBT": "no busy time is known",
    "AUPT": "no processing time is known",
    "APT": "no production time is known",
    "APT + ADET": "neither production time nor a delay is known",
    "AOET": "no time was observed",
    "PQ": "no unit was produced",
    "GQ": "no good unit was produced",
    "IP": "no unit was inspected",
    "FE": "no failure began",
}


@dataclass(frozen=True, slots=True)
class Formula:
    """numerator * ``above`` / (denominator * ``below``) in the UCUM ``unit``; ``above`` and ``below`` convert units."""

    numerator: Product
    denominator: Product
    unit: str = "1"
    above: int = 1
    below: int = 1

    @property
    def text(self) -> str:
        """For people: ``APT / PBT, version 2``."""
        return f"{_text(self.numerator)} / {_text(self.denominator)}, version {VERSION}"

    @property
    def terms(self) -> tuple[str, ...]:
        """The terms that it names, each once, in their order."""
        return tuple(dict.fromkeys(t for s in (*self.numerator, *self.denominator) for t in s))

    @property
    def rated(self) -> bool:
        """Whether it rests on planned run times."""
        return ("PRU",) in self.numerator


class Ratio(NamedTuple):
    """Exact; ``null_reason`` says why there is no value."""

    numerator: int
    denominator: int
    null_reason: str | None


def _text(product: Product) -> str:
    sums = [" + ".join(s) if len(s) == 1 else f"({' + '.join(s)})" for s in product]
    return sums[0] if len(sums) == 1 else f"({' * '.join(sums)})"


def _plain(numerator: str, denominator: str) -> Formula:
    return Formula(((numerator,),), ((denominator,),))


def _mean(*numerator: str) -> Formula:
    return Formula((numerator,), (("FE",),), "s", below=SECOND_US)


def _energy(units: str) -> Formula:
    return Formula((("E",),), ((units,),), "kW.h", below=1000)


#: in the order in which they are told: the availability of a customer is shown with the units behind it, so their ratio is first
FORMULAS: dict[Kpi, Formula] = {
    Kpi.QUALITY_RATIO: _plain("GQ", "PQ"),
    Kpi.AVAILABILITY: _plain("APT", "PBT"),
    Kpi.EFFECTIVENESS: _plain("PRU", "APT"),
    Kpi.OEE: Formula((("PRU",), ("GQ",)), (("PBT",), ("PQ",))),  # availability * effectiveness * quality: APT cancels out
    Kpi.NEE: Formula((("AUPT",), ("PRU",), ("GQ",)), (("PBT",), ("APT",), ("PQ",))),
    Kpi.THROUGHPUT_RATE: Formula((("PQ",),), (("AOET",),), "/h", above=3600 * SECOND_US),
    Kpi.ALLOCATION_EFFICIENCY: _plain("AUBT", "PBT"),
    Kpi.UTILISATION_EFFICIENCY: _plain("APT", "AUBT"),
    Kpi.TECHNICAL_EFFICIENCY: Formula((("APT",),), (("APT", "ADET"),)),
    Kpi.SET_UP_RATE: _plain("ASUT", "AUPT"),
    Kpi.FIRST_PASS_YIELD: _plain("GP", "IP"),
    Kpi.SCRAP_RATIO: _plain("SQ", "PQ"),
    Kpi.REWORK_RATIO: _plain("RQ", "PQ"),
    Kpi.MTBF: _mean("AUPT", "breakdown"),
    Kpi.MTTF: _mean("AUPT"),
    Kpi.MTTR: _mean("breakdown"),
    Kpi.ENERGY_PER_UNIT: _energy("PQ"),
    Kpi.ENERGY_PER_GOOD_UNIT: _energy("GQ"),
}


def terms(s: Sums, aoet: int) -> dict[str, int]:
    """Every term by its name. ``aoet`` is the one span that is no sum over assets, in microseconds.

    More may be rejected in an hour than it made; GQ is never below 0.
    """
    aupt = s.production + s.set_up
    adet = s.breakdown + s.minor_stop + s.delay
    pbt = aupt + adet + s.no_order
    return {
        "APT": s.production, "ASUT": s.set_up, "ADET": adet, "ADOT": s.no_order, "AUPT": aupt, "AUBT": aupt + adet, "PBT": pbt,
        "POT": pbt + s.planned_downtime, "AOET": aoet, "PRU": s.planned_run, "PQ": s.produced, "SQ": s.scrap, "RQ": s.rework,
        "GQ": max(0, s.produced - s.scrap - s.rework), "IP": s.inspected, "GP": s.passed, "E": s.energy, "FE": s.failures,
        "breakdown": s.breakdown,
    }  # fmt: skip


def ratio(formula: Formula, known: dict[str, int]) -> Ratio:
    """Numerator and denominator over the terms, and why there is no value if there is none."""
    above = prod((_sum(s, known) for s in formula.numerator), start=formula.above)
    below = prod((_sum(s, known) for s in formula.denominator), start=formula.below)
    reason = None
    if formula.rated and not known["PRU"]:
        reason = NOT_RATED
    if below == 0:
        reason = next(_NOTHING[" + ".join(s)] for s in formula.denominator if not _sum(s, known))
    return Ratio(above, below, reason)


def value(numerator: int, denominator: int) -> float | None:
    """The ratio as a number; None beyond the range of numbers. ``denominator`` is not 0."""
    try:
        return numerator / denominator
    except OverflowError:
        return None


def _sum(names: Sum, known: dict[str, int]) -> int:
    return sum(known[name] for name in names)
