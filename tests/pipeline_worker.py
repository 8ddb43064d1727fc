"""The worker of the product with a trap: it kills itself at a point of a step's batch, and can be broken on purpose.

CRASH=step:point:n, where point is folded, sent, cut (some states are in the log, the mark is not), stored or unfinished. MUTATION
names one of the broken runners below.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from schemas.envelope import SourceEvent
from streams.__main__ import main
from streams.app import StreamsApp
from streams.domain.sequences import Sequences
from streams.step import StepRunner
from streams.transport.changelog import MARK_PREFIX, Entry

POINTS = ("folded", "sent", "cut", "stored", "unfinished")


class TrappedRunner(StepRunner):
    """Dies where CRASH says; only batches that have led to outputs count, so that there is something to lose."""

    victim, _, trap = os.environ.get("CRASH", "").partition(":")
    point, _, number = trap.partition(":")
    begun = 0
    doomed = False

    def _begin(self, work: Any) -> None:
        if self.step.name == self.victim and work.outputs:
            TrappedRunner.begun += 1
            self.doomed = TrappedRunner.begun == int(self.number)

    def _die_at(self, point: str) -> None:
        if self.doomed and point == self.point:
            os.kill(os.getpid(), signal.SIGKILL)

    async def _make_durable(self, batch: Any, work: Any) -> None:
        self._begin(work)
        self._die_at("folded")
        await super()._make_durable(batch, work)
        self._die_at("unfinished")

    async def _send(self, outputs: Sequence[Any]) -> None:
        await super()._send(outputs)
        self._die_at("sent")

    async def _store(self, topic: str, last: int, touched: Iterable[str]) -> None:
        if self.doomed and self.point == "cut":
            plain = self.state.entries
            self.state.entries = lambda *a: _cut(plain(*a))  # type: ignore[method-assign]
            await super()._store(topic, last, touched)
            os.kill(os.getpid(), signal.SIGKILL)
        await super()._store(topic, last, touched)
        self._die_at("stored")


def _cut(entries: Iterator[Entry]) -> Iterator[Entry]:
    states = [e for e in entries if e.value is not None and not e.key.startswith(MARK_PREFIX.encode())]
    return iter(states[: max(1, len(states) // 2)])


class StateFirst(TrappedRunner):
    """Mutation: the state is stored before the outputs are sent."""

    async def _make_durable(self, batch: Any, work: Any) -> None:
        self._begin(work)
        await self._store(batch.topic, batch.end - 1, work.touched)
        await self._send(work.outputs)


class MarkAhead(TrappedRunner):
    """Mutation: the mark, which says where to read on, moves before the states are written."""

    async def _make_durable(self, batch: Any, work: Any) -> None:
        self._begin(work)
        await self._send(work.outputs)
        await self._store(batch.topic, batch.end - 1, [])
        await self._store(batch.topic, batch.end - 1, work.touched)


class NoFence(TrappedRunner):
    """Mutation: what a state holds already is applied again, for neither the fence nor the numbers of the facts are looked at.

    Taking away the fence alone would not show here: the steps of the product know a repeat by its number as well.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.state.fenced = lambda *_: False  # type: ignore[method-assign]
        Sequences.is_news = _always_news  # type: ignore[method-assign]


def _always_news(self: Sequences, event: SourceEvent) -> bool:
    del self, event
    return True


MUTATIONS = {"": TrappedRunner, "state-first": StateFirst, "mark-ahead": MarkAhead, "no-fence": NoFence}


if __name__ == "__main__":
    StreamsApp.runner = MUTATIONS[os.environ.get("MUTATION", "")]
    sys.exit(main([]))
