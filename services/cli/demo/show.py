"""Keeps the picture of the demo fresh: a live screen on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.live import Live

from services.cli.customer_api import CustomerApi
from services.cli.demo.view import Picture
from services.cli.demo.watch import Watch, customer_view
from services.cli.screen import ERR, note
from services.cli.stages import stages_json
from services.stack.overview import counts_of, metrics_texts
from services.stack.pipeline import Pipeline

COUNT_EVERY_S = 1.0
ASK_EVERY_S = 2.0
LOG_EVERY_S = 10.0


class Show:
    """``update`` takes what has come and draws it. The live screen is on stderr, so that stdout has the result alone."""

    def __init__(self, picture: Picture, line: Pipeline, watch: Watch, apis: Mapping[str, CustomerApi]) -> None:
        self._picture = picture
        self._line = line
        self._watch = watch
        self._apis = apis
        self._live = (
            Live(console=ERR, auto_refresh=False, transient=True, get_renderable=picture.render) if ERR.is_terminal else None
        )
        self._counted = self._asked = 0.0
        self._said = time.monotonic()

    def say(self, text: str) -> None:
        """A line that stays."""
        note(text)

    def update(self, now: str, seconds: float) -> None:
        """Take what has come for ``seconds``, then draw; ``now`` says what is going on."""
        self._picture.now = now
        self._watch.poll(seconds)
        self._refresh()
        if self._live is not None:
            self._live.refresh()
        elif time.monotonic() - self._said >= LOG_EVERY_S:
            self._said = time.monotonic()
            note(f"{now}: {sum(r['received'] for r in self._picture.stages):,} records taken in by all stages")

    def _refresh(self) -> None:
        results, clock = self._watch.results, time.monotonic()
        self._picture.kpis, self._picture.alerts = results.settle(), results.alerts
        if clock - self._counted >= COUNT_EVERY_S:
            self._counted = clock
            self._picture.record = self._line.record
            self._picture.stages = stages_json(counts_of(metrics_texts(self._picture.record)))
        if clock - self._asked >= ASK_EVERY_S:
            self._asked = clock
            self._picture.customers = {name: customer_view(api) for name, api in self._apis.items()}

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        else:
            note(f"{self._picture.real}\n{self._picture.simulated}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()
            note(f"{self._picture.real}\n{self._picture.simulated}\n")
