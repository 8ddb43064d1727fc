"""The simulated line: the seed decides, time does not fall, units are not made twice, failures show beforehand."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from gateway_lab import drafts, rejects, replayed

from schemas.instant import SECOND_US, parse, to_micros
from services.gateway.door import admit
from services.gateway.draft import Draft
from services.gateway.event_feed import EventFeed
from services.runtime.errors import UserError
from services.simulator.cli import app
from services.simulator.line_machine import Rates
from services.simulator.output import paced, write_events
from services.simulator.plant import Plant, PlantChoices

START = to_micros(parse("2026-01-05T06:00:00Z"))
HOUR = 3600 * SECOND_US


def events(machines: int = 3, seed: int = 1, hours: float = 1.0, **words: Any) -> list[dict[str, Any]]:
    return list(Plant(PlantChoices(machines=machines, **words), seed, START).events(START + round(hours * HOUR)))


def facts(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [e for e in found if e.get("fact", {}).get("kind") == kind]


def test_the_seed_decides_and_the_machines_differ() -> None:
    assert events() == events()
    assert events(seed=1) != events(seed=2)
    found = events(machines=4, hours=0.1)
    assert {e["asset"] for e in found if "asset" in e} == {
        "sim-line-press-1",
        "sim-line-mill-2",
        "sim-line-wash-3",
        "sim-line-weld-4",
    }


def test_time_does_not_fall_and_every_event_passes_the_door(tmp_path: Path) -> None:
    found = events()
    times = [e["event_time"] for e in found]
    assert times == sorted(times)
    path = tmp_path / "plant.ndjson"
    assert write_events(path, found) == len(found)
    items = replayed(EventFeed(path, "simulator"))
    assert not rejects(items)
    assert not admit([i for i in items if isinstance(i, Draft)])[1]
    assert [d.body["phase"] for d in drafts(items, "heartbeat.v1")][-2:] == ["ending", "ending"]


def test_assets_are_registered_first_and_everything_says_that_it_is_simulated() -> None:
    found = events(hours=0.1)
    assert [e["type"] for e in found[:3]] == ["factory.asset.v1"] * 3
    marked = [e for e in found if e["type"] in ("factory.asset.v1", "factory.order.v1")]
    assert all(e["simulated"] for e in marked)
    assert {"temperature", "vibration_rms"} <= set(found[0]["channels"])


def test_a_unit_passes_the_machines_in_order_and_scrap_goes_no_further() -> None:
    found = events(hours=6)
    steps: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for event in facts(found, "produced"):
        fact = event["fact"]
        steps[fact["units"][0]].append((event["event_time"], event["asset"], fact["scrap"]))
    assert len(steps) > 200
    assert any(step[2] for path in steps.values() for step in path)
    for path in steps.values():
        assert [asset[-1] for _, asset, _ in path] == [str(i + 1) for i in range(len(path))]
        assert not any(scrap for _, _, scrap in path[:-1])


def test_a_machine_is_repaired_after_it_has_failed_and_is_not_active_meanwhile() -> None:
    found = events(hours=12)
    faults = [e for e in facts(found, "condition") if e["fact"]["level"] == "fault"]
    assert faults
    for fault in faults:
        after = [e for e in found if e.get("asset") == fault["asset"] and e["event_time"] >= fault["event_time"] and "fact" in e]
        said = [e["fact"]["state"] for e in after if e["fact"]["kind"] == "execution"]
        assert not said or said[0] == "INTERRUPTED"


def test_vibration_rises_before_a_failure() -> None:
    found = events(machines=1, hours=24)
    fault = next(e for e in facts(found, "condition") if e["fact"]["level"] == "fault")
    begin, end = START, to_micros(parse(fault["event_time"]))

    def level(since: int, until: int) -> float:
        frames = [e for e in found if e["type"] == "factory.sensor-frame.v1" and since <= to_micros(parse(e["event_time"])) < until]
        return mean(float(v) for e in frames for v in e["columns"]["vibration_rms"])

    span = end - begin
    assert level(end - span // 10, end) > 1.5 * level(begin, begin + span // 10)


def test_readings_come_at_the_rate_asked_for() -> None:
    found = events(machines=1, hours=0.05, rates=Rates(rate_hz=50.0))
    frames = [e for e in found if e["type"] == "factory.sensor-frame.v1"]
    assert sum(len(f["times_us"]) for f in frames) == pytest.approx(180 * 50, abs=200)
    assert frames[0]["times_us"][:3] == [0, 20_000, 40_000]


def test_the_energy_counter_never_falls() -> None:
    counter = [e["fact"]["counter_kwh"] for e in facts(events(machines=1, hours=3), "energy")]
    assert counter == sorted(counter)
    assert counter[-1] > 0


def noted(waits: list[float]) -> Callable[[float], bool]:
    """A wait that only notes how long it was to be."""

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return False

    return wait


def test_a_pace_waits_by_event_time_and_no_longer_than_it_may() -> None:
    waits: list[float] = []
    pace = paced(10.0, noted(waits), longest_s=1.0, clock=lambda: 7.0)
    assert not any(pace(START + s * SECOND_US) for s in (0, 5, 1_000, 1_005))
    assert waits == pytest.approx([0.0, 0.5, 1.0, 1.0], abs=1e-6)
    assert paced(0, lambda _: True)(START)


def test_the_command_writes_a_plant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app(["plant", "--out", str(tmp_path / "p"), "--machines", "2", "--hours", "0.1"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["events"] == len((tmp_path / "p").read_text().splitlines())
    with pytest.raises(UserError, match="--start"):
        app(["plant", "--out", str(tmp_path / "p"), "--start", "soon"], standalone_mode=False)
