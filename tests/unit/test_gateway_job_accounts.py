"""Job reports as events, and these through the step measure, give the time and the pieces that stand in the rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from inmemory_pipeline import InMemoryPipeline
from job_lab import (
    KIND,
    REPORTS,
    WORDS,
    by_order_id,
    event_accounts,
    event_pieces,
    events,
    feeds,
    items,
    machine_log,
    names,
    orders,
    recorded,
)  # fmt: skip
from oracle import job_reports as oracle

from schemas.envelope import Event
from schemas.events.asset import Asset
from schemas.events.heartbeat import Heartbeat
from schemas.events.loss_model import LossModel
from schemas.events.measure import Measure
from schemas.instant import to_micros
from schemas.registry import MACHINE
from services.gateway.draft import Draft
from services.gateway.replay import Pace, Replay
from streams.agents import measure

Found = Sequence[tuple[Draft, Event]]
EVERYWHERE = {k: v for k, v in WORDS.items() if k != "pieces_at"}
TABLES = ["sample", "sample, pieces everywhere", "recorded"]
IN_STREAMS = ["sample", "sample, pieces everywhere", "recorded, some resources"]  # all of them take minutes
SOME = ["Quality Check 1", "Machine 4 - Turning & Milling", "Machine 11 - Grinding", "Machine 22 - Milling"]


def given(which: str) -> tuple[Path, dict[str, Any]]:
    if not which.startswith("recorded"):
        return REPORTS, WORDS if which == "sample" else EVERYWHERE
    path, words = recorded()
    return path, words if which == "recorded" else {**words, "where": {**words["where"], "Resource": SOME}}


@cache
def found_in(which: str) -> Found:
    """The events of a table."""
    return events(items(*given(which)))


@cache
def measured(which: str) -> dict[tuple[str, int], Measure]:
    """(asset, hour) -> newest measure."""
    found = found_in(which)
    line = InMemoryPipeline(steps=(measure.STEP,), assets=[e for _, e in found if isinstance(e, Asset)])
    line.send(*machine_log(found), topic=MACHINE)
    line.run()
    return {(m.asset, to_micros(m.window.start)): m for m in line.events(Measure)}


# Europe/Berlin; clocks were set back on 2025-10-26 from 03:00 to 02:00
def test_the_sample_worked_out_by_hand() -> None:
    # lathe: set-up 06:00-06:40 and 22:00-23:30; breakdown 11:15-12:05 and 02:40 to the second 02:10, 30 min later
    # production 06:40-11:15 (275 min), 12:05-16:30 (265), 23:30 to the first 02:30 (180), 03:00-06:00 (180)
    # from 06:00 to 06:00 are 25 h: idle is 1500 - 130 - 80 - 900 = 390 min
    # mill: set-up 70 min, milling 350 min with 45 min of drilling within, 50 min the next day
    # inspection: 13:00-15:30 until the next starts at 14:30, then until 17:00: 240 min; 30; 120
    minutes = {key: round(s / 60) for key, s in oracle.seconds(REPORTS, WORDS).items()}
    assert minutes == {
        ("Lathe 1 - Turning", "set-up"): 130,
        ("Lathe 1 - Turning", "production"): 900,
        ("Lathe 1 - Turning", "breakdown"): 80,
        ("Lathe 1 - Turning", "idle"): 390,
        ("Mill 2 - Milling & Drilling", "set-up"): 70,
        ("Mill 2 - Milling & Drilling", "production"): 400,
        ("Mill 2 - Milling & Drilling", "idle"): 19 * 60,
        ("Inspection", "production"): 390,
        ("Inspection", "idle"): 24 * 60 - 390,
    }
    # inspection alone counts: 60 + 1 + 2, 38 + 1, 10, 190 + 3 + 2
    assert oracle.order_pieces(REPORTS, WORDS) == {
        "PO 1001": (63, 3, 0), "PO 1002": (39, 1, 0), "PO 1003": (10, 0, 0), "PO 1004": (195, 5, 0),
    }  # fmt: skip


@pytest.mark.parametrize("which", TABLES)
def test_the_states_of_the_events_are_those_of_the_rows_to_the_microsecond(which: str) -> None:
    path, words = given(which)
    assert event_accounts(found_in(which)) == by_order_id(oracle.accounts(path, words))


@pytest.mark.parametrize("which", TABLES)
def test_the_pieces_of_the_events_are_those_of_the_rows(which: str) -> None:
    path, words = given(which)
    assert event_pieces(found_in(which)) == by_order_id(oracle.pieces(path, words))


@pytest.mark.parametrize("which", IN_STREAMS)
def test_the_hourly_accounts_of_the_streams_are_those_of_the_rows(which: str) -> None:
    path, words = given(which)
    found = found_in(which)
    hours, name = measured(which), names(found)
    account = {
        (name[asset], hour, e.order or "", KIND[e.state.value]): e.duration_us
        for (asset, hour), m in hours.items()
        for e in m.account
    }
    assert account == by_order_id(oracle.accounts(path, words))


@pytest.mark.parametrize("which", IN_STREAMS)
def test_the_hourly_pieces_of_the_streams_are_those_of_the_rows(which: str) -> None:
    path, words = given(which)
    found = found_in(which)
    name = names(found)
    pieces: dict[tuple[str, int, str], tuple[int, int, int]] = {}
    for (asset, hour), m in measured(which).items():
        for q in m.quantities:
            if q.produced:
                p, s, r = pieces.get((name[asset], hour, q.order or ""), (0, 0, 0))
                pieces[name[asset], hour, q.order or ""] = (p + q.produced, s + q.scrap, r + q.rework)
    assert pieces == by_order_id(oracle.pieces(path, words))


@pytest.mark.parametrize("which", TABLES)
def test_every_order_of_the_rows_has_a_record_with_its_quantity(which: str) -> None:
    path, words = given(which)
    found = orders(found_in(which))
    assert {o.replace("-", " ") for o in found} == {r["order"] for r in oracle.rows(path, words)}
    if which != "recorded":
        assert {o: r.planned for o, r in found.items()} == {"PO-1001": 120, "PO-1002": 40, "PO-1003": 10, "PO-1004": 200}
        assert {r.customer for r in found.values()} == {"sample-customer"}


@pytest.mark.parametrize("which", TABLES)
def test_the_log_of_each_asset_is_in_time_order_and_ends_with_its_last_report(which: str) -> None:
    path, words = given(which)
    found = found_in(which)
    last: dict[str, tuple[int, Event]] = {}
    for event in machine_log(found):
        now = to_micros(event.event_time)
        assert now >= last.get(event.asset, (0, event))[0]
        last[event.asset] = (now, event)
    name = names(found)
    ends: dict[str, int] = {}
    for row in oracle.rows(path, words):
        ends[row["resource"]] = max(ends.get(row["resource"], 0), row["complete"])
    assert {name[asset]: now for asset, (now, _) in last.items()} == ends
    assert all(isinstance(e, Heartbeat) and e.phase == "ending" for _, e in last.values())


def test_the_items_are_the_same_at_any_speed() -> None:
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return False

    found = list(Replay(feeds(REPORTS, WORDS), Pace(3600.0, None, wait, lambda: sum(waits))).items())
    assert found == items(REPORTS, WORDS)
    assert sum(waits) == pytest.approx(31, abs=0.1)  # from 06:00 CEST to 12:00 CET of the next day


def test_the_loss_model_of_the_line_gives_each_state_the_element_of_its_report() -> None:
    found = events(items(REPORTS, WORDS))
    ((draft, model),) = [(d, e) for d, e in found if isinstance(e, LossModel)]
    assert (model.line, model.version, draft.barrier) == ("job-shop", 1, True)
    elements = {KIND[s]: r.element.value for r in model.rules for s in r.states or []}
    assert elements == {"production": "production", "set-up": "set-up", "breakdown": "breakdown", "idle": "no order"}
    assert not [e for _, e in events(items(REPORTS, {**WORDS, "loss_model": False})) if isinstance(e, LossModel)]
