"""What an asset did, as far as the facts tell it: the execution states that designed suppression looks at.

The watermark is the newest event time of the asset's facts and heartbeats minus the allowed disorder; at an end it is the end of
the window that the end lies in, for that one closes. Up to it the history is settled: a change of state that comes later for a
time before it holds from the watermark on, so that what a window is judged by does not depend on when the window was read.
"""

from bisect import insort
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from schemas.envelope import MAX_SEQUENCE
from schemas.events.heartbeat import Heartbeat
from schemas.events.machine_event import Execution, ExecutionChanged, MachineEvent
from schemas.instant import to_micros
from streams.domain.aggregate import DISORDER_US, WINDOW_US
from streams.domain.alert_rule import NEVER

MOST_CHANGES = 2_000
Change = tuple[int, int, int, str, str | None]  # holds from, event time, sequence, source, state; None: nobody knows


@dataclass(slots=True)
class ExecutionHistory:
    """Changes of state in the order in which they hold."""

    known_until: int = NEVER
    watermark: int = NEVER
    changes: list[Change] = field(default_factory=list)

    def take(self, event: MachineEvent | Heartbeat, depth: int) -> bool:
        """Note a fact and keep at most ``depth`` changes; False for a change of state that came too late to hold at all."""
        time = to_micros(event.event_time)
        ending = isinstance(event, Heartbeat) and event.phase == "ending"
        state = event.fact.state.value if isinstance(event, MachineEvent) and isinstance(event.fact, ExecutionChanged) else None
        holds = True
        if ending or state is not None:
            sequence = MAX_SEQUENCE if ending else event.sequence  # an end comes after the facts of its instant
            holds = self._note(time, sequence, event.source, state)
        if time > self.known_until:
            self.known_until = time
            self.watermark = max(self.watermark, time - DISORDER_US)
        if ending and time == self.known_until:
            self.watermark = max(self.watermark, (time // WINDOW_US + 1) * WINDOW_US)
        del self.changes[: max(0, len(self.changes) - depth)]
        return holds

    def is_settled(self, time: int) -> bool:
        """Whether what the asset did before ``time`` is known."""
        return time <= self.watermark

    def was_outside(self, start: int, end: int, states: Collection[Execution]) -> bool:
        """Whether the asset was at any moment of [start, end) in a known state that is none of ``states``."""
        before = [c for c in self.changes if c[0] <= start][-1:]
        during = [c for c in self.changes if start < c[0] < end]
        return any(state is not None and state not in states for *_, state in (*before, *during))

    def forget_before(self, time: int) -> None:
        """No window that begins earlier will be judged: keep what was in force at ``time`` and later."""
        last = max((i for i, c in enumerate(self.changes) if c[0] <= time), default=0)
        del self.changes[:last]

    def _note(self, time: int, sequence: int, source: str, state: str | None) -> bool:
        if time < self.watermark:
            in_force = [c for c in self.changes if c[0] <= self.watermark][-1:]
            if any((time, sequence, source) < c[1:4] for c in in_force):
                return False
        insort(self.changes, (max(time, self.watermark), time, sequence, source, state), key=lambda c: c[:4])
        return True

    def row(self) -> list[Any]:
        """What ``restore`` takes."""
        return [self.known_until, self.watermark, self.changes]

    def restore(self, row: list[Any]) -> None:
        """JSON has lists where the state has tuples."""
        self.known_until, self.watermark, changes = row
        self.changes = [(since, time, sequence, source, state) for since, time, sequence, source, state in changes]
