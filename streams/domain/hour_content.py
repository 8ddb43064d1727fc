"""What is told of an hour of an asset: its accounts by state and by element, and its quantities."""

from bisect import bisect_right
from operator import attrgetter

from schemas.instant import HOUR_US
from streams.domain.calendar import Piece
from streams.domain.fact_series import Entry, Kind, before, first_at, value_at, verdict_of
from streams.domain.hour_record import QUANTITIES, Content, Elements, Quantities, QuantityKey, Units, WindowName
from streams.domain.line_basis import LineBasis
from streams.domain.time_elements import element_spans
from streams.domain.timeline import Timeline

_START = attrgetter("start")
_PLACE = {name: i for i, name in enumerate(QUANTITIES)}


def content(timeline: Timeline, basis: LineBasis, start: int, until: int, known: int) -> Content:
    """The times of [start of an hour, until) and the quantities of the whole hour."""
    return Content(
        timeline.account(start, until),
        _elements(timeline, basis, start, until, known),
        _quantities(timeline, basis, start, HOUR_US),
    )


def content_before(timeline: Timeline, basis: LineBasis, until: int, known: int) -> Content:
    """Times and quantities of the part of an hour before ``until``, which lies within it."""
    start = until // HOUR_US * HOUR_US
    return content(timeline, basis, start, until, known)._replace(quantities=_quantities(timeline, basis, start, until - start))


def windows(basis: LineBasis, start: int) -> list[WindowName]:
    """The days and shifts that the hour has a part in."""
    found = {("day", *p.day) for p in basis.planned(start, start + HOUR_US)}
    found |= {("shift", *p.shift) for p in basis.planned(start, start + HOUR_US) if p.shift is not None}
    return sorted(found)


def _elements(timeline: Timeline, basis: LineBasis, start: int, until: int, known: int) -> Elements:
    record = timeline.hours.get(start)
    parts: dict[str | None, str | None] = {None: None}
    out = {key: list(n) for key, n in record.settled.elements.items()} if record else {}
    for span in element_spans(timeline.facts(known), basis, max(start, timeline.floor), until):
        if span.order not in parts:
            parts[span.order] = basis.part(span.order)
        shift = None if span.shift is None else span.shift.id
        total = out.setdefault((span.day.id, shift, span.order, parts[span.order], span.element.value, span.reason), [0, 0])
        total[0] += span.end - span.start
        total[1] += span.begins
    return out


def _quantities(timeline: Timeline, basis: LineBasis, start: int, length: int) -> Quantities:
    """The quantities of [start of an hour, start + length)."""
    record = timeline.hours.get(start)
    if record is None:
        return {}
    ledger = _Ledger(timeline, basis, start, {key: list(n) for key, n in record.settled.quantities.items()})
    for units in record.units:
        if units.time < start + length:
            ledger.produce(units)
    for reading in record.series[Kind.ENERGY]:
        if reading.time < start + length:
            ledger.meter(reading)
    for fact in record.series[Kind.VERDICT]:
        if fact.time < start + length:
            ledger.inspect(fact)
    return ledger.totals


class _Ledger:
    """Adds quantities up by day, shift, order and part of their instant."""

    def __init__(self, timeline: Timeline, basis: LineBasis, start: int, totals: Quantities) -> None:
        self.totals = totals
        self._timeline, self._basis = timeline, basis
        self._pieces = basis.planned(start, start + HOUR_US)

    def produce(self, units: Units) -> None:
        """Units, and the time that was planned for them."""
        order = units.order or self._assigned(units.time)
        record = None if order is None else self._basis.order(order)
        planned = None if record is None else record.planned_run_time_us
        row = self._row(self._key(units.time, order, units.part or (None if record is None else record.part)))
        row[0] += units.produced
        row[1] += units.scrap
        row[2] += units.rework
        if planned is None:
            row[_PLACE["unrated"]] += units.produced
        else:
            row[_PLACE["planned_run_us"]] += units.produced * planned

    def meter(self, reading: Entry) -> None:
        """The rise of the energy counter since the reading before; of equal times the last counts, and a fall is a new meter."""
        readings = self._timeline.series[Kind.ENERGY]
        last = before(readings, reading.time + 1)
        earlier = before(readings, reading.time)
        rise = int(reading.value or 0) - int(earlier.value or 0) if earlier is not None else 0
        if last == reading and rise > 0:
            order = self._assigned(reading.time)
            self._add(self._key(reading.time, order, self._basis.part(order)), "energy_wh", rise)

    def inspect(self, fact: Entry) -> None:
        """A unit counts where its first inspection was heard of first, by the newest verdict on it."""
        verdict = verdict_of(fact)
        all_of_unit = self._timeline.verdicts[verdict.unit]
        newest = verdict_of(all_of_unit[-1]).verdict
        if all_of_unit[0] != fact or newest == "uncertain":
            return
        order = verdict.order or self._assigned(fact.time)
        key = self._key(fact.time, order, self._basis.part(order))
        self._add(key, "inspected", 1)
        self._add(key, "passed", int(newest == "pass"))

    def _assigned(self, time: int) -> str | None:
        return value_at(self._timeline.series[Kind.ORDER], time)

    def _key(self, time: int, order: str | None, part: str | None) -> QuantityKey:
        piece: Piece = self._pieces[bisect_right(self._pieces, time, key=_START) - 1]
        return piece.day.id, None if piece.shift is None else piece.shift.id, order, part

    def _add(self, key: QuantityKey, what: str, n: int) -> None:
        self._row(key)[_PLACE[what]] += n

    def _row(self, key: QuantityKey) -> list[int]:
        found = self.totals.get(key)
        if found is None:
            found = self.totals[key] = [0] * len(QUANTITIES)
        return found


def next_reading(timeline: Timeline, time: int) -> int | None:
    """The time of the first energy reading after ``time``."""
    readings = timeline.series[Kind.ENERGY]
    at = first_at(readings, time + 1)
    return readings[at].time if at < len(readings) else None
