"""Polling a live agent: the first look, going on, an agent that is restarted, one that has forgotten, one that is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from gateway_lab import DEVICES, ROOT, Taken, running, until

from services.gateway.agent_poll import AgentPoll
from services.gateway.source_spec import AgentSpec
from services.gateway.streams_document import NotMtconnect, OutOfRange, parse_answer
from services.runtime.errors import UserError
from services.simulator.agent_buffer import AgentBuffer, read_items
from services.simulator.agent_server import AgentServer

DOCUMENTS = ROOT / "tests" / "data" / "mtconnect"
FIRST = [
    "2019-06-06T08:00:00Z|execution|STOPPED",
    "2019-06-06T08:00:00Z|system_cond|Normal||||",
    "2019-06-06T08:00:01Z|Xload|31",
]


def memory(instance: int = 1, size: int = 1_000) -> AgentBuffer:
    return AgentBuffer("Mazak01", read_items(DEVICES.read_bytes(), "Mazak01"), size, instance)


def server(buffer: AgentBuffer, version: str = "1.3") -> AgentServer:
    return AgentServer(buffer, DEVICES.read_bytes(), version=version)


def poll(url: str, **words: object) -> AgentPoll:
    return AgentPoll(AgentSpec.model_validate({"url": url, "device": "Mazak01", "interval": 0.05, "timeout": 1.0, **words}))


def states(taken: Taken) -> list[tuple[str, str, str | None]]:
    return [(e["event_time"][11:19], e["fact"]["state"], e["since"] and e["since"][11:19]) for e in taken.events("execution")]


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.8", "2.2"])
def test_what_holds_at_the_first_look_holds_from_now_on_and_then_it_goes_on(tmp_path: Path, version: str) -> None:
    taken = Taken(tmp_path)
    with server(memory(), version) as agent:
        agent.say(FIRST)
        with running(poll(agent.url), taken):
            until(lambda: states(taken))
            agent.say(["2019-06-06T08:00:09Z|execution|ACTIVE", "2019-06-06T08:00:10Z|Xload|40"])
            agent.say(["2019-06-06T08:00:11Z|system_cond|Fault|1101|25|HIGH|INTERFERE"])
            until(lambda: len(taken.events("condition")) == 2)
    assert states(taken) == [("08:00:01", "STOPPED", "08:00:00"), ("08:00:09", "ACTIVE", None)]
    assert [(e["event_time"][11:19], e["columns"]) for e in taken.events("sensor-frame")] == [("08:00:10", {"Xload": [40.0]})]
    assert taken.events("condition")[-1]["fact"] == {
        "kind": "condition", "item": "system_cond", "level": "fault", "native_code": "1101", "message": "HIGH: INTERFERE",
    }  # fmt: skip
    assert taken.events("asset")[0]["channels"]["Xload"]["unit"] == "%"
    assert taken.events()[0]["type"] == "factory.asset.v1"
    taken.close()


def test_an_idle_agent_keeps_its_asset_alive_by_its_own_clock(tmp_path: Path) -> None:
    taken = Taken(tmp_path)
    with server(memory()) as agent:
        agent.say(FIRST)
        with running(poll(agent.url), taken):
            until(lambda: taken.events("heartbeat"))
            agent.buffer.clock = "2019-06-06T08:00:11Z"
            until(lambda: len(taken.events("heartbeat")) == 4)
    assert [e["event_time"][11:19] for e in taken.events("heartbeat")] == ["08:00:01", "08:00:01", "08:00:11", "08:00:11"]
    assert {e["phase"] for e in taken.events("heartbeat")} == {"alive"}
    taken.close()


def test_after_a_restart_of_the_gateway_it_goes_on_without_a_gap(tmp_path: Path) -> None:
    with server(memory()) as agent:
        agent.say(FIRST)
        taken = Taken(tmp_path)
        with running(poll(agent.url), taken):
            until(lambda: states(taken))
        taken.close()
        agent.say(["2019-06-06T08:00:09Z|execution|ACTIVE", "2019-06-06T08:00:12Z|execution|READY"])
        taken = Taken(tmp_path)
        with running(poll(agent.url), taken):
            until(lambda: len(states(taken)) == 3)
    assert states(taken)[1:] == [("08:00:09", "ACTIVE", None), ("08:00:12", "READY", None)]
    numbers = [e["sequence"] for e in taken.events() if "sequence" in e]
    assert numbers == list(range(1, len(numbers) + 1))
    taken.close()


def test_an_agent_that_was_restarted_is_asked_for_all_anew_and_repeats_are_no_news(tmp_path: Path) -> None:
    taken = Taken(tmp_path)
    source = None
    with server(memory(instance=1)) as agent:
        agent.say(FIRST)
        source = poll(agent.url)
        with running(source, taken):
            until(lambda: taken.events("heartbeat"))
            again = memory(instance=2)
            for line in [*FIRST[:2], "2019-06-06T08:03:00Z|mode|MANUAL", "2019-06-06T08:04:00Z|Xload|7"]:
                again.add(line)
            agent.restart(again)
            until(lambda: taken.events("mode") and taken.events("sensor-frame"))
    assert states(taken) == [("08:00:01", "STOPPED", "08:00:00")]  # said once, though the new agent says it again
    assert [(e["event_time"][11:19], e["since"]) for e in taken.events("mode")] == [("08:03:00", None)]
    assert taken.events("sensor-frame")[0]["columns"] == {"Xload": [7.0]}
    assert source.tally.agent_restarts == 1
    assert any("was restarted (it is instance 2 now)" in text for text in taken.said)
    taken.close()


def test_what_the_agent_no_longer_has_is_named_and_counted(tmp_path: Path) -> None:
    with server(memory(size=10)) as agent:
        agent.say(FIRST)
        taken = Taken(tmp_path)
        with running(poll(agent.url), taken):
            until(lambda: taken.events("heartbeat"))
        taken.close()
        agent.say([f"2019-06-06T08:01:{i:02}Z|Xload|{i}" for i in range(30)] + ["2019-06-06T08:02:00Z|execution|ACTIVE"])
        taken = Taken(tmp_path)
        source = poll(agent.url)
        with running(source, taken):
            until(lambda: len(states(taken)) == 2)
    assert source.tally.overruns == 1
    assert any("no longer has observation" in text for text in taken.said)
    taken.close()


def test_a_long_answer_is_taken_in_parts(tmp_path: Path) -> None:
    taken = Taken(tmp_path)
    with server(memory()) as agent:
        agent.say(FIRST)
        with running(poll(agent.url, count=7), taken):
            until(lambda: taken.events("heartbeat"))
            agent.say([f"2019-06-06T08:01:{i:02}Z|Xload|{i}" for i in range(50)])
            until(lambda: sum(len(e["times_us"]) for e in taken.events("sensor-frame")) == 50)
    taken.close()


def test_an_agent_that_is_not_there_is_said_in_a_sentence(tmp_path: Path) -> None:
    taken = Taken(tmp_path)
    with pytest.raises(UserError, match=r"MTConnect agent http://127.0.0.1:9 can't be reached: .*Start it, or mend the URL"):
        poll("http://127.0.0.1:9", timeout=0.0).run(taken.intake, threading.Event(), taken.said.append)
    taken.close()


@pytest.mark.parametrize("document", [b"<html>welcome</html>", b"no xml", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'])
def test_something_else_on_that_port_is_no_agent(tmp_path: Path, document: bytes) -> None:
    taken = Taken(tmp_path)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=document))
    spec = AgentSpec(url="http://127.0.0.1:1", timeout=0.0)
    with pytest.raises(UserError, match="can't be reached"):
        AgentPoll(spec, transport).run(taken.intake, threading.Event(), taken.said.append)
    taken.close()


def test_a_device_that_the_agent_does_not_have_is_said_with_those_it_has(tmp_path: Path) -> None:
    taken = Taken(tmp_path)
    with server(memory()) as agent, pytest.raises(UserError, match=r"has no device Lathe; it has GFAgie01, Mazak01"):
        poll(agent.url, device="Lathe").run(taken.intake, threading.Event(), taken.said.append)
    taken.close()


def test_an_asset_cannot_be_two_devices(tmp_path: Path) -> None:
    taken = Taken(tmp_path)
    with (
        server(memory()) as agent,
        pytest.raises(UserError, match=r"asset m1 is one, but .* has GFAgie01, Mazak01.*: name a device"),
    ):
        poll(agent.url, device=None, asset="m1").run(taken.intake, threading.Event(), taken.said.append)
    taken.close()


def test_what_makes_no_sense_is_set_aside(tmp_path: Path) -> None:
    taken = Taken(tmp_path)
    with server(memory()) as agent:
        agent.say([*FIRST, "2019-06-06T08:00:02Z|Yload|many"])
        source = poll(agent.url)
        with running(source, taken):
            until(lambda: taken.events("heartbeat"))
            agent.say(["2019-06-06T08:00:03Z|Xload|much", "2019-06-06T08:00:04Z|execution|ACTIVE"])
            until(lambda: len(states(taken)) == 2)
            with agent._lock:  # no answer between the line and the clock that it is ahead of
                before = agent.buffer.clock
                agent.buffer.add("2019-06-06T10:00:00Z|execution|READY")
                agent.buffer.clock = before
            until(lambda: source.tally.lines["malformed"] == 2)
    kept = (tmp_path / "data" / "rejects.ndjson").read_text()
    assert "'much' is not a finite number" in kept
    assert "an hour ahead of the clock of the agent" in kept
    assert len(states(taken)) == 2
    taken.close()


def test_an_agent_that_goes_away_is_asked_again(tmp_path: Path) -> None:
    taken = Taken(tmp_path)
    agent = server(memory())
    answers: list[Callable[[], httpx.Response]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if answers:
            return answers.pop()()
        status, document = agent.answer(request.url.path.rpartition("/")[2], {k: [v] for k, v in request.url.params.items()})
        return httpx.Response(status, content=document)

    agent.say(FIRST)
    source = AgentPoll(AgentSpec(url="http://agent", device="Mazak01", interval=0.05), httpx.MockTransport(answer))
    with running(source, taken):
        until(lambda: states(taken))
        answers.append(lambda: httpx.Response(503, content=b""))
        until(lambda: not answers)
        agent.say(["2019-06-06T08:00:09Z|execution|ACTIVE"])
        until(lambda: len(states(taken)) == 2)
    assert [text for text in taken.said if "does not answer" in text]
    agent._http.server_close()
    taken.close()


def test_a_recorded_answer_of_a_newer_agent() -> None:
    answer = parse_answer((DOCUMENTS / "sample-2.2.xml").read_bytes())
    assert (answer.instance, answer.first, answer.next, answer.last, answer.complete) == (1700000000, 1, 8, 7, True)
    found = [(e.sequence, e.device, e.observation.item, e.observation.value or e.observation.condition) for e in answer.entries]
    assert [f[0] for f in found] == [3, 4, 5, 6, 7]
    assert found[0][1:] == ("Mill", "exec", "ACTIVE")
    assert found[1][3] == "1.5 2.5 -3.0"
    assert found[3][3] == "tool=7 pot=12"
    condition = found[4][3]
    assert not isinstance(condition, str)
    assert condition is not None
    assert (condition.level, condition.native_code, condition.text) == ("warning", "A12", "coolant low")


def test_answers_that_are_none() -> None:
    with pytest.raises(OutOfRange):
        parse_answer((DOCUMENTS / "error-out-of-range-2.2.xml").read_bytes())
    with pytest.raises(NotMtconnect, match="UNAUTHORIZED"):
        parse_answer(b"<MTConnectError><Errors><Error errorCode='UNAUTHORIZED'>no</Error></Errors></MTConnectError>")
    with pytest.raises(NotMtconnect, match="MTConnectDevices"):
        parse_answer(DEVICES.read_bytes())
    with pytest.raises(NotMtconnect, match="not as MTConnect has it"):
        parse_answer(b"<MTConnectStreams><Header instanceId='x' creationTime='2019-06-06T08:00:00Z'/></MTConnectStreams>")
