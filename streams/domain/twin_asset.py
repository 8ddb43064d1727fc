"""What is known of an asset: the newest of each kind of fact by event time, sums of units, and the alarms that are open."""

from dataclasses import dataclass, field
from typing import Any

from schemas.envelope import Event
from schemas.events.alert import Alert
from schemas.events.machine_event import (
    ConditionChanged,
    Execution,
    ExecutionChanged,
    MachineEvent,
    ModeChanged,
    OrderAssigned,
    ProgramChanged,
    UnitProduced,
)
from schemas.events.twin_state import AssetState
from schemas.instant import to_micros
from streams.domain.fold import Outcome
from streams.domain.packml import PACKML
from streams.domain.sequences import Sequences

MOST_CONDITIONS = 100
MOST_ALERTS = 500
FACTS, ALERTS = 0, 1  # places in counts
At = tuple[int, int, str]


@dataclass(slots=True)
class Newest:
    """The value with the highest (event time, sequence, source), by name."""

    held: dict[str, tuple[At, Any]] = field(default_factory=dict)

    def offer(self, name: str, at: At, value: Any) -> None:
        """Take ``value`` unless a newer one is held."""
        known = self.held.get(name)
        if known is None or at > known[0]:
            self.held[name] = (at, value)

    def value(self, name: str) -> Any:
        """The newest value; None when none was offered."""
        known = self.held.get(name)
        return None if known is None else known[1]


@dataclass(slots=True)
class AssetTwin:
    """Facts arrive in any order: each field keeps the time of its value."""

    counts: list[int] = field(default_factory=lambda: [0, 0])
    time: int = 0
    sequences: Sequences = field(default_factory=Sequences)
    fields: Newest = field(default_factory=Newest)
    conditions: Newest = field(default_factory=Newest)
    produced: int = 0
    scrap: int = 0
    alerts: dict[str, tuple[int, int, str]] = field(default_factory=dict)  # rule -> raised at, revision, state

    def apply(self, event: Event) -> Outcome:
        """A fact of the machine or a step of an alarm."""
        if isinstance(event, Alert):
            return self._alert(event)
        assert isinstance(event, MachineEvent)
        if not self.sequences.is_news(event):
            return Outcome.DUPLICATE
        self._fact(event)
        self.counts[FACTS] += 1
        return Outcome.APPLIED

    def visible(self) -> Any:
        """Everything that the event shows."""
        f = self.fields.value
        return (
            f("execution"), f("mode"), f("program"), f("order"), self.produced, self.scrap, self._conditions(), self._open_alerts(),
        )  # fmt: skip

    def shown(self) -> dict[str, Any]:
        """The event's ``asset``."""
        f = self.fields.value
        execution = None if f("execution") is None else Execution(f("execution"))
        state = AssetState(
            packml=None if execution is None else PACKML[execution],
            execution=execution,
            mode=f("mode"),
            program=f("program"),
            order=f("order"),
            produced=self.produced,
            scrap=self.scrap,
            conditions=self._conditions(),
            open_alerts=self._open_alerts(),
        )
        return {"asset": state}

    def row(self) -> list[Any]:
        """See ``restore``."""
        return [self.sequences.last, self.fields.held, self.conditions.held, self.produced, self.scrap, self.alerts]

    def restore(self, row: list[Any]) -> None:
        """JSON has lists where the state has tuples."""
        self.sequences.last, fields, conditions, self.produced, self.scrap, alerts = row
        self.fields.held = {name: (_at(at), value) for name, (at, value) in fields.items()}
        self.conditions.held = {name: (_at(at), value) for name, (at, value) in conditions.items()}
        self.alerts = {rule: (raised, revision, step) for rule, (raised, revision, step) in alerts.items()}

    def _fact(self, event: MachineEvent) -> None:
        at, fact = (to_micros(event.event_time), event.sequence, event.source), event.fact
        match fact:
            case ExecutionChanged():
                self.fields.offer("execution", at, fact.state.value)
            case ModeChanged():
                self.fields.offer("mode", at, fact.mode)
            case ProgramChanged():
                self.fields.offer("program", at, fact.program)
            case OrderAssigned():
                self.fields.offer("order", at, fact.order)
            case ConditionChanged():
                self.conditions.offer(fact.item, at, fact.level)
            case UnitProduced():
                self.produced += fact.produced
                self.scrap += fact.scrap

    def _alert(self, event: Alert) -> Outcome:
        at = (to_micros(event.raised_at), event.revision, event.state)
        known = self.alerts.get(event.rule)
        if known is not None and at[:2] <= known[:2]:
            return Outcome.DUPLICATE
        self.alerts[event.rule] = at
        self.counts[ALERTS] += 1
        return Outcome.APPLIED

    def _conditions(self) -> list[str]:
        bad = sorted(item for item, (_, level) in self.conditions.held.items() if level in ("warning", "fault"))
        return bad[:MOST_CONDITIONS]

    def _open_alerts(self) -> list[str]:
        return sorted(rule for rule, (_, _, step) in self.alerts.items() if step in ("raised", "acknowledged"))[:MOST_ALERTS]


def _at(row: list[Any]) -> At:
    time, sequence, source = row
    return time, sequence, source
