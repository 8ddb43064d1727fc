"""What a first start shows while it downloads: a bar on a terminal, a line for every quarter elsewhere."""

from threading import Lock
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

STEPS = 4  # lines that a log gets for one download
WORTH_STEPS = 5_000_000  # bytes; less than this is over before anybody wonders


class DownloadProgress(Protocol):
    """Told how a download goes; called from several threads."""

    def begin(self, title: str, jars: int, size: int) -> None:
        """The download of so many jars of together ``size`` bytes starts."""

    def advance(self, size: int) -> None:
        """So many bytes more have come; negative when a broken transfer is taken back."""

    def jar_done(self) -> None:
        """One jar more is complete and verified."""

    def end(self) -> None:
        """The download is over, complete or not."""


class Silent:
    """A DownloadProgress that shows nothing."""

    def begin(self, title: str, jars: int, size: int) -> None: ...

    def advance(self, size: int) -> None: ...

    def jar_done(self) -> None: ...

    def end(self) -> None: ...


class ConsoleProgress:
    """A DownloadProgress on stderr: jars, bytes and speed in a bar, or plain lines where no terminal is."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._lock = Lock()
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._title, self._jars, self._size = "", 0, 0
        self._done_jars, self._done_size, self._told = 0, 0, 0

    def begin(self, title: str, jars: int, size: int) -> None:
        """Show the title and what will come."""
        self._title, self._jars, self._size = title, jars, size
        self._done_jars, self._done_size, self._told = 0, 0, 0 if size >= WORTH_STEPS else STEPS
        self._console.print(f"{title}: {jars} {'jar' if jars == 1 else 'jars'}, {size / 1e6:.1f} MB, needed once", highlight=False)
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.fields[done]}/{task.fields[jars]} jars"),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                console=self._console,
            )
            self._task = self._bar.add_task(title, total=size, done=0, jars=jars)
            self._bar.start()

    def advance(self, size: int) -> None:
        """Move the bar, or print a line when another quarter has come."""
        with self._lock:
            self._done_size += size
            if self._bar is not None:
                self._bar.advance(self._task, size)
                return
            step = self._done_size * STEPS // max(self._size, 1)
            if step <= self._told:
                return
            self._told = step
        self._console.print(
            f"{self._title}: {self._done_size / 1e6:.0f} of {self._size / 1e6:.0f} MB, {self._done_jars} of {self._jars} jars",
            highlight=False,
        )

    def jar_done(self) -> None:
        """Count the jar."""
        with self._lock:
            self._done_jars += 1
            if self._bar is not None:
                self._bar.update(self._task, done=self._done_jars)

    def end(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
