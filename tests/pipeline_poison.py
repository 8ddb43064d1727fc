"""Records that are no events, made from the golden payloads of each topic that a step or the bridge reads."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.registry import AGGREGATE, ALERT, ALERT_ACTION, KPI, MACHINE, MEASURE, ORDER, OUTBOUND, SENSOR, TWIN_STATE
from schemas.topic import MAX_RECORD_BYTES, Topic

EXAMPLES = Path(__file__).parents[1] / "schemas" / "examples"

#: a golden payload of each topic, a number in it, and the stage that keeps the topic's dead letters
GOLDEN: dict[Topic, tuple[str, tuple[str | int, ...], str]] = {
    SENSOR: ("sensor-frame-single-reading", ("columns", "coolant_temp", 0), "aggregate"),
    MACHINE: ("machine-event-energy", ("fact", "counter_kwh"), "measure"),
    ORDER: ("order", ("planned",), "twin"),
    AGGREGATE: ("window-aggregate-single-reading", ("mean",), "alert"),
    MEASURE: ("measure-provisional", ("revision",), "kpi"),
    KPI: ("kpi-value-availability", ("coverage",), "twin"),
    ALERT: ("alert-acknowledged", ("revision",), "twin"),
    ALERT_ACTION: ("alert-action-acknowledge", ("sequence",), "alert"),
    TWIN_STATE: ("twin-state-asset-unavailable", ("revision",), "publish"),
    OUTBOUND: ("outbound-event-kpi", ("payload", "n"), "bridge"),
}


@dataclass(frozen=True)
class Poison:
    """``reason`` is a part of what the dead letter must say, ``field`` how the name of the field at fault must end."""

    kind: str
    value: bytes | None
    reason: str
    field: str = ""


def golden(topic: Topic) -> dict[str, Any]:
    """The payload that the poison of a topic is made from."""
    body: dict[str, Any] = json.loads((EXAMPLES / topic.name / f"{GOLDEN[topic][0]}.json").read_text())
    return body


def poisons(topic: Topic) -> Iterator[Poison]:
    """One of each kind; a null value only where it is no tombstone."""
    body, path = golden(topic), GOLDEN[topic][1]
    last = str(path[-1])
    text = json.dumps(body).encode()
    yield Poison("bad JSON", text[:-1], "Invalid JSON")
    yield Poison("bad UTF-8", b'{"event_time":"\xff"}', "")
    yield Poison("wrong type", _with(body, path, "seven"), "Input should be a valid", last)
    yield Poison("missing field", _without(body, "event_time"), "Field required", "event_time")
    yield Poison("NaN", _with(body, path, float("nan")), "Input should be a", last)
    yield Poison("unknown version", _with(body, ("type",), body["type"].removesuffix("v1") + "v9"), body["type"])
    yield Poison("unknown field", _with(body, ("extra",), 1), "Extra inputs are not permitted", "extra")
    yield Poison("too large", b"x" * (MAX_RECORD_BYTES + 1), f"record of {MAX_RECORD_BYTES + 1} bytes")
    if not topic.compacted:
        yield Poison("null", None, "null value")


def _without(body: dict[str, Any], name: str) -> bytes:
    return json.dumps({k: v for k, v in body.items() if k != name}).encode()


def _with(body: dict[str, Any], path: tuple[str | int, ...], value: Any) -> bytes:
    changed = copy.deepcopy(body)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(changed).encode()
