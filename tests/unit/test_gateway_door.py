"""The door: what is no event is turned away with the reason, kept, counted, and takes no sequence number."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from gateway_lab import Taken

from schemas.instant import to_micros
from schemas.registry import MACHINE, SENSOR
from services.gateway.door import admit
from services.gateway.draft import Draft
from services.gateway.feed import Item, Reject

TIME = "2026-01-05T08:00:00Z"


def draft(fact: dict[str, Any], asset: str = "m1", time: str = TIME) -> Draft:
    return Draft(MACHINE, "test", asset, {"type": "factory.machine-event.v1", "event_time": time, "fact": fact}, origin="here:1")


GOOD = {"kind": "execution", "state": "ACTIVE"}


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (draft({"kind": "execution", "state": "DANCING"}), "fact"),
        (draft({"kind": "execution", "state": "ACTIVE", "more": 1}), "fact"),
        (draft({"kind": "signal", "item": "x", "value": "y" * 501}), "fact"),
        (draft({"kind": "energy", "counter_kwh": float("nan")}), ""),
        (draft({"kind": "energy", "counter_kwh": float("inf")}), ""),
        (draft(GOOD, asset="No Such Name"), "asset"),
        (draft(GOOD, time="2026-01-05T08:00:00"), "event_time"),
        (draft(GOOD, time="1767600000"), "event_time"),
        (draft({"kind": "nothing"}), "fact"),
    ],
)
def test_what_is_no_event_is_turned_away(bad: Draft, field: str) -> None:
    admitted, rejects = admit([draft(GOOD), bad, draft(GOOD)])
    assert len(admitted) == 2
    (reject,) = rejects
    assert (reject.origin, reject.topic) == ("here:1", "factory.machine.v1")
    assert reject.reason
    assert reject.field.startswith(field)


def test_a_fact_of_a_clock_that_is_far_ahead_is_turned_away() -> None:
    """TIME is the latest that is believed: a fact at it is taken, one a second later is not, nor a frame that ends later."""
    latest = to_micros(datetime.fromisoformat(TIME))
    later = (datetime.fromisoformat(TIME) + timedelta(seconds=1)).isoformat()
    frame = {"type": "factory.sensor-frame.v1", "event_time": TIME, "times_us": [0, 1], "columns": {"c": [1.0, 2.0]}}
    admitted, rejects = admit([draft(GOOD), draft(GOOD, time=later), Draft(SENSOR, "test", "m1", frame)], latest)
    assert [to_micros(e.event_time) for _, e in admitted] == [latest]
    assert [r.field for r in rejects] == ["event_time", "event_time"]
    assert rejects[0].reason.startswith("1 s after the latest time that is believed")


def test_a_record_that_is_too_big_is_turned_away() -> None:
    columns = {f"c{i}": [1.0] * 20_000 for i in range(20)}
    body = {"type": "factory.sensor-frame.v1", "event_time": TIME, "times_us": [0] * 20_000, "columns": columns}

    admitted, (reject,) = admit([Draft(SENSOR, "test", "m1", body)])
    assert not admitted
    assert "at most 1000000" in reject.reason


def test_a_rejected_event_takes_no_number_and_is_kept(tmp_path: Path) -> None:
    taken = Taken(tmp_path)
    items: list[Item] = [
        draft(GOOD),
        draft({"kind": "execution", "state": "DANCING"}),
        Reject("log:7", "2 fields", "what?"),
        draft(GOOD),
    ]
    assert taken.intake.put(items, {"job": "4"})
    assert [e["sequence"] for e in taken.events()] == [1, 2]
    assert taken.intake.rejected == 1
    kept = [json.loads(line) for line in (tmp_path / "data" / "rejects.ndjson").read_text().splitlines()]
    assert [(k["origin"], k["record"][:12]) for k in kept] == [("log:7", "what?"), ("here:1", '{"type": "fa')]
    taken.close()
