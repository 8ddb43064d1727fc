"""A worker with two small steps whose results are easy to compute by hand; run as a process of its own by the transport tests.

``counts`` sums the units of every ten events of an asset and then forgets the asset; ``sums`` reads two topics and keeps a
running sum per asset and topic. Environment: RUN (names topics, steps and assets), CRASH=point:n kills the process with
SIGKILL at the n-th batch, MUTATION breaks the runner on purpose.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from schemas.envelope import Event
from schemas.events.asset import Asset
from schemas.events.health_index import HealthIndex
from schemas.events.late_event import LateEvent
from schemas.events.machine_event import MachineEvent, UnitProduced
from schemas.identity import derived_id
from schemas.registry import ASSET, HEALTH, LATE
from schemas.topic import Topic
from streams.__main__ import prepare
from streams.app import StreamsApp, chosen, work
from streams.domain.fold import Folded, Origin, Outcome, References
from streams.settings import StreamSettings
from streams.step import Step, StepRunner
from streams.transport.changelog import MARK_PREFIX, Entry
from streams.transport.preflight import StartupError

GROUP_OF = 10


def source(run: str, name: str, compacted: bool = False) -> Topic:
    """A source topic of this run, with events of machines."""
    return Topic(
        f"test.{run}.{name}.v1", "events of a test", (MachineEvent,), "asset", None if compacted else 1, (), (), compacted=compacted
    )


class Counts:
    """State: [events, units]. Every ten events of an asset give one HealthIndex with the units in its model name."""

    def route(self, event: Event) -> Sequence[str]:
        assert isinstance(event, MachineEvent)
        return () if event.asset.endswith("ignored") else (event.asset,)

    def load(self, key: str, data: bytes | None) -> list[int]:
        del key
        found: list[int] = json.loads(data) if data else [0, 0]
        return found

    def dump(self, state: list[int]) -> bytes | None:
        return json.dumps(state).encode() if state[0] else None

    def fold(self, state: list[int], event: Event, origin: Origin, references: References) -> Folded:
        del origin, references
        assert isinstance(event, MachineEvent) and isinstance(event.fact, UnitProduced)
        if event.fact.produced == 13_013:
            raise ZeroDivisionError("a bug in the fold")
        state[0] += 1
        state[1] += event.fact.produced
        if state[0] < GROUP_OF:
            return Folded(Outcome.APPLIED)
        units, state[0], state[1] = state[1], 0, 0
        result = HealthIndex(
            event_time=event.event_time,
            id=derived_id("counts", event.asset, event.sequence),
            asset=event.asset,
            phase="learning",
            score=1.0,
            model=str(units),
        )
        return Folded(Outcome.APPLIED, (result,))


class Sums:
    """State: per topic [highest sequence, units]. A new event gives a LateEvent with the sum, an old one is a duplicate."""

    def __init__(self, name: str) -> None:
        self.name = name

    def route(self, event: Event) -> Sequence[str]:
        assert isinstance(event, MachineEvent)
        return (event.asset,)

    def load(self, key: str, data: bytes | None) -> dict[str, list[int]]:
        del key
        found: dict[str, list[int]] = json.loads(data) if data else {}
        return found

    def dump(self, state: dict[str, list[int]]) -> bytes | None:
        return json.dumps(state).encode()

    def fold(self, state: dict[str, list[int]], event: Event, origin: Origin, references: References) -> Folded:
        del references
        assert isinstance(event, MachineEvent) and isinstance(event.fact, UnitProduced)
        seen = state.setdefault(origin.topic, [0, 0])
        if event.sequence <= seen[0]:
            return Folded(Outcome.DUPLICATE)
        seen[0] = event.sequence
        seen[1] += event.fact.produced
        result = LateEvent(
            event_time=event.event_time,
            id=derived_id("sums", self.name, event.asset, origin.topic, event.sequence),
            asset=event.asset,
            step=self.name[:32],
            event=event.event_id,
            topic=origin.topic,
            partition=origin.partition,
            offset=origin.offset,
            lateness_us=seen[1],
        )
        return Folded(Outcome.APPLIED, (result,))


def pipeline(run: str) -> list[Step]:
    """Two steps on one topic, the second of which reads another (compacted) one as well and looks assets up."""
    first, second = source(run, "a"), source(run, "b", compacted=True)
    return [
        Step(f"counts-{run}", (first,), (HEALTH,), (), Counts()),
        Step(f"sums-{run}", (first, second), (LATE,), (ASSET,), Sums(f"sums-{run}")),
    ]


class CrashingRunner(StepRunner):
    """Dies at a point of the n-th batch of the first step."""

    point, _, number = os.environ.get("CRASH", "").partition(":")
    begun = 0
    doomed = False

    def _die_at(self, point: str) -> None:
        if self.doomed and point == self.point:
            os.kill(os.getpid(), signal.SIGKILL)

    def _begin(self) -> None:
        if self.point and self.step.name.startswith("counts"):
            CrashingRunner.begun += 1
            self.doomed = CrashingRunner.begun == int(self.number)

    async def _make_durable(self, batch: Any, work: Any) -> None:
        self._begin()
        self._die_at("folded")
        await super()._make_durable(batch, work)
        self._die_at("unfinished")

    async def _send(self, outputs: Sequence[Any]) -> None:
        await super()._send(outputs)
        self._die_at("sent")

    async def _store(self, topic: str, last: int, touched: Iterable[str]) -> None:
        if self.doomed and self.point == "cut":  # some states are in the log, the mark is not
            plain = self.state.entries
            self.state.entries = lambda *a: _cut(plain(*a))  # type: ignore[method-assign]
            await super()._store(topic, last, touched)
            os.kill(os.getpid(), signal.SIGKILL)
        await super()._store(topic, last, touched)
        self._die_at("stored")


def _cut(entries: Iterator[Entry]) -> Iterator[Entry]:
    states = [e for e in entries if e.value is not None and not e.key.startswith(MARK_PREFIX.encode())]
    return iter(states[: max(1, len(states) // 2)])


class NoFence(CrashingRunner):
    """Mutation: what a key holds already is applied again."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.state.fenced = lambda *_: False  # type: ignore[method-assign]


class StateFirst(CrashingRunner):
    """Mutation: the state is stored before the outputs are sent."""

    async def _make_durable(self, batch: Any, work: Any) -> None:
        self._begin()
        await self._store(batch.topic, batch.end - 1, work.touched)
        await self._send(work.outputs)


class MarkOnly(CrashingRunner):
    """Mutation: the mark moves though the states are not written."""

    async def _store(self, topic: str, last: int, touched: Iterable[str]) -> None:
        del touched
        await super()._store(topic, last, [])


MUTATIONS = {"": CrashingRunner, "no-fence": NoFence, "state-first": StateFirst, "mark-only": MarkOnly}


def described(asset: str) -> Asset:
    """A description, so that the asset is known."""
    return Asset.model_validate_json(
        json.dumps(
            {"event_time": "2026-01-01T00:00:00Z", "version": 1, "asset": asset, "name": "n", "site": "s", "area": "a", "line": "l"}
        )
    )


def main() -> int:
    """Run it like ``python -m streams``."""
    StreamsApp.runner = MUTATIONS[os.environ.get("MUTATION", "")]
    settings = StreamSettings()
    prepare(settings)
    steps = pipeline(os.environ["RUN"])
    try:
        asyncio.run(work(settings, chosen(settings, steps), steps))
    except StartupError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
