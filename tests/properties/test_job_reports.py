"""Drawn tables of job reports: whatever the rows are, the events give the time and the pieces that stand in them."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inmemory_pipeline import InMemoryPipeline
from job_lab import KIND, PLAIN, event_accounts, event_pieces, events, feeds, items, machine_log, names, write
from oracle import job_reports as oracle

from schemas.events.asset import Asset
from schemas.events.measure import Measure
from schemas.instant import to_micros
from schemas.registry import MACHINE
from streams.agents import measure

# a night in which clocks are set back, and one in which they are set on
NIGHTS = ("2025-10-26", "2026-03-29")
WORDS: dict[str, Any] = {**PLAIN, "zone": "Europe/Berlin", "where": {"part": ["Bolt"]}, "ignore": ["ordered"]}
slow = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def cells(draw: st.DrawFn, night: str) -> dict[str, str]:
    """A row: a report of up to five hours that may end before it starts, overlap others, be a repeat or be no report at all."""
    start = draw(st.integers(0, 72)) * 5
    complete = min(max(start + draw(st.integers(-3, 60)) * 5, 0), 719)
    order = draw(st.sampled_from(["PO-1", "PO-2", "PO-3", ""]))
    few = st.integers(0, 4)
    return {
        "order": order,
        "machine": draw(st.sampled_from(["M1", "M2"])),
        "start": f"{night}T{start // 60:02}:{start % 60:02}",
        "complete": f"{night}T{complete // 60:02}:{complete % 60:02}",
        "type": draw(st.sampled_from("PPPSBX")),
        "completed": str(draw(few)) if order else "0",
        "rejected": str(draw(few)) if order else "",
        "held": draw(st.sampled_from(["0", "1", "some"])) if order else "",
        "rework": draw(st.sampled_from(["", "", "Y"])),
        "part": draw(st.sampled_from(["Bolt", "Bolt", "Bolt", "Nut"])),
        "ordered": str(draw(st.integers(1, 3))),
    }


tables = st.sampled_from(NIGHTS).flatmap(lambda night: st.lists(cells(night), max_size=25))


@slow
@given(tables)
def test_events_and_hourly_accounts_are_those_of_the_oracle(rows: list[dict[str, str]]) -> None:
    with TemporaryDirectory() as folder:
        path = write(Path(folder), rows)
        wanted, pieces = oracle.accounts(path, WORDS), oracle.pieces(path, WORDS)
        found = events(items(path, WORDS))
        (first, *_) = feeds(path, WORDS)
    assert event_accounts(found) == wanted
    assert event_pieces(found) == pieces
    assert first.tally.read == sum(first.tally.lines.values()) == len(rows)

    line = InMemoryPipeline(steps=(measure.STEP,), assets=[e for _, e in found if isinstance(e, Asset)])
    line.send(*machine_log(found), topic=MACHINE)
    line.run()
    name, newest = names(found), {(m.asset, to_micros(m.window.start)): m for m in line.events(Measure)}
    units = {
        (name[asset], hour, q.order or ""): (q.produced, q.scrap, q.rework)
        for (asset, hour), m in newest.items()
        for q in m.quantities
        if q.produced
    }
    assert units == pieces
    account = {
        (name[asset], hour, e.order or "", KIND[e.state.value]): e.duration_us
        for (asset, hour), m in newest.items()
        for e in m.account
    }
    assert account == wanted


@slow
@given(tables, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing_where_no_two_reports_start_together(rows: list[dict[str, str]], random: Any) -> None:
    apart = list({(r["machine"], r["start"]): r for r in rows}.values())
    shuffled = random.sample(apart, len(apart))
    with TemporaryDirectory() as folder:
        one = event_accounts(events(items(write(Path(folder), apart), WORDS)))
        other = event_accounts(events(items(write(Path(folder), shuffled), WORDS)))
    assert one == other
