"""What the step alert knows of one asset: its limits, its conditions, what it did, and what people asked for."""

from dataclasses import dataclass, field
from typing import Any

from schemas.envelope import Event
from schemas.events.alert_action import AlertAction
from schemas.events.asset import Asset
from schemas.events.heartbeat import Heartbeat
from schemas.events.machine_event import ConditionChanged, MachineEvent
from schemas.events.window_aggregate import WindowAggregate
from schemas.instant import to_micros
from streams.domain import alert_condition, alert_limit
from streams.domain.alert_action import Asked, Desk, Found
from streams.domain.alert_condition import Conditions
from streams.domain.alert_execution import MOST_CHANGES, ExecutionHistory
from streams.domain.alert_limit import Limits
from streams.domain.alert_rule import NEVER
from streams.domain.fold import Folded, Outcome
from streams.domain.sequences import Sequences


@dataclass(slots=True)
class AssetAlerts:
    """Everything judged about one asset but its silence, which its own records can't tell."""

    asset: str
    sequences: Sequences = field(default_factory=Sequences)  # of the facts of the machine
    did: ExecutionHistory = field(default_factory=ExecutionHistory)
    limits: Limits = field(init=False)
    conditions: Conditions = field(init=False)
    desk: Desk = field(default_factory=Desk)

    def __post_init__(self) -> None:
        self.limits, self.conditions = Limits(self.asset), Conditions(self.asset)

    def fold(self, event: Event, described: Asset | None) -> Folded:
        """Judge one window, one fact or one action."""
        if isinstance(event, AlertAction):
            return Folded(*self.desk.take(event, self))
        if isinstance(event, WindowAggregate):
            outcome, out = self._window(event, described)
        else:
            assert isinstance(event, MachineEvent | Heartbeat)
            outcome, out = self._fact(event, described)
        return Folded(outcome, [*out, *self.desk.retry(self)])

    def find(self, asked: Asked) -> Found:
        """See Board. A rule of another kind is none of this step, so its time is always past."""
        kind = asked.rule.removeprefix("flood:").partition(":")[0]
        if kind == alert_limit.KIND:
            until = self.limits.judged_until
            return Found(self.limits.rule(asked.rule), until, until > asked.raised_at)
        if kind == alert_condition.KIND:
            rule = self.conditions.rule(asked.rule)
            return Found(rule, self.did.known_until, self.did.watermark > asked.raised_at)
        return Found(None, NEVER, past=True)

    def _window(self, window: WindowAggregate, described: Asset | None) -> tuple[Outcome, list[Event]]:
        place = self.limits.take(window)
        if place <= 0:
            return (Outcome.LATE if place else Outcome.DUPLICATE), []
        return Outcome.APPLIED, list(self.limits.judge(described, self.did))

    def _fact(self, event: MachineEvent | Heartbeat, described: Asset | None) -> tuple[Outcome, list[Event]]:
        if not self.sequences.is_news(event):
            return Outcome.DUPLICATE, []
        time, out = to_micros(event.event_time), list[Event]()
        if time > self.did.known_until:
            out += self.conditions.advance(time, event.event_id)
        in_time = self.did.take(event, MOST_CHANGES if alert_limit.is_tied(described) else 1)
        if isinstance(event, MachineEvent) and isinstance(event.fact, ConditionChanged):
            steps = self.conditions.judge(event, event.fact)
            in_time = steps is not None
            out += steps or ()
        out += self.limits.judge(described, self.did)
        return (Outcome.APPLIED if in_time else Outcome.LATE), out

    def row(self) -> list[Any]:
        """What ``restore`` takes."""
        return [self.sequences.last, self.did.row(), self.limits.row(), self.conditions.row(), self.desk.row()]

    def restore(self, row: list[Any]) -> None:
        """Take over what ``row`` gave."""
        self.sequences.last, did, limits, conditions, desk = row
        self.did.restore(did)
        self.limits.restore(limits)
        self.conditions.restore(conditions)
        self.desk.restore(desk)
