"""The small agent: it numbers, forgets the oldest, and answers as MTConnect has it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import httpx
import pytest
from gateway_lab import BUNDLED_LOG, DEVICES, ROOT

from services.gateway.mtconnect_log import read_lines
from services.gateway.streams_document import parse_answer
from services.runtime.errors import UserError
from services.simulator.agent_buffer import AgentBuffer, OutOfRange, read_items, read_log
from services.simulator.agent_server import AgentServer


def memory(size: int = 100) -> AgentBuffer:
    return AgentBuffer("Mazak01", read_items(DEVICES.read_bytes(), "mazak01"), size)


def test_it_numbers_and_forgets_the_oldest() -> None:
    buffer = memory(size=3)
    for second in range(5):
        buffer.add(f"2019-06-06T08:00:0{second}Z|Xload|{second}")
    assert (buffer.first, buffer.next) == (3, 6)
    assert [s.fields[0] for s in buffer.sample(3, 2)] == ["2", "3"]
    assert [s.fields[0] for s in buffer.current()] == ["4"]
    assert buffer.sample(6, 10) == []
    for wrong in (2, 7):
        with pytest.raises(OutOfRange):
            buffer.sample(wrong, 1)


def test_an_item_that_no_document_declares_is_not_the_agents() -> None:
    buffer = memory()
    buffer.add("2019-06-06T08:00:00Z|Brfunc|UNAVAILABLE")
    assert buffer.next == 1


def test_a_device_that_the_document_does_not_have_is_said() -> None:
    with pytest.raises(UserError, match="no device Lathe"):
        read_items(DEVICES.read_bytes(), "Lathe")


def test_the_whole_bundled_log_comes_back_as_it_was() -> None:
    buffer = AgentBuffer("Mazak01", read_items(DEVICES.read_bytes(), "Mazak01"))
    with AgentServer(buffer, DEVICES.read_bytes(), version="2.2") as agent:
        agent.say(read_log(BUNDLED_LOG))
        found, following = [], 1
        while following < buffer.next:
            answer = parse_answer(httpx.get(f"{agent.url}/Mazak01/sample", params={"from": following, "count": 5_000}).content)
            found += [e.observation for e in answer.entries]
            following = answer.next
    names = {item.id: item.name for item in read_items(DEVICES.read_bytes(), "Mazak01").values()}
    declared = set(names) | set(names.values())
    lines = [line.observation for line in read_lines(BUNDLED_LOG) if line.observation and line.observation.item in declared]
    assert [(o.time_us, names[o.item], o.value, o.condition) for o in found] == [
        (o.time_us, names.get(o.item, o.item), o.value, o.condition) for o in lines
    ]


def test_wrong_requests_get_an_error_document() -> None:
    with AgentServer(memory(), DEVICES.read_bytes()) as agent:
        for request, status, code in (
            ("sample?from=9", 404, "OUT_OF_RANGE"),
            ("sample?count=0", 400, "QUERY_ERROR"),
            ("x", 404, "UNSUPPORTED"),
        ):
            response = httpx.get(f"{agent.url}/{request}")
            assert (response.status_code, re.findall('errorCode="(.*?)"', response.text)) == (status, [code])
        assert httpx.get(f"{agent.url}/probe").content == DEVICES.read_bytes()
        with pytest.raises(UserError, match=f"can't listen on 127.0.0.1:{agent.port}"):
            AgentServer(memory(), b"", agent.port)


def test_the_command_serves_a_log_until_it_is_asked_to_end() -> None:
    words = [sys.executable, "-m", "services.simulator", "agent", "--log", str(BUNDLED_LOG), "--devices", str(DEVICES)]
    child = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert child.stdout is not None
    url = json.loads(child.stdout.readline())["url"]
    answer = parse_answer(httpx.get(f"{url}/current").content)
    assert answer.entries or answer.next >= 1
    child.send_signal(signal.SIGTERM)
    assert child.wait(20) == 0
    child.stdout.close()
