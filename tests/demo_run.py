"""Runs the command ``factorystream`` as a person does: the installed script, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

COMMAND = Path(sys.executable).with_name("factorystream")
ROOT = Path(__file__).resolve().parents[1]
SECONDS = 240.0


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, which must be JSON and nothing else."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """Its one error sentence; fails when it said anything like a traceback, or several errors, or succeeded."""
        assert self.code != 0, f"it succeeded: {self.out}"
        assert "Traceback" not in self.err, self.err
        errors = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, self.err
        return errors[0].removeprefix("error: ")


def factorystream(*words: str | Path, **environment: str) -> Done:
    """Run it to its end."""
    done = subprocess.run(
        [COMMAND, *words], capture_output=True, text=True, timeout=SECONDS, env={**os.environ, **environment}, cwd=ROOT
    )
    return Done(done.returncode, done.stdout, done.stderr)


def succeeded(done: Done) -> Done:
    """The same; fails with what it said when it did not succeed."""
    assert done.code == 0, f"exit code {done.code}\n{done.err}\n{done.out}"
    return done


def wait_for(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Return when it is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def processes_of(folder: Path) -> list[psutil.Process]:
    """Processes that name the folder on their command line or in their settings."""
    return [p for p in psutil.process_iter() if p.pid != os.getpid() and _names(p, str(folder))]


def all_gone(processes: Iterable[psutil.Process]) -> bool:
    """Whether none of them runs any more."""
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


def end(process: subprocess.Popen[str]) -> None:
    """Make sure that it is gone."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def clean_copy(target: Path) -> Path:
    """What a person who clones this gets, with what is not committed yet."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def _names(process: psutil.Process, folder: str) -> bool:
    try:
        words = [*process.cmdline(), *process.environ().values()]
    except psutil.Error:
        return False
    return any(word.startswith(folder) for word in words)
