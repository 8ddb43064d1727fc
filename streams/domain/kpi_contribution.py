"""What one measure contributes to a roll-up besides its sums, and what several of them say together."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from schemas.envelope import InputRange
from schemas.events.measure import Measure
from schemas.instant import HOUR_US, rfc3339, to_micros
from streams.domain.fold import Origin, References
from streams.domain.kpi_series import Cause, Roll
from streams.domain.kpi_sums import Sums

PROVISIONAL, FINAL, RESTATED = 0, 1, 2  # standings
_STANDING = {"provisional": PROVISIONAL, "final": FINAL, "restated": RESTATED}


class Head(NamedTuple):
    """``until`` is how far the hour was observed, in microseconds; ``offset`` where the measure lies."""

    revision: int
    standing: int
    until: int
    offset: int
    calendar: int | None
    loss_model: int | None


class AssetHour(NamedTuple):
    """An asset's contribution to a window from one hour."""

    head: Head
    sums: Sums


def head_of(measure: Measure, origin: Origin) -> Head:
    """The head of a measure's contribution."""
    return Head(
        measure.revision,
        _STANDING[measure.status],
        to_micros(measure.observed_until),
        origin.offset,
        measure.calendar_version,
        measure.loss_model_version,
    )


def newest_version(versions: Iterable[int | None]) -> int | None:
    """The highest; None if there is none."""
    return max((v for v in versions if v is not None), default=None)


def settled(assets: Iterable[Mapping[int, AssetHour]], end: int) -> bool:
    """Whether each asset (its contributions by start of the hour) has only settled ones, up to the end of the window."""
    last = (end - 1) // HOUR_US * HOUR_US
    return all(last in hours and all(h.head.standing for h in hours.values()) for hours in assets)


def missing(assets: Sequence[Mapping[int, AssetHour]]) -> int:
    """Planned time of the hours in which an asset was heard less far than the others of its line, in microseconds.

    The assets of a line have one calendar, so what was planned for one of them was planned for all.
    """
    found = 0
    for hour in sorted({h for hours in assets for h in hours}):
        there = [hours[hour] for hours in assets if hour in hours]
        latest, planned = max(h.head.until for h in there), max(h.sums.planned for h in there)
        found += planned * (len(assets) - len(there))
        found += sum(max(0, planned - h.sums.planned) for h in there if h.head.until < latest)
    return found


def rolled(sums: Sums, heads: Sequence[Head], bounds: tuple[int, int], absent: int, is_settled: bool, origin: Origin) -> Roll:
    """What the contributions with these heads say of the window ``bounds``; ``absent`` is time as of :func:`missing`."""
    start, end = bounds
    offsets = [h.offset for h in heads]
    return Roll(
        sums,
        start,
        end,
        max(start, min(end, max(h.until for h in heads))),
        absent,
        is_settled,
        sum(h.standing == RESTATED for h in heads),
        newest_version(h.calendar for h in heads),
        newest_version(h.loss_model for h in heads),
        InputRange(topic=origin.topic, partition=origin.partition, first_offset=min(offsets), last_offset=max(offsets)),
    )


def cause_of(measure: Measure, origin: Origin, references: References) -> Cause:
    """What a measure makes new values with, its reason in words for people."""
    hour = rfc3339(measure.window.start)[:16]
    reason = f"{measure.asset}, hour {hour}Z: {measure.reason or 'was heard after the others'}"
    return Cause(origin, reason, {m.version: m.low_speed_limit for m in references.loss_models(measure.line)})
