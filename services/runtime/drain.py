"""A polite end: SIGTERM and SIGINT ask, the service finishes what it has in hand and exits 0."""

import signal
import threading
from types import FrameType, TracebackType


class Drain:
    """``with Drain() as drain: while not drain.requested: ...``. The handlers are put back on exit."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._before: dict[int, signal.Handlers | int | None] = {}

    @property
    def requested(self) -> bool:
        """True once a signal has come (or :meth:`request` was called)."""
        return self._event.is_set()

    def request(self) -> None:
        """Ask for the end from within."""
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Sleep, but wake at once when the end is asked for; True when it is."""
        return self._event.wait(seconds)

    def __enter__(self) -> "Drain":
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._asked)  # type: ignore[assignment]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _asked(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._event.set()
