"""The step measure: facts of a machine and verdicts on its units to time and quantity accounts per hour, exact to the microsecond.

When a measure is told depends on the records alone. ``known until`` is the highest event time of an asset among its machine facts;
verdicts come on a topic of their own and do not move it.
- provisional: known until crosses a multiple of five minutes, or a source ends, for each hour that is not final;
- final: the watermark (known until minus the allowed disorder) reaches the hour's end and the lag of the loss model, within which
  a stop or a run over the hour's end is judged by its whole length; or a source has ended at or after the hour's end;
- restated: a fact changes a final hour, directly or through what it carries over or makes of the stop around it, or a calendar, a
  loss model or an order does that was not known when the hour was told.
A fact older than the horizon behind the watermark changes nothing and is named late. Of a silence longer than the horizon
only the hours within it are told, so that one record never means more than a horizon's work.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from schemas.envelope import Event, Status
from schemas.events.heartbeat import Heartbeat
from schemas.events.inspection_result import InspectionResult
from schemas.events.machine_event import MachineEvent
from schemas.events.measure import Measure
from schemas.instant import HOUR_US, SECOND_US, to_micros
from streams.domain.carried_facts import carried_facts
from streams.domain.fact_series import Kind
from streams.domain.fold import Folded, Origin, Outcome, References
from streams.domain.hour_content import content, content_before, windows
from streams.domain.lateness import late_event
from streams.domain.line_basis import LineBases, LineBasis, Version
from streams.domain.measure_event import HourAccount, Saying, measure, named_in, next_told
from streams.domain.measure_facts import Source, Taken, hours_reached, take
from streams.domain.measure_state import NAME, MeasureState, dump, load
from streams.domain.time_elements import reach
from streams.domain.timeline import hour_of

DISORDER_US = 5 * SECOND_US
PROVISIONAL_US = 300 * SECOND_US
HORIZON_US = 7 * 24 * HOUR_US
NO_LINE = "unassigned"  # the asset's description was withdrawn


class Place(NamedTuple):
    """Where a record lies, to which line and site its asset belongs now, and the basis of any line as it is now."""

    origin: Origin
    line: str
    site: str | None
    basis: Callable[[str], LineBasis]


class MeasureLogic:
    """``horizon_us`` is how far behind the watermark facts still count; hours are those of UTC."""

    def __init__(self, horizon_us: int = HORIZON_US, provisional_us: int = PROVISIONAL_US, disorder_us: int = DISORDER_US) -> None:
        self._horizon = horizon_us
        self._provisional = provisional_us
        self._disorder = disorder_us
        self._bases = LineBases()

    def route(self, event: Event) -> Sequence[str]:
        """One state per asset."""
        return (event.asset,) if isinstance(event, MachineEvent | Heartbeat | InspectionResult) else ()

    def load(self, key: str, data: bytes | None) -> MeasureState:
        """The state of an asset."""
        return MeasureState(key) if data is None else load(key, data)

    def dump(self, state: MeasureState) -> bytes | None:
        """The state as bytes."""
        return dump(state)

    def fold(self, state: MeasureState, event: Event, origin: Origin, references: References) -> Folded:
        """Take a fact, a heartbeat or a verdict, and tell what is due."""
        assert isinstance(event, MachineEvent | Heartbeat | InspectionResult)
        inspected = isinstance(event, InspectionResult)
        if not state.sequences[inspected].is_news(event):
            return Folded(Outcome.DUPLICATE)
        described = references.asset(event.asset)
        line, site = (described.line, described.site) if described else (NO_LINE, None)
        place = Place(origin, line, site, lambda name: self._bases.of(name, references))
        out: list[Event] = [*_of_new_versions(state, place)]
        taken, time = take(event, origin.offset), to_micros(event.event_time)
        if taken and time < state.timeline.floor:
            return Folded(Outcome.LATE, [*out, late_event(NAME, event, origin, state.timeline.floor - time)])
        out += _of_fact(state, event, taken, place)
        if not inspected:
            out += self._advance(state, time, isinstance(event, Heartbeat) and event.phase == "ending", place)
        return Folded(Outcome.APPLIED, out)

    def _advance(self, state: MeasureState, time: int, ending: bool, place: Place) -> Iterator[Measure]:
        """Move the time on; tell hours that are complete and, where it is due, the open ones so far."""
        before, known = state.known_until, max(state.known_until, time)
        state.known_until = known
        if ending:
            state.ended = max(state.ended, time)
        closed, state.closed_until = state.closed_until, max(state.closed_until, self._final_until(state, place))
        horizon = hour_of(max(0, known - self._horizon))
        step = known // self._provisional * self._provisional
        crossed = 0 <= before < step and step > hour_of(known)
        if ending or crossed or closed < state.closed_until:
            yield from _of_new_orders(state, place)
        for start in _complete(state, closed if before >= 0 else -1, before, horizon):
            yield from _told(state, start, "final", place)
        if ending or crossed:
            for start in range(state.closed_until, known + 1, HOUR_US):
                yield from _told(state, start, "provisional", place)
        self._settle(state, horizon, place)

    def _final_until(self, state: MeasureState, place: Place) -> int:
        """The end of the hours that are final: those a source has ended behind, or whose lag the watermark has passed."""
        basis, mark = place.basis(place.line), max(state.known_until - self._disorder, 0)
        start = hour_of(max(mark - basis.reigns.longest_lag, 0))
        while (end := start + HOUR_US) <= mark and end + basis.lag(start, end) <= mark:
            start = end
        return max(start, hour_of(max(state.ended, 0)))

    def _settle(self, state: MeasureState, horizon: int, place: Place) -> None:
        """Forget what is behind the horizon and, of too many facts, the oldest."""
        timeline, basis = state.timeline, place.basis(place.line)
        _forget(state, horizon, basis)
        newest = min(state.closed_until + HOUR_US - 1, state.known_until - basis.reigns.longest_lag)
        _forget(state, timeline.early_floor(newest), basis)


def _complete(state: MeasureState, closed: int, before: int, horizon: int) -> list[int]:
    """The hours that have become final: all between, but of a silence only those within the horizon and those of verdicts."""
    until = state.closed_until
    found = {h for h, record in state.timeline.hours.items() if closed <= h < until and record.series[Kind.VERDICT]}
    if before >= 0:
        silent = max(closed, hour_of(before) + HOUR_US)  # from here on nothing was known until now
        found |= {*range(closed, min(silent, until), HOUR_US), *range(max(silent, horizon), until, HOUR_US)}
    return sorted(found)


def _forget(state: MeasureState, floor: int, basis: LineBasis) -> None:
    timeline, known = state.timeline, state.known_until
    if floor <= timeline.floor:
        return
    carried = carried_facts(timeline.facts(known), basis, floor)
    part = None if floor == hour_of(floor) else content_before(timeline, basis, floor, known)
    timeline.settle(floor, carried, part)
    named = {order for record in timeline.hours.values() for order, _ in record.told.named}
    state.orders = {order: version for order, version in state.orders.items() if order in named}


def _of_fact(state: MeasureState, event: Source, taken: list[Taken], place: Place) -> Iterator[Measure]:
    """Insert a fact; tell the final hours that it changes, and the open ones when nothing else would: after an end."""
    timeline, time = state.timeline, to_micros(event.event_time)
    for one in taken:
        one.insert(timeline)
    late = time < state.known_until
    known = state.known_until if isinstance(event, InspectionResult) else max(state.known_until, time)
    over = state.ended == state.known_until and time <= state.ended
    if not taken or not (late or over or _may_name_the_past(state, taken)):
        return
    reason = f"{event.event_id} came out of order" if late else f"{event.event_id} tells of what was before it"
    for start in hours_reached(taken, timeline, place.basis(place.line), known):
        if start < state.closed_until or (over and start <= state.known_until):
            yield from _changed(state, start, known, place, reason)


def _may_name_the_past(state: MeasureState, taken: list[Taken]) -> bool:
    """Whether facts in time order can change what is final: codes, verdicts, and what ends a stop at the instant of its code."""
    codes = state.timeline.series[Kind.CODE]
    return taken[0].kind in (Kind.CODE, Kind.VERDICT) or bool(codes and codes[-1].time >= state.known_until)


def _of_new_versions(state: MeasureState, place: Place) -> Iterator[Measure]:
    """Tell the hours anew that a calendar or loss model changes which was not known when they were told."""
    for line in sorted({place.line, *state.versions}):
        basis, seen = place.basis(line), state.versions.get(line)
        if seen is basis.versions:
            continue
        differ = sorted({*basis.versions} ^ {*(seen or ())})
        state.versions[line] = basis.versions
        if differ and state.known_until >= 0:
            since = min(min(v.valid_from for v in differ), state.known_until)
            around = reach(state.timeline.facts(state.known_until), basis, since, since, longest_run=HOUR_US)
            hours = _hours_told(state, hour_of(around.near - HOUR_US), line)
            reason = ", ".join(_named(line, v) for v in sorted({*differ} & {*basis.versions} or differ))
            for start in hours:
                yield from _changed(state, start, state.known_until, place, reason)


def _named(line: str, version: Version) -> str:
    return f"{version.kind} of {line}, version {version.version}"


def _of_new_orders(state: MeasureState, place: Place) -> Iterator[Measure]:
    """Tell the hours anew that name an order whose record has changed; a deleted one has changed nothing."""
    for order, seen in list(state.orders.items()):
        record = place.basis(place.line).order(order)
        if record is not None and record.version != seen:
            state.orders[order] = record.version
            hours = [h for h, r in sorted(state.timeline.hours.items()) if order in {o for o, _ in r.told.named}]
            for start in hours:
                yield from _changed(state, start, state.known_until, place, f"order {order}, version {record.version}")


def _hours_told(state: MeasureState, first: int, line: str) -> list[int]:
    return [h for h, r in sorted(state.timeline.hours.items()) if h >= first and r.told.revision and r.told.line == line]


def _changed(state: MeasureState, start: int, known: int, place: Place, reason: str) -> Iterator[Measure]:
    """The next measure of an hour if it differs from the last one."""
    record = state.timeline.hours.get(start)
    told = record is not None and record.told.revision > 0
    if start >= state.closed_until:
        yield from _told(state, start, "provisional", place)
    else:
        account = _account(state, start, known, place)
        if (told or account.content) and account.digest() != (record.told.digest if record is not None else ""):
            yield _say(state, account, "restated" if told else "final", place, reason)


def _told(state: MeasureState, start: int, status: Status, place: Place) -> Iterator[Measure]:
    """A measure, unless nothing is known of the hour and nothing was told of it, or it would say the same again provisionally."""
    account, record = _account(state, start, state.known_until, place), state.timeline.hours.get(start)
    revision = record.told.revision if record is not None else 0
    same = record is not None and status == "provisional" and record.told.digest == account.digest()
    if (revision or account.content) and not same:
        yield _say(state, account, status, place, None)


def _account(state: MeasureState, start: int, known: int, place: Place) -> HourAccount:
    record = state.timeline.hours.get(start)
    basis = place.basis((record.told.line if record is not None else "") or place.line)
    until = min(start + HOUR_US, known)
    found, end = content(state.timeline, basis, start, until, known), start + HOUR_US
    versions = basis.calendar_version(start, end), basis.loss_model_version(start, end)
    due = start < state.closed_until or state.ended == known or (record is not None and record.told.due)
    return HourAccount(start, until, found, windows(basis, start), *versions, due)


def _say(state: MeasureState, account: HourAccount, status: Status, place: Place, reason: str | None) -> Measure:
    record = state.timeline.record(account.start)
    record.tell(next_told(record.told, account, place.line))
    state.orders |= _versions(place, (order for order, _ in named_in(account.content)))
    saying = Saying(state.asset, place.site, status, reason, place.origin.partition)
    return measure(account, record.told, saying, state.timeline.offsets(account.start))


def _versions(place: Place, orders: Iterable[str | None]) -> dict[str, int]:
    found = {order: place.basis(place.line).order(order) for order in orders if order is not None}
    return {order: 0 if record is None else record.version for order, record in found.items()}
