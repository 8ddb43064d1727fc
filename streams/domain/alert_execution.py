"""What an asset did, as far as the facts tell it: the execution states that designed suppression looks at.

The watermark is the newest event time of the asset's facts and heartbeats minus the allowed disorder. Up to it the history is
settled: a state change that comes later for a time before it changes nothing, so that what a window is judged by does not
depend on when the window was read.
"""

from bisect import insort
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from schemas.envelope import MAX_SEQUENCE
from schemas.events.heartbeat import Heartbeat
from schemas.events.machine_event import Execution, ExecutionChanged, MachineEvent
from schemas.instant import SECOND_US, to_micros
from streams.domain.alert_rule import NEVER

DISORDER_US = 5 * SECOND_US
MOST_CHANGES = 2_000
Change = tuple[int, int, str, str | None]  # time, sequence, source, state; None: nobody knows


@dataclass(slots=True)
class ExecutionHistory:
    """``ended``: the newest word is that nobody watches the asset any more, so nothing is waited for."""

    known_until: int = NEVER
    watermark: int = NEVER
    ended: bool = False
    changes: list[Change] = field(default_factory=list)

    def take(self, event: MachineEvent | Heartbeat, depth: int) -> bool:
        """Note a fact and keep at most ``depth`` changes; False for a change of state that came too late."""
        time = to_micros(event.event_time)
        ending = isinstance(event, Heartbeat) and event.phase == "ending"
        late = time < self.watermark
        if time > self.known_until:
            self.known_until, self.ended = time, False
            self.watermark = max(self.watermark, time - DISORDER_US)
        state = event.fact.state.value if isinstance(event, MachineEvent) and isinstance(event.fact, ExecutionChanged) else None
        if not late and (ending or state is not None):
            sequence = MAX_SEQUENCE if ending else event.sequence  # an end comes after the facts of its instant
            insort(self.changes, (time, sequence, event.source, state), key=lambda c: c[:3])
        if ending and time == self.known_until:
            self.watermark, self.ended = max(self.watermark, time), True
        del self.changes[: max(0, len(self.changes) - depth)]
        return not late or state is None

    def is_settled(self, time: int) -> bool:
        """Whether what the asset did before ``time`` is known."""
        return self.ended or time <= self.watermark

    def was_outside(self, start: int, end: int, states: Collection[Execution]) -> bool:
        """Whether the asset was at any moment of [start, end) in a known state that is none of ``states``."""
        before = [c for c in self.changes if c[0] <= start][-1:]
        during = [c for c in self.changes if start < c[0] < end]
        return any(state is not None and state not in states for _, _, _, state in (*before, *during))

    def forget_before(self, time: int) -> None:
        """No window that begins earlier will be judged: keep what was in force at ``time`` and later."""
        last = max((i for i, c in enumerate(self.changes) if c[0] <= time), default=0)
        del self.changes[:last]

    def row(self) -> list[Any]:
        """What ``restore`` takes."""
        return [self.known_until, self.watermark, self.ended, self.changes]

    def restore(self, row: list[Any]) -> None:
        """JSON has lists where the state has tuples."""
        self.known_until, self.watermark, self.ended, changes = row
        self.changes = [(time, sequence, source, state) for time, sequence, source, state in changes]
