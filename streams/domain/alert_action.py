"""What people do about alarms: each action leads to a step of an occurrence or is refused with a reason.

An action can be read before the alarm that it is about, for they lie on different topics. It waits then, until the alarm has been
raised or event time has passed the instant at which it should have been.
"""

from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from typing import Any, NamedTuple, Protocol

from schemas.envelope import Event
from schemas.events.alert import Alert
from schemas.events.alert_action import Action, AlertAction
from schemas.events.alert_refusal import AlertRefusal, Reason
from schemas.identity import derived_id
from schemas.instant import HOUR_US, from_micros, rfc3339, to_micros
from streams.domain.alert_rule import NEVER, Cause, Rule
from streams.domain.fold import Outcome

LONGEST_SHELF_US = 7 * 24 * HOUR_US
MOST_REMEMBERED = 100  # actions of which a repeat is known
MOST_WAITING = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """An action, times in microseconds."""

    event: str
    asset: str
    action: Action
    rule: str
    raised_at: int
    until: int
    role: str
    time: int


class Found(NamedTuple):
    """The rule that an action names, how far event time is for it, and whether that is past the action's ``raised_at``."""

    rule: Rule | None
    clock: int
    past: bool


class Board(Protocol):
    """Where alarms are found."""

    def find(self, asked: Asked) -> Found:
        """What is known of the rule that the action names."""
        ...


@dataclass(slots=True)
class Desk:
    """``seen``: ids of the newest actions, in order of coming; ``waiting``: those whose alarm has not been raised yet."""

    seen: list[str] = field(default_factory=list)
    waiting: list[Asked] = field(default_factory=list)

    def take(self, event: AlertAction, board: Board) -> tuple[Outcome, list[Event]]:
        """Judge an action that comes in."""
        if event.event_id in self.seen:
            return Outcome.DUPLICATE, []
        self.seen = [*self.seen, event.event_id][-MOST_REMEMBERED:]
        asked = _asked(event)
        answer = _judge(asked, board.find(asked))
        if answer is None:
            if len(self.waiting) < MOST_WAITING:
                self.waiting.append(asked)
                return Outcome.APPLIED, []
            answer = _refusal(asked, Reason.TOO_MANY, f"{MOST_WAITING} actions wait for alarms of this asset")
        return Outcome.APPLIED, [answer]

    def retry(self, board: Board) -> Iterator[Event]:
        """Judge what waits again, after something else was folded."""
        if not self.waiting:
            return
        waiting, self.waiting = self.waiting, []
        for asked in waiting:
            answer = _judge(asked, board.find(asked))
            if answer is None:
                self.waiting.append(asked)
            else:
                yield answer

    def row(self) -> list[Any]:
        """What ``restore`` takes."""
        return [self.seen, [astuple(w) for w in self.waiting]]

    def restore(self, row: list[Any]) -> None:
        """Take over what ``row`` gave."""
        self.seen, waiting = row
        self.waiting = [Asked(*w) for w in waiting]


def _asked(event: AlertAction) -> Asked:
    until = NEVER if event.until is None else to_micros(event.until)
    times = to_micros(event.raised_at), until, event.role, to_micros(event.event_time)
    return Asked(event.event_id, event.asset, event.action, event.rule, *times)


def _judge(asked: Asked, found: Found) -> Alert | AlertRefusal | None:
    """The answer; None: the alarm may still come."""
    rule = found.rule
    if rule is None or rule.raised_at < asked.raised_at:
        return _refusal(asked, Reason.UNKNOWN, f"{_named(asked)} is not known") if found.past else None
    if asked.action == "acknowledge":
        return _acknowledge(asked, rule)
    return _shelve(asked, rule, found.clock) if asked.action == "shelve" else _unshelve(asked, rule)


def _acknowledge(asked: Asked, rule: Rule) -> Alert | AlertRefusal:
    if rule.raised_at > asked.raised_at:
        newer = rfc3339(from_micros(rule.raised_at))
        return _refusal(asked, Reason.REPLACED, f"{_named(asked)} is past: the rule was raised anew at {newer}")
    if rule.acknowledged:
        return _refusal(asked, Reason.ACKNOWLEDGED, f"{_named(asked)} is acknowledged already")
    rule.acknowledged = True
    return _step(asked, rule, "acknowledged")


def _shelve(asked: Asked, rule: Rule, clock: int) -> Alert | AlertRefusal:
    until = rfc3339(from_micros(asked.until))
    if asked.until <= max(asked.time, clock):
        return _refusal(asked, Reason.PAST, f"{asked.rule} of {asked.asset} can't be shelved until {until}: that is past")
    if asked.until - asked.time > LONGEST_SHELF_US:
        days = LONGEST_SHELF_US // (24 * HOUR_US)
        return _refusal(asked, Reason.TOO_LONG, f"{asked.rule} of {asked.asset} can be shelved for at most {days} days")
    if asked.until == rule.shelved_until:
        return _refusal(asked, Reason.SHELVED, f"{asked.rule} of {asked.asset} is shelved until {until} already")
    rule.shelved_until = asked.until
    return _step(asked, rule, "shelved")


def _unshelve(asked: Asked, rule: Rule) -> Alert | AlertRefusal:
    if rule.shelved_until == NEVER:
        return _refusal(asked, Reason.NOT_SHELVED, f"{asked.rule} of {asked.asset} is not shelved")
    rule.shelved_until = NEVER
    return _step(asked, rule, "taken off the shelf")


def _step(asked: Asked, rule: Rule, what: str) -> Alert:
    return rule.tell(Cause(asked.time, asked.event, f"{rule.name} of {rule.asset} was {what} by the role {asked.role}"))


def _named(asked: Asked) -> str:
    return f"{asked.rule} of {asked.asset}, raised at {rfc3339(from_micros(asked.raised_at))},"


def _refusal(asked: Asked, reason: Reason, text: str) -> AlertRefusal:
    return AlertRefusal(
        event_time=from_micros(asked.time),
        id=derived_id(AlertRefusal.TYPE, asked.event, reason.value, text),
        asset=asked.asset,
        cause=asked.event,
        action=asked.action,
        rule=asked.rule,
        raised_at=from_micros(asked.raised_at),
        reason=reason,
        text=text,
    )
