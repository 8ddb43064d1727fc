"""Alarms on silence: an asset of which nothing is heard for longer than its description allows.

There is no clock to look at, only the log. What tells that time goes on is the asset's own source, by what it says of other
assets in the same partition: one state per partition holds how far each source is and when each asset is due. Where nobody else
tells, the asset's next sign of life does: the silence is then raised and cleared in one go, with the same name.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from schemas.envelope import Event
from schemas.events.alert_action import AlertAction
from schemas.events.asset import Asset
from schemas.events.heartbeat import Heartbeat
from schemas.events.machine_event import MachineEvent
from schemas.instant import SECOND_US, to_micros
from streams.domain.alert_action import Asked, Desk, Found
from streams.domain.alert_rule import NEVER, Cause, Rule
from streams.domain.fold import Folded, Outcome

RULE = "silence"
KEY = f"{RULE}/"  # no asset has this name


@dataclass(slots=True)
class Heard:
    """An asset: its newest sign of life and who gave it, and when its silence is too long (NEVER: it is not watched).

    ``comparable`` is False for an asset whose data lag behind its source: what the source says of others tells nothing about it.
    """

    rule: Rule
    source: str = ""
    last: int = NEVER
    due: int = NEVER
    comparable: bool = True


@dataclass(slots=True)
class Silences:
    """The watched assets of a partition, and the newest event time of each source."""

    assets: dict[str, Heard] = field(default_factory=dict)
    clocks: dict[str, int] = field(default_factory=dict)
    desk: Desk = field(default_factory=Desk)

    def fold(self, event: Event, described: Asset | None) -> Folded:
        """Take a sign of life of an asset, or what a person does about a silence."""
        if isinstance(event, AlertAction):
            return Folded(*self.desk.take(event, self))
        assert isinstance(event, MachineEvent | Heartbeat)
        time = to_micros(event.event_time)
        out: list[Event] = [*self._hear(event, time, described), *self._pass(event, time)]
        out += self.desk.retry(self)
        # whether the record is a repeat is for the asset's own state to say
        return Folded(Outcome.APPLIED if out else Outcome.DUPLICATE, out)

    def find(self, asked: Asked) -> Found:
        """See Board."""
        heard = self.assets.get(asked.asset)
        if heard is None:
            return Found(None, NEVER, past=True)
        clock = max(heard.last, self.clocks.get(heard.source, NEVER))
        return Found(heard.rule, clock, past=clock > asked.raised_at)

    def _hear(self, event: MachineEvent | Heartbeat, time: int, described: Asset | None) -> Iterator[Event]:
        after = None if described is None else described.silence_after_us
        heard = self.assets.get(event.asset)
        if heard is None:
            if after is None:
                return
            heard = self.assets[event.asset] = Heard(Rule(event.asset, RULE))
        ending = isinstance(event, Heartbeat) and event.phase == "ending"
        if time <= heard.last:
            if ending and time == heard.last:  # a source ends an asset at the time of its last fact
                heard.due = NEVER
            return
        if heard.due != NEVER and time > heard.due:
            yield from _raise(heard, event)
        if heard.rule.active:
            heard.rule.clear()
            yield heard.rule.tell(Cause(time, event.event_id, f"{event.asset} is heard again"))
        heard.source, heard.last = event.source, time
        heard.due = NEVER if after is None or ending else time + after
        heard.comparable = self.clocks.get(event.source, NEVER) <= heard.due

    def _pass(self, event: MachineEvent | Heartbeat, time: int) -> Iterator[Event]:
        """The source has come to ``time``: raise what is due, and end the shelves that are over."""
        if time <= self.clocks.get(event.source, NEVER):
            return
        mine = [h for h in self.assets.values() if h.source == event.source]
        if mine:
            self.clocks[event.source] = time
        for heard in mine:
            if heard.comparable and NEVER < heard.due < time:
                yield from _raise(heard, event)
            if heard.rule.shelved_until == NEVER:
                continue
            heard.rule.expire(time)
            if heard.rule.changed:
                yield heard.rule.tell(Cause(time, event.event_id, f"{heard.rule.asset} is still silent, and the shelf has ended"))

    def row(self) -> list[Any]:
        """What ``restore`` takes."""
        assets = {name: [h.source, h.last, h.due, h.comparable, h.rule.row()] for name, h in self.assets.items()}
        return [assets, self.clocks, self.desk.row()]

    def restore(self, row: list[Any]) -> None:
        """Take over what ``row`` gave."""
        assets, self.clocks, desk = row
        self.assets = {name: Heard(Rule(name, RULE).restore(rule), *rest) for name, (*rest, rule) in assets.items()}
        self.desk.restore(desk)


def _raise(heard: Heard, event: MachineEvent | Heartbeat) -> Iterator[Event]:
    """Once per silence: the next sign of life arms it again."""
    due, heard.due = heard.due, NEVER
    heard.rule.raise_at(due, "high")
    text = f"nothing has been heard of {heard.rule.asset} for {(due - heard.last) / SECOND_US:g} s"
    yield heard.rule.tell(Cause(due, event.event_id, text))
