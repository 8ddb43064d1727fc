"""Starts a process that ends with the thread that started it, in a session of its own, with its words in a log."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.broker import launcher

TAIL_BYTES = 64 * 1024


def spawn(command: Sequence[str], environment: Mapping[str, str], log: Path, answer: Path | None = None) -> subprocess.Popen[bytes]:
    """The process. Its output is appended to ``log``; with ``answer``, stdout is written there alone. Raises OSError.

    The kernel sends it SIGTERM when the starting thread ends (a program of its own asks for that between fork and exec). Ctrl-C in
    a terminal does not reach it: its parent ends it when its time has come.
    """
    with log.open("ab") as words, (answer or log).open("ab" if answer is None else "wb") as stdout:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), *command],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=words,
            start_new_session=True,
        )


def size(log: Path) -> int:
    """Where the next words will begin."""
    return log.stat().st_size if log.exists() else 0


def own_error(log: Path, start: int) -> str | None:
    """The last ``error: ...`` that was written to ``log`` after byte ``start``."""
    errors = [line.removeprefix("error: ") for line in _lines(log, start) if line.startswith("error: ")]
    return errors[-1] if errors else None


def last_words(log: Path, start: int) -> str:
    """:func:`own_error`, else the last line."""
    lines = _lines(log, start)
    return (own_error(log, start) or (lines[-1] if lines else "it wrote no reason")).rstrip(".")


def _lines(log: Path, start: int) -> list[str]:
    with log.open("rb") as file:
        file.seek(max(start, log.stat().st_size - TAIL_BYTES))
        return [line.strip() for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
