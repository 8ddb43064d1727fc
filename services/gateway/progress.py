"""What a person sees on stderr while the gateway works: a line that moves on a terminal, a line now and then in a log."""

import time

from rich.console import Console
from rich.status import Status

from services.gateway.draft import text_of
from services.gateway.intake import Intake
from services.gateway.spool import Spool

LOG_EVERY_S = 10.0


class Progress:
    """Use it as a context manager around a run."""

    def __init__(self, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
        self._status: Status | None = None
        self._shown = time.monotonic()

    def __enter__(self) -> "Progress":
        if self._console.is_terminal:
            self._status = self._console.status("starting")
            self._status.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._status is not None:
            self._status.stop()

    def say(self, text: str) -> None:
        """One line that stays."""
        self._console.print(f"gateway: {text}", markup=False)

    def show(self, clock_us: int | None, intake: Intake, spool: Spool) -> None:
        """How far the run is."""
        at = "" if clock_us is None else f"at {text_of(clock_us)[:19]}Z, "
        text = f"{at}{sum(intake.events.values())} events taken in, {spool.records} waiting, {intake.rejected} rejected"
        if self._status is not None:
            self._status.update(text)
        elif time.monotonic() - self._shown >= LOG_EVERY_S:
            self._shown = time.monotonic()
            self.say(text)
