"""One Java process: started so that it cannot outlive this one, stopped politely or killed."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from services.broker import launcher
from services.broker.configuration import CONSOLE_LOG, java_environment

CLEAN_EXITS = (0, 143)  # Java reports 128 + 15 after the clean stop that SIGTERM asks for


class JavaProcess:
    """A Java process in ``folder``; its output goes to ``CONSOLE_LOG`` there. Raises OSError when it cannot be started.

    Linux ends a child with the *thread* that started it. So a thread of its own starts the process and stays until its end, and the
    caller may be a thread of any pool. The process has a session of its own: Ctrl-C in a terminal reaches only its parent, which
    stops it when its time has come.
    """

    def __init__(self, command: Sequence[str], folder: Path, lock_descriptor: int) -> None:
        self._command = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), *command]
        self._folder = folder
        self._lock_descriptor = lock_descriptor
        self._ended = threading.Event()
        born: Future[subprocess.Popen[bytes]] = Future()
        threading.Thread(target=self._attend, args=(born,), name="java-process", daemon=True).start()
        self._process = born.result()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        return self._process.returncode if self._ended.is_set() else None

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the end; the exit code, or None when ``timeout`` seconds passed before."""
        self._ended.wait(timeout)
        return self.exit_code

    def terminate(self) -> None:
        """Ask for a clean stop (SIGTERM)."""
        self._process.terminate()

    def kill(self) -> None:
        """End it at once (SIGKILL) and wait until it is gone."""
        self._process.kill()
        self._ended.wait()

    def _attend(self, born: "Future[subprocess.Popen[bytes]]") -> None:
        try:
            with (self._folder / CONSOLE_LOG).open("wb") as console:
                process = subprocess.Popen(
                    self._command,
                    cwd=self._folder,
                    env=java_environment(dict(os.environ)),
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=subprocess.STDOUT,
                    pass_fds=(self._lock_descriptor,),
                    start_new_session=True,
                )
        except OSError as exc:
            born.set_exception(exc)
            return
        born.set_result(process)
        process.wait()
        self._ended.set()
