"""Old job reports of an asset that is live: refused before anything is sent; sent all the same, they are named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from gateway_lab import Taken
from inmemory_pipeline import InMemoryPipeline
from job_lab import PLAIN, events, feeds, items, machine_log, report, write
from machine_facts import Source, machine

from schemas.events.heartbeat import Heartbeat
from schemas.events.late_event import LateEvent
from schemas.events.machine_event import MachineEvent, OrderAssigned, UnitProduced
from schemas.events.measure import Measure
from schemas.instant import to_micros
from schemas.registry import MACHINE
from services.gateway.feed import Feed
from services.gateway.gateway import Gateway, Options
from services.gateway.job_backfill import refuse_behind
from services.gateway.job_feed import JobFeed
from services.gateway.progress import Progress
from services.runtime.errors import UserError
from streams.agents import measure

LIVE_LINE = "l1"


def live() -> InMemoryPipeline:
    """The step measure with a machine m1 that is live on 2026-11-24: ACTIVE from 10:00 on, 5 pieces of A-1 at 10:30."""
    line = InMemoryPipeline(steps=(measure.STEP,), assets=[machine("m1", LIVE_LINE)])
    gw = Source("m1")
    line.send(gw.state("10:00", "ACTIVE"), gw.produced("10:30", 5, order="A-1"), gw.alive("12:30"), topic=MACHINE)
    line.run()
    return line


def newest(line: InMemoryPipeline) -> dict[int, Measure]:
    return {to_micros(m.window.start): m for m in line.events(Measure)}


def produced(m: Measure) -> dict[str | None, int]:
    return {q.order: q.produced for q in m.quantities if q.produced}


def test_reports_older_than_the_horizon_are_late_one_by_one_and_change_nothing(tmp_path: Path) -> None:
    line = live()
    before = line.events(Measure)
    log = machine_log(events(items(write(tmp_path, [report("08:00", "09:00", completed=7)]), PLAIN)))  # 2026-01-05
    line.send(*log, topic=MACHINE)
    line.run()
    assert line.events(Measure) == before
    late = {e.event for e in line.events(LateEvent)}
    counted = {
        e.event_id
        for e in log
        if (isinstance(e, MachineEvent) and isinstance(e.fact, OrderAssigned | UnitProduced))
        or (isinstance(e, Heartbeat) and e.phase == "ending")
    }
    assert len(counted) == 4
    assert counted <= late


def test_reports_within_the_horizon_are_added_to_their_own_hours_and_what_they_touch_is_restated(tmp_path: Path) -> None:
    line = live()
    before = newest(line)
    row = report("2026-11-23T08:00", "2026-11-23T08:50", completed=7)
    line.send(*machine_log(events(items(write(tmp_path, [row]), PLAIN))), topic=MACHINE)
    line.run()
    after = newest(line)
    assert {hour: (after[hour].account, produced(after[hour])) for hour in before} == {
        hour: (m.account, produced(m)) for hour, m in before.items()
    }
    for hour, m in before.items():
        if m.status == "final" and after[hour] != m:
            assert after[hour].status == "restated"
            assert str(after[hour].reason).startswith("job-reports/m1/")
    assert produced(after[to_micros(datetime(2026, 11, 23, 8, tzinfo=UTC))]) == {"PO-1": 7}


def test_a_table_with_reports_behind_what_is_known_of_an_asset_is_refused_with_what_to_do(tmp_path: Path) -> None:
    found = feeds(write(tmp_path, [report("08:00", "09:00"), report("10:00", "11:00", machine="M2")]), PLAIN)
    known = to_micros(live().events(Measure)[-1].event_time)
    with pytest.raises(UserError) as failure:
        refuse_behind(found, {"m1": known, "m2": known})
    assert str(failure.value).startswith(
        "m1 (and 1 more) is known until 2026-11-24T12:30:00Z, and the table has reports of it from 2026-01-05T08:00:00Z on: "
        "they would come too late or count twice. Nothing was sent."
    )
    assert "--behind" in str(failure.value)


def test_reports_that_go_on_where_the_asset_is_known_until_and_other_assets_are_taken(tmp_path: Path) -> None:
    found = feeds(write(tmp_path, [report("08:00", "09:00")]), PLAIN)
    first = next(f.first_us for f in found if isinstance(f, JobFeed))
    assert first is not None
    refuse_behind(found, {"m1": first, "other": first + 1})
    with pytest.raises(UserError):
        refuse_behind(found, {"m1": first + 1})


def test_a_refused_table_leaves_nothing_in_the_spool(tmp_path: Path) -> None:
    def begin(found: list[Feed]) -> None:
        refuse_behind(found, {"m1": 2**52})

    table = feeds(write(tmp_path, [report("08:00", "09:00")]), PLAIN)
    options = Options("127.0.0.1:1", tmp_path / "data", broker_timeout_s=60.0)
    with pytest.raises(UserError, match="they would come too late or count twice"):
        Gateway(options, table, [], Progress(quiet=True), begin).run()
    taken = Taken(tmp_path)
    assert taken.events() == []
    taken.close()
