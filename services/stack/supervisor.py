"""One supervisor over the processes of the embedded mode: started in order, kept running, stopped in reverse order."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType, TracebackType
from typing import Self

import psutil

from services.runtime.errors import UserError
from services.stack.child import Child, Program, Say
from services.stack.folder import DataFolder
from services.stack.record import ProcessRecord, ServiceRecord, StackRecord, left_behind

LEFT_BEHIND_WAIT_S = 15.0


class Supervisor:
    """Children of one data folder. ``with Supervisor(...) as it: it.start(program)``; on leaving, the last started ends first.

    ``say`` is told what a person should know, from any thread. Raises UserError on entering when another supervisor has the
    folder. Secrets reach a child in files, never on its command line.
    """

    def __init__(self, folder: DataFolder, bootstrap: str, api_url: str | None, say: Say) -> None:
        self.folder = folder
        self._bootstrap = bootstrap
        self._api_url = api_url
        self._say = say
        self._children: list[Child] = []
        self._lock = threading.Lock()
        self._hold = ExitStack()

    @property
    def record(self) -> StackRecord:
        """What is running now."""
        return StackRecord(
            supervisor=ProcessRecord.of(os.getpid()),
            bootstrap=self._bootstrap,
            api_url=self._api_url,
            services=tuple(_service(child) for child in self._children),
        )

    def launch(self, program: Program) -> None:
        """Start it without waiting; :meth:`await_ready` waits for all that were launched."""
        child = Child(program, self.folder.log(program.name), self._say, self._write)
        self._children.append(child)
        child.start()

    def await_ready(self, *names: str) -> None:
        """Return when the children of these names (default: all) work. Raises UserError for the first that does not."""
        for child in list(self._children):
            if not names or child.program.name in names:
                child.await_ready()

    def start(self, *programs: Program) -> None:
        """Launch these together and return when all children work. Raises UserError for the first that does not."""
        for program in programs:
            self.launch(program)
        self.await_ready()

    def check(self) -> None:
        """Raises UserError when a child has failed so often that it is no longer started again."""
        for child in self._children:
            if child.broken is not None:
                raise UserError(child.broken)

    def stop(self) -> None:
        """End every child, the last started first, and forget them."""
        with uninterrupted():
            while self._children:
                self._children[-1].stop()
                self._children.pop()
            self.folder.record.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.folder.prepare()
        self._hold.enter_context(self.folder.held())
        self._end_left_behind()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._hold:
            self.stop()

    def _end_left_behind(self) -> None:
        """A supervisor that was killed has asked its children to end; those that did not would write beside ours."""
        for name, process in left_behind(self.folder.record):
            self._say(f"{name} of an earlier run (process {process.pid}) is still there and is ended")
            _end(process)

    def _write(self) -> None:
        with self._lock:
            try:
                self.record.write(self.folder.record)
            except OSError as exc:
                self._say(f"{self.folder.record} can't be written ({exc.strerror}): other commands do not find this stack")


@contextmanager
def uninterrupted() -> Iterator[None]:
    """An orderly end has its bounds; a second Ctrl-C would only leave it half done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # a handler, not SIG_IGN: a child that is started at this very moment would inherit that and be deaf to its own end
    before = {number: signal.signal(number, _pass_over) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _pass_over(number: int, frame: FrameType | None) -> None:
    del number, frame


def _service(child: Child) -> ServiceRecord:
    return ServiceRecord(
        name=child.program.name,
        process=_process(child.pid),
        restarts=child.restarts,
        metrics_url=child.program.metrics_url,
        log=child.log,
    )


def _process(pid: int | None) -> ProcessRecord | None:
    try:
        return None if pid is None else ProcessRecord.of(pid)
    except psutil.NoSuchProcess:
        return None


def _end(process: psutil.Process) -> None:
    steps: tuple[Callable[[], None], ...] = (process.terminate, process.kill)
    for end in steps:
        try:
            end()
            process.wait(LEFT_BEHIND_WAIT_S)
            return
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            continue
