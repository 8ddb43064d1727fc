"""Time elements of ISO 22400-2: where each instant of an asset belongs, by the facts, the calendar and the loss model of its line.

A ``run`` is time whose state, mode and order mean production by the loss model, whatever the calendar says; other time in a known
state is a stop. A run that is shorter than the minimum between two stops belongs to the stop before it. What a stop is depends on
its whole length, so an instant is judged together with the stretch around it, out to a run that is long enough or to time of
which nothing is known (a barrier). Of time that is not over yet a stop is as long as it has lasted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from schemas.events.machine_event import Execution
from schemas.instant import HOUR_US
from schemas.time_element import TimeElement
from streams.domain.calendar import Piece, Plan
from streams.domain.calendar import Span as Bounds
from streams.domain.fact_series import Kind, Series, first_at, stretches
from streams.domain.line_basis import LineBasis
from streams.domain.loss_rules import LossRules

UNCODED = (TimeElement.DELAY, TimeElement.NO_ORDER, TimeElement.MINOR_STOP)  # what set-up and breaks can take over
SHORT = (TimeElement.DELAY, TimeElement.BREAKDOWN)  # what a short stop makes minor
_FIRST = itemgetter(0)
FIRST_LOOK_US = HOUR_US // 4  # how far a look goes before it grows
RUN, STOP, UNKNOWN = "run", "stop", "unknown"


class Facts(NamedTuple):
    """All facts of an asset by :class:`Kind`. ``known`` is the newest time; ``whole`` is False when orders before were forgotten,
    so that the first one is carried over and not a change."""

    series: Sequence[Series]
    known: int
    whole: bool = True

    def of(self, kind: Kind) -> Series:
        """One series."""
        return self.series[kind]


class Segment(NamedTuple):
    """Time in which state, mode, order and loss model are constant. ``kind`` is RUN, STOP or UNKNOWN."""

    start: int
    end: int
    kind: str
    state: str | None
    mode: str | None
    order: str | None
    rules: LossRules


class Group(NamedTuple):
    """Maximal time of one kind; ``reason`` is the code of a stop."""

    kind: str
    segments: list[Segment]
    reason: str | None = None

    @property
    def start(self) -> int:
        return self.segments[0].start

    @property
    def end(self) -> int:
        return self.segments[-1].end


class ElementSpan(NamedTuple):
    """[start, end) in one element. ``begins`` is False where the time before it is of the same element."""

    start: int
    end: int
    element: TimeElement
    reason: str | None
    order: str | None
    shift: Bounds | None
    day: Bounds
    begins: bool


What = tuple[TimeElement, str | None, str | None, Bounds | None, Bounds]  # element, reason, order, shift, day


class Reach(NamedTuple):
    """[start, end) in which an instant is judged; ``near`` and ``far`` are the ends of its own stretch, the barriers left out."""

    start: int
    near: int
    far: int
    end: int


def element_spans(facts: Facts, basis: LineBasis, start: int, end: int) -> list[ElementSpan]:
    """The spans of [start, end), gapless and ascending; ``end`` is at most what is known."""
    if start >= end:
        return []
    around = reach(facts, basis, start, end, set_up=True)
    groups = groups_of(facts, basis, around.start, max(around.end, end))
    changes = _set_ups(facts, basis, groups, start, end)
    since = max(start - 1, 0)  # the instant before only tells whether the first span begins
    whole: list[tuple[int, int, What]] = []
    for at, until, what in _judged(groups, basis.planned(since, end), changes, _gaps(groups, basis, since, end), since, end):
        if whole and whole[-1][2] == what:
            whole[-1] = (whole[-1][0], until, what)
        else:
            whole.append((at, until, what))
    before = [None, *(what[0] for _, _, what in whole)]
    return [
        ElementSpan(max(at, start), until, *what, begins=last is not None and last is not what[0])
        for (at, until, what), last in zip(whole, before, strict=False)
        if until > start
    ]


def reach(facts: Facts, basis: LineBasis, start: int, end: int, longest_run: int | None = None, set_up: bool = False) -> Reach:
    """What has to be looked at to judge [start, end). A run of ``longest_run`` is a barrier, by default of the loss models' longest
    minimum; with ``set_up`` the look goes back to the change of order that may still hold."""
    first, longest = start - 1, basis.reigns.longest_run if longest_run is None else longest_run
    if set_up and basis.reigns.longest_set_up:
        first = min([first, *order_changes(facts, start - basis.reigns.longest_set_up, end)])
    back, near = _look_back(facts, basis, first, longest)
    far, ahead = _look_ahead(facts, basis, end, longest)
    return Reach(back, near, far, ahead)


def _look_back(facts: Facts, basis: LineBasis, time: int, longest: int) -> tuple[int, int]:
    """Start (or a point far enough inside) and end of the last barrier before ``time``."""
    first = min((s[0].time for s in facts.series[: Kind.CODE] if s), default=time)
    width = FIRST_LOOK_US
    while True:
        low = time - width
        for group in reversed(_raw_groups(facts, basis, low, time)):
            if group.kind == UNKNOWN or (group.kind == RUN and group.end - group.start >= longest):
                return group.start, group.end
        if low < first:
            return low, low
        width *= 4


def _look_ahead(facts: Facts, basis: LineBasis, time: int, longest: int) -> tuple[int, int]:
    """Start and end (or a point far enough inside) of the first barrier from ``time`` on; what is known at most."""
    width = FIRST_LOOK_US
    while time < facts.known:
        high = min(time + width, facts.known)
        for group in _raw_groups(facts, basis, time, high):
            if group.kind == UNKNOWN or (group.kind == RUN and group.end - group.start >= longest):
                return group.start, min(group.end, group.start + longest + 1)
        if high == facts.known:
            return high, high
        width *= 4
    return time, time


def _raw_groups(facts: Facts, basis: LineBasis, start: int, end: int) -> list[Group]:
    """[start, end) as maximal runs, stops and unknown time, by the facts alone."""
    segments = _segments(facts, basis, start, end)
    return [Group(kind, list(part)) for kind, part in groupby(segments, key=lambda s: s.kind)]


def _segments(facts: Facts, basis: LineBasis, start: int, end: int) -> Iterator[Segment]:
    if start >= end:
        return
    reigns = basis.reigns.within(start, end)
    starts = [r.start for r in reigns]
    for since, until, (state, mode, order) in stretches(facts.series[: Kind.CODE], start, end, starts):
        rules = reigns[bisect_right(starts, since) - 1].rules
        if state is None or state == Execution.UNAVAILABLE:
            kind = UNKNOWN
        else:
            kind = RUN if rules.element(state, None, mode, order is not None) is TimeElement.PRODUCTION else STOP
        yield Segment(since, until, kind, state, mode, order, rules)


def groups_of(facts: Facts, basis: LineBasis, start: int, end: int) -> list[Group]:
    """Runs, coded stops and unknown time, after short runs have gone to the stop before them."""
    segments: list[Segment] = []
    raw = _raw_groups(facts, basis, start, end)
    if basis.reigns.longest_run == 0:
        return _with_codes(facts, basis, raw)
    for i, group in enumerate(raw):
        between = 0 < i < len(raw) - 1 and raw[i - 1].kind == STOP and raw[i + 1].kind == STOP
        if group.kind == RUN and between and group.end - group.start < group.segments[0].rules.minimum_run:
            stop = raw[i - 1].segments[-1]
            segments += (s._replace(kind=STOP, state=stop.state, mode=stop.mode) for s in group.segments)
        else:
            segments += group.segments
    whole = [Group(kind, list(part)) for kind, part in groupby(segments, key=lambda s: s.kind)]
    return _with_codes(facts, basis, whole)


def _with_codes(facts: Facts, basis: LineBasis, groups: list[Group]) -> list[Group]:
    if not facts.of(Kind.CODE):
        return groups
    return [g._replace(reason=_code(facts, basis, g)) if g.kind == STOP else g for g in groups]


def _code(facts: Facts, basis: LineBasis, stop: Group) -> str | None:
    """The newest code of a stop. One of the newest instant counts for a stop that goes on, and need not wait for the next fact."""
    codes = facts.of(Kind.CODE)
    goes_on = stop.end == facts.known and next(_segments(facts, basis, facts.known, facts.known + 1)).kind == STOP
    at = first_at(codes, stop.end + goes_on)
    found = codes[at - 1] if at else None
    return found.value if found is not None and found.time >= stop.start else None


def order_changes(facts: Facts, start: int, end: int) -> list[int]:
    """Times in (start, end) at which another order than before was assigned."""
    orders = facts.of(Kind.ORDER)
    out = []
    for i in range(first_at(orders, start + 1), first_at(orders, end)):
        last = i + 1 == len(orders) or orders[i + 1].time > orders[i].time  # of equal times the last counts
        held = orders[first_at(orders, orders[i].time) - 1] if first_at(orders, orders[i].time) else None
        carried = held is None and not facts.whole
        value = orders[i].value
        if last and not carried and value is not None and (held is None or held.value != value):
            out.append(orders[i].time)
    return out


def _set_ups(facts: Facts, basis: LineBasis, groups: list[Group], start: int, end: int) -> list[tuple[int, int]]:
    """[change of order, first run that begins from then on) for the changes that reach into [start - 1, end)."""
    longest = basis.reigns.longest_set_up
    if longest == 0:
        return []
    runs = [g.start for g in groups if g.kind == RUN]
    out = []
    for time in order_changes(facts, start - 1 - longest, end):
        at = bisect_left(runs, time)
        run = runs[at] if at < len(runs) else end
        until = min(run, time + basis.reigns.at(time).set_up_limit)
        if until > time:
            out.append((time, until))
    return _union(out)


def _gaps(groups: list[Group], basis: LineBasis, start: int, end: int) -> list[tuple[int, int]]:
    """The parts of stops that touch a break or a planned downtime, before and after it."""
    longest = basis.reigns.longest_gap
    if longest == 0:
        return []
    stops = [g for g in groups if g.kind == STOP]
    starts = [g.start for g in stops]
    out = []
    for piece in basis.planned(start - longest, end + longest):
        if piece.plan is not Plan.DOWNTIME:
            continue
        since, until = basis.whole_downtime(piece)
        gap = basis.reigns.at(since).break_gap
        for stop in stops[max(bisect_left(starts, since) - 1, 0) : bisect_right(starts, until)]:
            if stop.start < since <= stop.end:
                out.append((max(stop.start, since - gap), since))
            if stop.start <= until < stop.end:
                out.append((until, min(stop.end, until + gap)))
    return _union([(a, b) for a, b in out if a < b])


def _union(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same time, apart and ascending."""
    out: list[tuple[int, int]] = []
    for a, b in sorted(spans):
        if out and a <= out[-1][1]:
            out[-1] = (out[-1][0], max(b, out[-1][1]))
        else:
            out.append((a, b))
    return out


def _judged(
    groups: list[Group], planned: list[Piece], set_ups: list[tuple[int, int]], gaps: list[tuple[int, int]], start: int, end: int
) -> Iterator[tuple[int, int, What]]:
    """[start, end) cut at everything that counts, each part with its element."""
    pieces, edges = iter(planned), sorted({t for pair in (*set_ups, *gaps) for t in pair})
    piece = next(pieces)
    for group in groups:
        for segment in group.segments:
            at, until = max(segment.start, start), min(segment.end, end)
            while at < until:
                while piece.end <= at:
                    piece = next(pieces)
                stop_at = min(until, piece.end)
                if edges:
                    next_edge = bisect_right(edges, at)
                    stop_at = min(stop_at, *edges[next_edge : next_edge + 1], stop_at)
                element, reason = _element(group, segment, piece, _inside(set_ups, at), _inside(gaps, at))
                yield at, stop_at, (element, reason, segment.order, piece.shift, piece.day)
                at = stop_at


def _inside(spans: list[tuple[int, int]], time: int) -> bool:
    if not spans:
        return False
    at = bisect_right(spans, time, key=_FIRST) - 1
    return at >= 0 and time < spans[at][1]


def _element(group: Group, segment: Segment, piece: Piece, in_set_up: bool, in_gap: bool) -> tuple[TimeElement, str | None]:
    """The element of a part of a segment, and the reason where it is that of a stop."""
    if piece.plan is Plan.OFF:
        return TimeElement.NOT_PLANNED, None
    if piece.plan is Plan.DOWNTIME:
        return TimeElement.PLANNED_DOWNTIME, None
    if group.kind == UNKNOWN or segment.state is None:
        return TimeElement.UNKNOWN, None
    found = segment.rules.element(segment.state, group.reason, segment.mode, segment.order is not None)
    if group.kind == RUN:
        return found, None
    short = group.reason is None and group.end - group.start < group.segments[0].rules.micro_stop
    if short and found in SHORT:
        found = TimeElement.MINOR_STOP
    if in_set_up and group.reason is None and found in UNCODED:
        found = TimeElement.SET_UP
    if in_gap and found in UNCODED:
        found = TimeElement.PLANNED_DOWNTIME
    return found, group.reason
