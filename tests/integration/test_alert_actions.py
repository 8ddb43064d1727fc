"""A person at the command line, a worker behind the broker: alarms are acknowledged, shelved, and wrong actions refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from kafka_fixture import KafkaUnderTest
from machine_facts import Source, machine
from pipeline_lab import Lab, assert_conserved, counted, started, stop

from schemas.codec import encode, encode_on
from schemas.events.alert import Alert
from schemas.events.alert_refusal import AlertRefusal
from schemas.registry import ALERT, ALERT_ACTION, MACHINE, TWIN_STATE

pytestmark = pytest.mark.kafka

COMMAND = [sys.executable, "-c", "from services.cli.main import main; main()", "alerts"]
TIME = "2026-11-24T10:05:00Z"


@pytest.fixture
def lab(clean_kafka: KafkaUnderTest) -> Iterator[Lab]:
    with started(clean_kafka.bootstrap) as lab:
        yield lab


def alerts(lab: Lab, *words: str, code: int = 0) -> Any:
    """What the command says as JSON."""
    command = [*COMMAND, *words, "--bootstrap", lab.bootstrap, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def act(lab: Lab, *words: str, code: int = 0) -> dict[str, Any]:
    """The answer to an action."""
    said = alerts(lab, *words, "--at", TIME, "--wait", "60", code=code)
    assert said["answer"]["cause"] == f"{said['action']['source']}/m1/1"
    answer: dict[str, Any] = said["answer"]
    return answer


def test_alarms_are_acknowledged_shelved_and_taken_back_from_the_command_line(lab: Lab) -> None:
    gw = Source("m1")
    worker = lab.start_worker()
    lab.send([encode(machine("m1")), *(encode_on(MACHINE, gw.condition("10:00", item, "fault")) for item in ("servo", "door"))])
    lab.drain(worker)
    listed = {a["rule"]: a["alert"] for a in alerts(lab, "list")}
    assert listed.keys() == {"condition:servo", "condition:door"}
    servo, door = listed["condition:servo"], listed["condition:door"]

    assert act(lab, "acknowledge", servo[:10])["state"] == "acknowledged"
    assert act(lab, "acknowledge", servo, code=1)["reason"] == "already acknowledged"
    assert act(lab, "shelve", door, "--for", "2h")["shelved_until"] == "2026-11-24T12:05:00.000000Z"
    assert act(lab, "unshelve", servo, code=1)["reason"] == "not shelved"
    assert act(lab, "unshelve", door, "--role", "shift-lead")["state"] == "raised"
    assert act(lab, "shelve", door, "--for", "1h")["state"] == "shelved"

    lab.send([encode_on(MACHINE, gw.condition("10:30", "servo", "normal")), encode_on(MACHINE, gw.alive("11:05"))])
    lab.drain(worker)
    assert {a["rule"]: a["state"] for a in alerts(lab, "list")} == {"condition:door": "raised"}
    assert {a["rule"]: (a["state"], a["revision"]) for a in alerts(lab, "list", "--all")} == {
        "condition:door": ("raised", 5), "condition:servo": ("cleared", 3),
    }  # fmt: skip
    shown = json.loads(lab.read(TWIN_STATE)[-1].value)
    assert shown["asset"]["open_alerts"] == ["condition:door"]
    counts = counted(worker)
    stop(worker)
    assert_conserved(lab, counts)
    assert counts["alert", ALERT_ACTION.name].classes == {"applied": 6}
    kinds = [json.loads(r.value)["type"] for r in lab.read(ALERT)]
    assert (kinds.count(Alert.TYPE), kinds.count(AlertRefusal.TYPE)) == (8, 2)


def test_an_action_on_what_nobody_has_seen_is_not_even_sent(lab: Lab) -> None:
    command = [*COMMAND, "acknowledge", "4425ffbf154d", "--bootstrap", lab.bootstrap]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("error: no alert has an id that begins with '4425ffbf154d'; see: factorystream alerts list --all\n")
    assert lab.read(ALERT_ACTION) == []
