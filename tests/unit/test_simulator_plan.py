"""The plan around real activity: nothing is finished while the machine stood, the sums add up, the seed decides."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from gateway_lab import BUNDLED_LOG
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import decode
from schemas.instant import SECOND_US, parse, to_micros
from schemas.registry import ORDER
from services.gateway.door import admit
from services.gateway.event_line import EventLine, parse_event
from services.gateway.survey import survey
from services.runtime.errors import UserError
from services.simulator.activity import Span, read_activity
from services.simulator.cli import app
from services.simulator.plan import Choices, Plan, make_plan

START = 1_767_600_000_000_000


@pytest.fixture(scope="module")
def activity(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Span]]:
    path = tmp_path_factory.mktemp("activity") / "activity.json"
    path.write_text(json.dumps(survey([BUNDLED_LOG])))
    return read_activity(path)


def facts(plan: Plan, kind: str) -> list[tuple[int, dict[str, Any]]]:
    return [(to_micros(parse(e["event_time"])), e["fact"]) for e in plan.events if e.get("fact", {}).get("kind") == kind]


def test_units_are_finished_only_while_the_real_machine_was_active(activity: dict[str, list[Span]]) -> None:
    plan = make_plan(activity, 1, Choices())
    produced = facts(plan, "produced")
    assert len(produced) > 20
    for time_us, _ in produced:
        assert any(span.start_us <= time_us < span.end_us for span in activity["mazak01"])


def test_the_units_take_at_least_the_planned_time_of_activity(activity: dict[str, list[Span]]) -> None:
    plan = make_plan(activity, 1, Choices())
    active_s = sum(s.end_us - s.start_us for s in activity["mazak01"]) / 1e6
    assert len(facts(plan, "produced")) * 60.0 <= active_s


def test_the_customers_take_turns_and_the_orders_are_marked_as_simulated(activity: dict[str, list[Span]]) -> None:
    plan = make_plan(activity, 1, Choices())
    decoded = decode(ORDER, [json.dumps(o).encode() for o in plan.orders])
    assert not decoded.rejections
    assert [o["customer"] for o in plan.orders] == ["acme", "borealis", "acme", "borealis"]
    assert all(o["simulated"] for o in plan.orders)
    first = min(to_micros(parse(e["event_time"])) for e in plan.events)
    assert all(to_micros(parse(o["event_time"])) < first for o in plan.orders)


def test_each_unit_belongs_to_the_order_that_the_machine_works_on(activity: dict[str, list[Span]]) -> None:
    plan = make_plan(activity, 3, Choices())
    planned = {o["order"]: o["planned"] for o in plan.orders}
    made: Counter[str] = Counter()
    current = None
    for event in plan.events:
        fact = event["fact"]
        if fact["kind"] == "order":
            current = fact["order"]
        else:
            assert fact["order"] == current
            made[current] += 1
    assert current is None
    assert all(made[order] <= planned[order] for order in made)
    units = [u for _, f in facts(plan, "produced") for u in f["units"]]
    assert len(units) == len(set(units))


def test_the_events_pass_the_door_and_end_with_the_activity(activity: dict[str, list[Span]]) -> None:
    plan = make_plan(activity, 1, Choices(inspections=True))
    lines = [parse_event(json.dumps(e), "simulator", "") for e in plan.events]
    drafts = [line.draft for line in lines if isinstance(line, EventLine) and line.draft]
    assert len(drafts) == len(plan.events)
    assert not admit(drafts)[1]
    assert {d.topic.name for d in drafts} == {"factory.machine.v1", "factory.inspection.v1"}
    times = [to_micros(parse(e["event_time"])) for e in plan.events]
    assert times == sorted(times)
    assert times[-1] <= activity["mazak01"][-1].end_us


def test_the_seed_decides(activity: dict[str, list[Span]]) -> None:
    assert make_plan(activity, 1, Choices()) == make_plan(activity, 1, Choices())
    assert make_plan(activity, 1, Choices()).events != make_plan(activity, 2, Choices()).events


spans = st.lists(st.tuples(st.integers(1, 400), st.integers(1, 400)), min_size=1, max_size=12)


@given(spans, st.integers(0, 5), st.integers(1, 4))
def test_whatever_the_activity_no_unit_is_made_outside_it(gaps: list[tuple[int, int]], seed: int, orders: int) -> None:
    active, now = [], START
    for silent, busy in gaps:
        active.append(Span(now + silent * SECOND_US, now + (silent + busy) * SECOND_US))
        now = active[-1].end_us
    plan = make_plan({"m1": active}, seed, Choices(planned_run_s=30, orders_per_asset=orders, scrap=0.2, rework=0.2))
    for time_us, fact in facts(plan, "produced"):
        assert any(s.start_us <= time_us < s.end_us for s in active)
        assert fact["scrap"] + fact["rework"] <= fact["produced"] == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "activity.json"),
        ("{}", "activity: Field required"),
        ('{"activity": [{"asset": "m1", "start": "2026-01-05T09:00:00Z", "end": "2026-01-05T08:00:00Z"}]}', "is empty or overlaps"),
    ],
)
def test_activity_that_is_none_is_said_in_a_sentence(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "activity.json").write_text(text)
    with pytest.raises(UserError, match=reason):
        read_activity(tmp_path / "activity.json")


def test_the_command_writes_events_and_orders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "activity.json").write_text(json.dumps(survey([BUNDLED_LOG])))
    words = ["plan", "--activity", str(tmp_path / "activity.json"), "--out", str(tmp_path / "e"), "--orders", str(tmp_path / "o")]
    app([*words, "--customers", "acme, borealis", "--line", "cell-1"], standalone_mode=False)
    counts = json.loads(capsys.readouterr().out)
    orders = [json.loads(line) for line in (tmp_path / "o").read_text().splitlines()]
    assert counts == {"events": len((tmp_path / "e").read_text().splitlines()), "orders": 4}
    assert {o["line"] for o in orders} == {"cell-1"}
    with pytest.raises(UserError, match="names no customer"):
        app([*words, "--customers", ","], standalone_mode=False)
