"""Floods of alarms of one asset: what ISA-18.2 and EEMUA 191 count, and what is held back while one lasts.

A flood begins with the alarm that makes it more than 10 in 10 minutes, and ends when there are fewer than 5 in 10 minutes
(ANSI/ISA-18.2-2016, performance metrics). While it lasts, alarms of low and medium priority are held back; those that are
still open at its end are shown then. A flood is an alert itself, which says how many.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from schemas.events.alert import Alert
from schemas.instant import SECOND_US
from streams.domain.alert_rule import NEVER, Cause, Rule

MOST = 10  # alarms within SPAN_US that are no flood
FEW = 5  # fewer end it
SPAN_US = 600 * SECOND_US
HELD_BACK = ("low", "medium")


@dataclass(slots=True)
class Flood:
    """``times`` are the newest alarms, as many as are needed to tell a flood. ``clock`` is the highest time seen."""

    rule: Rule
    clock: int = NEVER
    times: list[int] = field(default_factory=list)
    held: int = 0

    def advance(self, time: int, rules: Iterable[Rule], event: str) -> Iterator[Alert]:
        """Event time goes on to ``time``: end the flood if it is over, and show what of ``rules`` it held back."""
        self.clock = max(self.clock, time)
        self.rule.expire(self.clock)
        if self.rule.active and self._count() < FEW:
            self.rule.clear()
            yield self._tell(event, f"the flood of {self._what} is over: {self.held} were held back")
            for rule in rules:
                rule.held = False
                if rule.changed:
                    yield rule.tell(Cause(self.clock, event, f"{rule.name} of {rule.asset} is still open after the flood"))
        elif self.rule.changed:
            yield self._tell(event, f"the flood of {self._what} goes on, and its shelf has ended")

    def count(self, rule: Rule, time: int, event: str) -> Iterator[Alert]:
        """``rule`` is about to be shown to people: count it, and hold it back if it is one too many."""
        self.clock = max(self.clock, time)
        self.times = sorted([*self.times, time])[-(MOST + 1) :]
        if not self.rule.active and self._count() > MOST:
            self.rule.raise_at(self.clock, "high")
            self.held = 0
        if self.rule.active and rule.priority in HELD_BACK:
            rule.held = True
            self.held += 1
        if self.rule.changed or (rule.held and self.held & (self.held - 1) == 0):  # told anew each time the number doubles
            yield self._tell(event, f"more than {MOST} {self._what} within {SPAN_US // 60 // SECOND_US} min: {self.held} held back")

    @property
    def _what(self) -> str:
        kind = self.rule.name.removeprefix("flood:")
        return f"alerts of {kind}s on {self.rule.asset}"

    def _count(self) -> int:
        return sum(t > self.clock - SPAN_US for t in self.times)

    def _tell(self, event: str, text: str) -> Alert:
        return self.rule.tell(Cause(self.clock, event, text, value=float(self.held), limit=float(MOST), unit="1"))

    def row(self) -> list[Any]:
        """What ``restore`` takes."""
        return [self.clock, self.times, self.held, self.rule.row()]

    def restore(self, row: list[Any]) -> None:
        """Take over what ``row`` gave."""
        self.clock, self.times, self.held, rule = row
        self.rule.restore(rule)
