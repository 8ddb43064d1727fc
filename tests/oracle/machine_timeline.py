"""Batch oracle for the facts of one asset: what was in force when, its runs and its stops.

All records are known, so each kind of fact is one sorted list, and a span in which everything is the same is what lies between
two neighbours in the list of all cuts. Nothing is imported from the streams. Times are integers, microseconds since 1970.
"""

import itertools
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from oracle.calendar_days import Record, in_force
from oracle.loss_rules import PRODUCTION, ruled, threshold
from oracle.machine_records import micros

RUN, STOP, UNSEEN = "run", "stop", "unseen"
Changes = list[tuple[int, Any]]


def facts_of(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records per asset in log order, each (source, asset, sequence) once."""
    out: dict[str, list[Record]] = defaultdict(list)
    seen = set()
    for record in records:
        identity = (record["source"], record["asset"], record["sequence"])
        if identity not in seen:
            seen.add(identity)
            out[record["asset"]].append(record)
    return dict(out)


def kind(record: Record) -> str:
    """The kind of a fact, or the phase of a heartbeat."""
    return str(record["phase"] if record["type"] == "factory.heartbeat.v1" else record["fact"]["kind"])


def in_order(records: Iterable[Record], *kinds: str) -> list[Record]:
    """The records of these kinds by time; of equal times the later sequence comes later, then the source's name; an ending last."""
    found = [r for r in records if kind(r) in kinds]
    return sorted(found, key=lambda r: (micros(r["event_time"]), kind(r) == "ending", r["sequence"], r["source"]))


def changes(records: Iterable[Record], word: str, *kinds: str) -> Changes:
    """(time, value) of facts that hold until the next one, the last of each instant. An ending means that nothing is known."""
    out = {micros(r["event_time"]): None if kind(r) == "ending" else r["fact"][word] for r in in_order(records, *kinds)}
    return sorted(out.items())


def value_at(known: Changes, at: int) -> Any:
    """What the newest change at or before ``at`` says; None before the first."""
    place = bisect_right(known, at, key=lambda change: change[0])
    return known[place - 1][1] if place else None


@dataclass(frozen=True, slots=True)
class Piece:
    """A span of one state (None: not known), mode, order and loss model. ``reason`` is the code of its stop."""

    start: int
    end: int
    state: str | None
    mode: str | None
    order: str | None
    model: Record | None
    reason: str | None = None

    @property
    def phase(self) -> str:
        """Whether it is part of a run or of a stop, or nobody knows. A run has no coded reason."""
        if self.state is None:
            return UNSEEN
        return RUN if ruled(self.model, self.state, self.mode, self.order, None) == PRODUCTION else STOP


class Stretch(NamedTuple):
    """A run, a stop or unseen time at its longest: pieces that join without a gap."""

    phase: str
    pieces: list[Piece]

    @property
    def start(self) -> int:
        return self.pieces[0].start

    @property
    def end(self) -> int:
        return self.pieces[-1].end


def pieces(records: Sequence[Record], models: Sequence[Record], start: int, end: int) -> list[Piece]:
    """[start, end) cut wherever state, mode, order or loss model may change. UNAVAILABLE is no known state here."""
    states = changes(records, "state", "execution", "packml", "ending")
    modes = changes(records, "mode", "mode", "ending")
    orders = changes(records, "order", "order")
    cuts = {start, end, *(micros(m["valid_from"]) for m in models)} | {t for t, _ in (*states, *modes, *orders)}
    edges = sorted(c for c in cuts if start <= c <= end)
    out = []
    for a, b in itertools.pairwise(edges):
        state = value_at(states, a)
        known = None if state == "UNAVAILABLE" else state
        out.append(Piece(a, b, known, value_at(modes, a), value_at(orders, a), in_force(models, a)))
    return out


def stretches(found: Iterable[Piece]) -> list[Stretch]:
    """Pieces joined as long as their phase is the same."""
    out: list[Stretch] = []
    for piece in found:
        if out and out[-1].phase == piece.phase:
            out[-1].pieces.append(piece)
        else:
            out.append(Stretch(piece.phase, [piece]))
    return out


def without_short_runs(found: Sequence[Stretch]) -> list[Stretch]:
    """A run below the minimum between two stops takes the state and mode of the stop before it, and joins both."""
    out: list[Stretch] = []
    for before, run, after in zip([None, *found], found, [*found[1:], None], strict=False):
        short = run.phase == RUN and run.end - run.start < threshold(run.pieces[0].model, "minimum_run_us")
        if short and before and after and before.phase == after.phase == STOP:
            last = before.pieces[-1]
            out.append(Stretch(STOP, [replace(p, state=last.state, mode=last.mode) for p in run.pieces]))
        else:
            out.append(run)
    joined: list[Stretch] = []
    for stretch in out:
        if joined and joined[-1].phase == stretch.phase:
            joined[-1].pieces.extend(stretch.pieces)
        else:
            joined.append(Stretch(stretch.phase, list(stretch.pieces)))
    return joined


def with_reasons(found: Iterable[Stretch], records: Iterable[Record]) -> list[Stretch]:
    """Each stop with the newest code in it, for all of it; one that goes on also with one of the newest instant."""
    every, out = list(found), []
    kept = list(records)
    codes = in_order(kept, "stop")
    cuts = {micros(r["event_time"]) for r in in_order(kept, "execution", "packml", "mode", "order", "ending")}
    for stretch in every:
        goes_on = stretch is every[-1] and stretch.end not in cuts
        inside = [r["fact"]["reason"] for r in codes if stretch.start <= micros(r["event_time"]) < stretch.end + goes_on]
        reason = inside[-1] if inside and stretch.phase == STOP else None
        out.append(Stretch(stretch.phase, [replace(p, reason=reason) for p in stretch.pieces]))
    return out


def orders_begun(records: Iterable[Record]) -> list[int]:
    """The instants at which another order than before was assigned, and not none."""
    orders = changes(records, "order", "order")
    return [at for (_, before), (at, order) in zip([(0, None), *orders], orders, strict=False) if order not in (None, before)]
