"""Hypothesis strategies: logs of a small factory, with sources that interleave, facts out of order and repeated records."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

from hypothesis import strategies as st
from machine_facts import Source, us

from schemas.envelope import SourceEvent
from schemas.instant import HOUR_US, to_micros

LINES = {"m1": "l1", "m2": "l1", "m3": "l2"}
STATES = ("ACTIVE", "READY", "STOPPED", "UNAVAILABLE")
START = us("00:00")
HORIZON_US = 12 * HOUR_US  # short, so that logs reach beyond it

#: how far the next fact of a source lies from the one before: mostly ahead, at times behind, seldom beyond the horizon
steps = st.one_of(
    st.integers(0, 40 * 60_000_000),
    st.sampled_from([0, 1, 4_999_999, 5_000_000, HOUR_US, 300_000_000]),
    st.integers(-15 * HOUR_US, -1),
    st.sampled_from([3 * HOUR_US + 1, HORIZON_US, 15 * HOUR_US]),
)
ORDERS = {"l1": ("A-1", "B-2"), "l2": ("C-3", "D-4")}  # an order is made on one line


def facts(asset: str) -> st.SearchStrategy[tuple[str, Any]]:
    """A kind of fact and what it says."""
    orders = st.sampled_from([None, *ORDERS[LINES[asset]]])
    return st.one_of(
        st.tuples(st.just("state"), st.sampled_from(STATES)),
        st.tuples(st.just("order"), orders),
        st.tuples(st.just("produced"), st.tuples(st.integers(0, 3), st.integers(0, 1), orders)),
        st.tuples(st.just("alive"), st.none()),
        st.tuples(st.just("ending"), st.none()),
    )


@st.composite
def source_logs(draw: st.DrawFn, asset: str, source: str) -> list[SourceEvent]:
    """Facts of one source of one asset, in the order of their sequence."""
    gw, time = Source(asset, source), START + draw(st.integers(0, 2 * HOUR_US))
    out: list[SourceEvent] = []
    for step, (kind, what) in draw(st.lists(st.tuples(steps, facts(asset)), max_size=12)):
        time = max(START, time + step)
        match kind:
            case "state":
                out.append(gw.state(time, what))
            case "order":
                out.append(gw.order(time, what))
            case "produced":
                out.append(gw.produced(time, what[0], scrap=what[1], order=what[2]))
            case "alive":
                out.append(gw.alive(time))
            case "ending":
                out.append(gw.ending(time))
    return out


@st.composite
def factory_logs(draw: st.DrawFn) -> list[list[SourceEvent]]:
    """One log per source; an asset has one or two."""
    return [draw(source_logs(asset, source)) for asset in LINES for source in draw(st.sampled_from([("a",), ("a", "b")]))]


def interleaved(logs: Iterable[list[SourceEvent]], random: Random) -> list[SourceEvent]:
    """One log in which every source keeps its order, with every asset ended at the end."""
    waiting, out = [list(log) for log in logs if log], []
    while waiting:
        log = random.choice(waiting)
        out.append(log.pop(0))
        waiting = [w for w in waiting if w]
    return [*out, *_ends(out)]


def with_repeats(log: list[SourceEvent], random: Random) -> list[SourceEvent]:
    """The log with some records once more, anywhere behind the first time."""
    out = list(log)
    for event in random.sample(log, len(log) // 3):
        out.insert(random.randint(out.index(event) + 1, len(out)), event)
    return out


def _ends(log: list[SourceEvent]) -> list[SourceEvent]:
    """A third source of each asset ends at the newest time, so that every account reaches it."""
    newest: dict[str, int] = {}
    for event in log:
        newest[event.asset] = max(newest.get(event.asset, 0), to_micros(event.event_time))
    return [Source(asset, "last").ending(time) for asset, time in newest.items()]
