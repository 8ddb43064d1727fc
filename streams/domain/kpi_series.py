"""The values of one KPI of one scope and window: a new revision when something that it says has changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import floor
from typing import Any, NamedTuple

from schemas.envelope import InputRange, Status, Window
from schemas.events.kpi_value import Kpi, KpiFlag, KpiValue, Scope, ScopeKind, WindowKind
from schemas.identity import derived_id
from schemas.instant import from_micros
from streams.domain.fold import Origin
from streams.domain.formula import FORMULAS, OUT_OF_RANGE, Ratio, ratio, terms, value
from streams.domain.kpi_sums import Sums

_TEXTS = {kpi: formula.text for kpi, formula in FORMULAS.items()}


class Roll(NamedTuple):
    """What a roll-up says of the window [start, end), observed up to ``until``.

    ``missing`` is planned time of assets that were not heard, ``settled`` that every asset has settled measures up to the end,
    ``calendar`` and ``loss_model`` are the newest versions in it; ``inputs`` where the measures lie.
    """

    sums: Sums
    start: int
    end: int
    until: int
    missing: int
    settled: bool
    restated_hours: int
    calendar: int | None
    loss_model: int | None
    inputs: InputRange

    @property
    def coverage(self) -> float:
        """PBT / (PBT + UNKNOWN); 1 where nothing was planned, for then nothing is missing."""
        planned = self.sums.planned + self.missing
        return self.sums.busy / planned if planned else 1.0


@dataclass(slots=True)
class Series:
    """``said`` is what the newest revision says, its value last; ``was_final`` that some revision was final."""

    revision: int = 0
    was_final: bool = False
    said: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Subject:
    """Which series: scope, window, and the part of the id that names the window. Below ``threshold`` coverage there is no value."""

    kind: ScopeKind
    id: str
    window_kind: WindowKind
    window_name: tuple[str | int, ...]
    window_id: str | None = None
    threshold: float = 0.0


class Cause(NamedTuple):
    """What makes new values: the record, why it was sent, and the low speed limit of each version of the line's loss model."""

    origin: Origin
    reason: str
    limits: Mapping[int | None, float]


AllSeries = dict[str, Series]  # by KPI


def next_values(known: AllSeries, subject: Subject, roll: Roll, cause: Cause) -> Iterator[KpiValue]:
    """The next revision of each KPI of which something has changed.

    A KPI is told from when it first has a denominator; the availability always. That time went on is no change: the window of an
    order ends where its newest value was made.
    """
    sums, coverage = terms(roll.sums, roll.until - roll.start), roll.coverage
    for kpi, formula in FORMULAS.items():
        found = ratio(formula, sums)
        series = known.get(kpi)
        if series is None:
            if found.null_reason is not None and kpi is not Kpi.AVAILABILITY:
                continue
            series = known[kpi] = Series()
        told = _next_value(series, subject, kpi, found, coverage, sums, roll, cause)
        if told is not None:
            yield told


def _next_value(
    series: Series, subject: Subject, kpi: Kpi, found: Ratio, coverage: float, sums: dict[str, int], roll: Roll, cause: Cause
) -> KpiValue | None:
    formula = FORMULAS[kpi]
    number, null_reason = _judged(found, coverage, subject.threshold)
    flags = sorted(_flags(kpi, found, roll, coverage < subject.threshold, cause.limits.get(roll.loss_model, 0.0)))
    said = [found.numerator, found.denominator, coverage, roll.settled, flags, number]
    if said == series.said:
        return None
    before = series.said[-1] if series.said else None
    status: Status = "restated" if series.was_final else ("final" if roll.settled else "provisional")
    series.said, series.revision, series.was_final = said, series.revision + 1, series.was_final or roll.settled
    return KpiValue(
        event_time=from_micros(roll.until),
        id=_id(subject, kpi, series.revision),
        kpi=kpi,
        scope=Scope(kind=subject.kind, id=subject.id),
        window_kind=subject.window_kind,
        window_id=subject.window_id,
        window=Window(start=from_micros(roll.start), end=from_micros(roll.end)),
        revision=series.revision,
        status=status,
        value=number,
        unit=formula.unit,
        null_reason=null_reason,
        numerator=found.numerator,
        denominator=found.denominator,
        formula=_TEXTS[kpi],
        terms={name: sums[name] for name in formula.terms},
        flags=flags,
        coverage=coverage,
        calendar_version=roll.calendar,
        loss_model_version=roll.loss_model,
        restated_hours=roll.restated_hours,
        inputs=[roll.inputs],
        supersedes=_id(subject, kpi, series.revision - 1) if series.revision > 1 else None,
        delta=None if before is None or number is None else number - before,
        reason=cause.reason[:200] if status == "restated" else None,
    )


def _judged(found: Ratio, coverage: float, threshold: float) -> tuple[float | None, str | None]:
    """The value, or None and why."""
    if found.null_reason is not None:
        return None, found.null_reason
    if coverage < threshold:  # rounded down, so that what is below does not look equal
        return None, f"coverage {floor(coverage * 100) / 100:.2f} is below {threshold:g}"
    number = value(found.numerator, found.denominator)
    return number, None if number is not None else OUT_OF_RANGE


def _flags(kpi: Kpi, found: Ratio, roll: Roll, low: bool, limit: float) -> Iterator[KpiFlag]:
    """``limit`` is the one of the newest loss model in the window."""
    formula = FORMULAS[kpi]
    if found.null_reason is None and formula.unit == "1":
        if found.numerator > found.denominator:
            yield "above one"
        if kpi is Kpi.EFFECTIVENESS and (value(found.numerator, found.denominator) or 0.0) < limit:
            yield "low speed"
    if low:
        yield "low coverage"
    if formula.rated and roll.sums.unrated:
        yield "unrated units"


def _id(subject: Subject, kpi: Kpi, revision: int) -> str:
    return derived_id(KpiValue.TYPE, kpi.value, subject.kind, subject.id, subject.window_kind, *subject.window_name, revision)


def stored(series: AllSeries) -> dict[str, list[Any]]:
    """The series of one scope and window for JSON."""
    return {kpi: [s.revision, s.was_final, s.said] for kpi, s in series.items()}


def loaded(rows: dict[str, list[Any]]) -> AllSeries:
    """Back from JSON."""
    return {kpi: Series(*row) for kpi, row in rows.items()}
