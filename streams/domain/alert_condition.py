"""Alarms on conditions of the machine (MTConnect CONDITION): raised at warning or fault, cleared at normal."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from schemas.events.alert import Alert
from schemas.events.machine_event import ConditionChanged, MachineEvent
from schemas.instant import to_micros
from streams.domain.alert_flood import Flood
from streams.domain.alert_rule import MAX_TEXT, NEVER, Cause, Rule

KIND = "condition"
PRIORITY: dict[str, Literal["medium", "high"]] = {"warning": "medium", "fault": "high"}


@dataclass(slots=True)
class JudgedCondition:
    """A condition: (event time, sequence, source) of the last judged fact, and its rule."""

    rule: Rule
    last: tuple[int, int, str] = (NEVER, 0, "")


@dataclass(slots=True)
class Conditions:
    """All conditions of an asset."""

    asset: str
    items: dict[str, JudgedCondition] = field(default_factory=dict)
    flood: Flood = field(init=False)

    def __post_init__(self) -> None:
        self.flood = Flood(Rule(self.asset, f"flood:{KIND}"))

    def advance(self, time: int, event: str) -> Iterator[Alert]:
        """Event time goes on to ``time``: floods and shelves may be over."""
        yield from self.flood.advance(time, self.rules(), event)
        for rule in self.rules():
            rule.expire(time)
            if rule.changed:
                yield rule.tell(Cause(time, event, f"{rule.name} of {rule.asset} is still open, and its shelf has ended"))

    def judge(self, event: MachineEvent, fact: ConditionChanged) -> list[Alert] | None:
        """The steps that a fact leads to; None for one that is older than what was judged."""
        item = self._item(fact.item)
        at = (to_micros(event.event_time), event.sequence, event.source)
        if at < item.last:
            return None
        item.last = at
        return list(self._steps(item.rule, event, fact))

    def rules(self) -> Iterator[Rule]:
        """The rule of every condition."""
        return (item.rule for item in self.items.values())

    def rule(self, name: str) -> Rule | None:
        """The rule of that name, if its condition has been heard."""
        if name == self.flood.rule.name:
            return self.flood.rule
        found = self.items.get(name.partition(":")[2])
        return None if found is None else found.rule

    def _steps(self, rule: Rule, event: MachineEvent, fact: ConditionChanged) -> Iterator[Alert]:
        """``unavailable`` is neither: nobody knows, so an open alarm stays open."""
        time, priority = to_micros(event.event_time), PRIORITY.get(fact.level)
        if fact.level == "normal" and rule.active:
            rule.clear()
        elif priority is not None and not rule.active:
            rule.raise_at(time, priority)
            yield from self.flood.count(rule, time, event.event_id)
        elif priority == "high" and rule.priority != "high":  # a warning grew to a fault: more urgent, the same occurrence
            rule.priority, rule.held = "high", False
        if rule.changed:
            said = " ".join(w for w in (fact.native_code, fact.message) if w)
            text = f"{fact.item} of {event.asset} is at {fact.level}{f': {said}' if said else ''}"[: MAX_TEXT - 100]
            yield rule.tell(Cause(time, event.event_id, text))

    def _item(self, name: str) -> JudgedCondition:
        found = self.items.get(name)
        if found is None:
            found = self.items[name] = JudgedCondition(Rule(self.asset, f"{KIND}:{name}"))
        return found

    def row(self) -> list[Any]:
        """What ``restore`` takes."""
        return [{name: [item.last, item.rule.row()] for name, item in self.items.items()}, self.flood.row()]

    def restore(self, row: list[Any]) -> None:
        """Take over what ``row`` gave."""
        items, flood = row
        for name, (last, rule) in items.items():
            item = self._item(name)
            item.last = tuple(last)
            item.rule.restore(rule)
        self.flood.restore(flood)
