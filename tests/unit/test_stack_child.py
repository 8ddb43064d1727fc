"""A child of the stack: restarted after a crash, given up when it is hopeless, ended within its bound."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from services.runtime.errors import UserError
from services.stack.child import Child, Program

PATIENT = "import time; time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class Bench:
    """Makes children that run a piece of Python, and keeps what they say."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "child.log"
        self.said: list[str] = []
        self.changes = 0
        self.children: list[Child] = []

    def child(self, code: str, answers: Callable[[], bool] = lambda: True, stop_seconds: float = 20.0) -> Child:
        program = Program("thing", (sys.executable, "-c", code), answers, stop_seconds=stop_seconds, start_seconds=20.0)
        child = Child(program, self.log, self.said.append, self._changed)
        self.children.append(child)
        child.start()
        return child

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    for child in made.children:
        child.stop()


def test_a_child_that_answers_is_ready_and_stops_when_asked(bench: Bench) -> None:
    child = bench.child(PATIENT)
    child.await_ready()
    pid = child.pid
    assert pid is not None
    child.stop()
    assert not psutil.pid_exists(pid)
    assert child.pid is None
    assert bench.said == []


def test_a_crashed_child_is_started_again_and_that_is_said(bench: Bench) -> None:
    child = bench.child(PATIENT)
    child.await_ready()
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: child.pid not in (None, first))
    assert child.restarts == 1
    assert len(bench.said) == 1
    assert "thing was ended by SIGKILL" in bench.said[0]
    assert "it is started again in 0.5 s" in bench.said[0]
    assert child.broken is None


def test_the_reason_of_a_crash_is_the_sentence_that_the_child_wrote(bench: Bench, tmp_path: Path) -> None:
    crash = tmp_path / "crash"
    code = (
        "import pathlib, sys, time\n"
        f"while not pathlib.Path({str(crash)!r}).exists(): time.sleep(0.02)\n"
        "print('error: the store is full.', file=sys.stderr); print('bye', file=sys.stderr); sys.exit(3)"
    )
    child = bench.child(code)
    child.await_ready()
    crash.touch()
    wait_for(lambda: child.restarts >= 1)
    assert "thing ended with exit code 3: the store is full (log: " in bench.said[0]


def test_a_child_that_can_not_start_fails_with_its_own_sentence(bench: Bench) -> None:
    child = bench.child("import sys; sys.exit('error: port 1 is in use; choose another')", answers=lambda: False)
    with pytest.raises(UserError, match=r"^port 1 is in use; choose another$"):
        child.await_ready()
    assert child.restarts == 0


def test_a_child_that_crashes_without_a_word_is_named_with_its_log(bench: Bench) -> None:
    child = bench.child("raise SystemExit(7)", answers=lambda: False)
    with pytest.raises(UserError, match=r"thing ended with exit code 7: it wrote no reason \(log: .*child.log\)"):
        child.await_ready()


def test_a_program_that_does_not_exist_is_an_error_not_a_hang(bench: Bench, tmp_path: Path) -> None:
    program = Program("ghost", (str(tmp_path / "ghost"),), lambda: False, start_seconds=20.0)
    child = Child(program, bench.log, bench.said.append, lambda: None)
    child.start()
    with pytest.raises(UserError, match="ghost ended with exit code 1"):
        child.await_ready()


def test_a_deaf_child_is_killed_and_that_is_said(bench: Bench) -> None:
    child = bench.child(DEAF, stop_seconds=0.3)
    child.await_ready()
    wait_for(lambda: "deaf" in bench.log.read_text())  # from here on it ignores SIGTERM
    pid = child.pid
    assert pid is not None
    child.stop()
    assert not psutil.pid_exists(pid)
    assert bench.said == [f"thing did not end within 0.3 s and is killed; its log: {bench.log}"]


def test_a_child_that_fails_again_and_again_is_given_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.stack.child.FIRST_DELAY_S", 0.01)
    child = bench.child(PATIENT)
    child.await_ready()
    killed: set[int] = set()

    def kill_the_next() -> bool:
        pid = child.pid
        if pid is not None and pid not in killed:
            killed.add(pid)
            os.kill(pid, signal.SIGKILL)
        return child.broken is not None

    wait_for(kill_the_next, 60.0)
    assert len(killed) == 6
    assert child.restarts == 5


def test_a_stop_while_it_waits_to_start_again_does_not_start_it_again(bench: Bench) -> None:
    child = bench.child(PATIENT)
    child.await_ready()
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: child.restarts == 1)
    child.stop()
    assert child.pid is None
