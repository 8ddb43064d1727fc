"""One process of the stack: started so that it cannot outlive its supervisor, restarted when it crashes, stopped within a bound."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from services.runtime.errors import UserError
from services.stack.spawn import last_words, own_error, size, spawn

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 15.0
HEALTHY_S = 30.0  # a process that lived so long has not failed in a row
MOST_FAILURES = 6  # in a row; then the stack says that it is broken instead of trying for ever
POLL_S = 0.05
KILL_WAIT_S = 10.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. ``answers`` asks it for a piece of work and is True when it is done; it must not raise."""

    name: str
    command: tuple[str, ...]
    answers: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    metrics_url: str | None = None
    start_seconds: float = 90.0
    stop_seconds: float = 20.0


class Child:
    """A :class:`Program` kept running from :meth:`start` to :meth:`stop`.

    Linux ends a child with the *thread* that started it, so one thread starts the process, again and again, and stays until
    the end. Each process has a session of its own: Ctrl-C in a terminal reaches only the supervisor, which stops its children
    one after the other.
    """

    def __init__(self, program: Program, log: Path, say: Say, changed: Callable[[], None]) -> None:
        self.program = program
        self.log = log
        self.restarts = 0
        self._say = say
        self._changed = changed
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._was_ready = False
        self._broken: str | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._attend, name=f"child-{program.name}", daemon=True)

    @property
    def pid(self) -> int | None:
        """Its process id; None while no process runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def broken(self) -> str | None:
        """Why it is no longer restarted, in one sentence; None while all is well."""
        return self._broken

    def start(self) -> None:
        """Begin; :meth:`await_ready` tells when it works."""
        self._thread.start()

    def await_ready(self) -> None:
        """Return when it answers. Raises UserError when it ends before, or takes longer than its start may."""
        deadline = time.monotonic() + self.program.start_seconds
        while not self._was_ready and not self._ready():
            if self._broken is not None:
                raise UserError(self._broken)
            if time.monotonic() >= deadline:
                raise UserError(f"{self.program.name} did not answer within {self.program.start_seconds:g} s; its log: {self.log}")
            time.sleep(POLL_S)
        self._was_ready = True

    def stop(self) -> None:
        """Ask for an orderly end; kill the process, and say so, when it takes longer than its end may."""
        with self._lock:
            self._stopping.set()
            process = self._process
        if process is None or not self._thread.is_alive():
            return
        process.terminate()
        self._thread.join(self.program.stop_seconds)
        if self._thread.is_alive():
            self._say(f"{self.program.name} did not end within {self.program.stop_seconds:g} s and is killed; its log: {self.log}")
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            self._thread.join(KILL_WAIT_S)

    def _ready(self) -> bool:
        return self.pid is not None and self.program.answers()

    def _attend(self) -> None:
        failures = 0
        while (process := self._spawn()) is not None:
            began = time.monotonic()
            self._changed()
            code = process.wait()
            if self._stopping.is_set():
                break
            failures = 1 if time.monotonic() - began >= HEALTHY_S else failures + 1
            if not self._was_ready or failures >= MOST_FAILURES:
                self._broken = self._verdict(code)
                break
            delay = min(FIRST_DELAY_S * 2 ** (failures - 1), LONGEST_DELAY_S)
            self._say(f"{self._obituary(code)}; it is started again in {delay:g} s")
            self.restarts += 1
            self._changed()
            self._stopping.wait(delay)
        self._changed()

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        """The new process; None when the end has been asked for or it cannot be started."""
        with self._lock:
            if self._stopping.is_set():
                return None
            try:
                self._process = self._popen()
            except OSError as exc:
                self._broken = f"{self.program.name} can't be started: {exc.strerror}"
                return None
            return self._process

    def _popen(self) -> subprocess.Popen[bytes]:
        self._log_start = size(self.log)
        return spawn(self.program.command, self.program.environment, self.log)

    def _verdict(self, code: int) -> str:
        """Why it is given up. A first start mostly fails for a reason that the process itself has put into a sentence."""
        own = own_error(self.log, self._log_start)
        return own if own and not self._was_ready else self._obituary(code)

    def _obituary(self, code: int) -> str:
        if code < 0:
            return f"{self.program.name} was ended by {signal.Signals(-code).name} (log: {self.log})"
        return f"{self.program.name} ended with exit code {code}: {last_words(self.log, self._log_start)} (log: {self.log})"
