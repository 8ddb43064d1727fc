"""A program that does one thing and ends, such as a replay: started, watched, asked to end, and its answer read."""

import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from services.runtime.errors import UserError
from services.stack.child import Program, Say
from services.stack.spawn import last_words, own_error, size, spawn


class Job:
    """Runs ``program`` once. Its stdout is its answer, one JSON document; what it says to people goes to ``log``."""

    def __init__(self, program: Program, log: Path, answer: Path, say: Say) -> None:
        self.program = program
        self._log = log
        self._answer = answer
        self._say = say
        self._asked_to_end = False
        self._log_start = size(log)
        self._process: subprocess.Popen[bytes] = spawn(program.command, program.environment, log, answer)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def result(self) -> dict[str, Any]:
        """Wait for the end and return the answer; {} when it was asked to end before it had begun.

        Raises UserError with the program's own sentence when it failed.
        """
        code = self._process.wait()
        if self._asked_to_end and code == -signal.SIGTERM:
            return {}
        if code != 0:
            words = own_error(self._log, self._log_start) or f"{self.program.name} failed: {last_words(self._log, self._log_start)}"
            raise UserError(words)
        answer: dict[str, Any] = json.loads(self._answer.read_text(encoding="utf-8"))
        return answer

    def stop(self) -> None:
        """Ask it to end with what it has in hand; kill it, and say so, when it takes longer than its end may."""
        if not self.running:
            return
        self._asked_to_end = True
        self._process.terminate()
        try:
            self._process.wait(self.program.stop_seconds)
        except subprocess.TimeoutExpired:
            self._say(f"{self.program.name} did not end within {self.program.stop_seconds:g} s and is killed; its log: {self._log}")
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
