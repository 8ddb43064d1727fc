"""One line on stderr that says how far a command is: it moves on a terminal, and comes now and then in a log."""

import time
from types import TracebackType
from typing import Self

from rich.status import Status

from services.cli.screen import ERR, note

LOG_EVERY_S = 10.0


class Progress:
    """``with Progress("starting") as progress: progress.show("half done")``."""

    def __init__(self, text: str) -> None:
        self._status = Status(text, console=ERR) if ERR.is_terminal else None
        self._said = time.monotonic()
        self._first = text

    def show(self, text: str) -> None:
        """Replace the line."""
        if self._status is not None:
            self._status.update(text)
        elif time.monotonic() - self._said >= LOG_EVERY_S:
            self._said = time.monotonic()
            note(text)

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        else:
            note(self._first)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._status is not None:
            self._status.stop()
