"""The values of one KPI of one scope and window: a new revision when something that it says has changed."""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from schemas.envelope import InputRange, Status, Window
from schemas.events.kpi_value import Kpi, KpiValue, Scope
from schemas.identity import derived_id
from schemas.instant import from_micros
from streams.domain.loss_model import FORMULA, Elements, fraction, ratio


class Roll(NamedTuple):
    """What a roll-up says: sums, window [start, end), how much of it could be known, and the offsets of the measures in it."""

    sums: Elements
    start: int
    end: int
    knowable: int
    until: int
    inputs: InputRange


@dataclass(slots=True)
class Series:
    """``said`` is what the newest revision says; ``was_final`` that some revision was final."""

    revision: int = 0
    was_final: bool = False
    said: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Subject:
    """Which series: the scope, the kind of window, and the part of the id that names the window."""

    kind: Literal["asset", "line", "order"]
    id: str
    window_kind: Literal["hour", "order"]
    window_name: tuple[str | int, ...]


def next_value(series: Series, subject: Subject, kpi: Kpi, roll: Roll, settled: bool) -> KpiValue | None:
    """The next revision, or None when nothing has changed. ``settled``: every measure in it is final.

    That time went on is no change: the window of an order ends where its newest value was made.
    """
    numerator, denominator = fraction(kpi, roll.sums)
    coverage = roll.sums.pbt / roll.knowable if roll.knowable else 0.0
    said = [numerator, denominator, coverage, settled]
    if said == series.said:
        return None
    status: Status = "restated" if series.was_final else ("final" if settled else "provisional")
    series.said, series.revision, series.was_final = said, series.revision + 1, series.was_final or settled
    value, null_reason = ratio(kpi, numerator, denominator)
    return KpiValue(
        event_time=from_micros(roll.until),
        id=_id(subject, kpi, series.revision),
        kpi=kpi,
        scope=Scope(kind=subject.kind, id=subject.id),
        window_kind=subject.window_kind,
        window=Window(start=from_micros(roll.start), end=from_micros(roll.end)),
        revision=series.revision,
        status=status,
        value=value,
        null_reason=null_reason,
        numerator=numerator,
        denominator=denominator,
        formula=FORMULA[kpi],
        coverage=coverage,
        inputs=[roll.inputs],
        supersedes=_id(subject, kpi, series.revision - 1) if series.revision > 1 else None,
    )


def _id(subject: Subject, kpi: Kpi, revision: int) -> str:
    return derived_id(KpiValue.TYPE, kpi.value, subject.kind, subject.id, *subject.window_name, revision)
