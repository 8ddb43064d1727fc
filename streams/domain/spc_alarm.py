"""Alarms of control charts: one occurrence per rule and channel, from the point that completes a pattern to its end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from schemas.events.alert import Alert
from schemas.events.asset import Channel
from schemas.identity import derived_id
from schemas.instant import from_micros, rfc3339
from streams.domain.spc_chart import Judgement
from streams.domain.spc_rules import Side

LONGEST_TEXT = 500
SIDE_WORDS: dict[Side, str] = {"high": ", high", "low": ", low", "both": ""}


class Place(NamedTuple):
    """What a chart belongs to: ids must not depend on more."""

    asset: str
    channel: str
    version: int


@dataclass(slots=True)
class Alarm:
    """The newest occurrence of a rule."""

    raised_at: int
    revision: int
    open: bool
    side: Side
    priority: str


@dataclass(slots=True)
class Alarms:
    """By rule."""

    by_rule: dict[str, Alarm] = field(default_factory=dict)

    @property
    def open_sides(self) -> dict[str, Side]:
        """The rules with an open alarm, and its side."""
        return {rule: a.side for rule, a in self.by_rule.items() if a.open}

    def take(self, said: Judgement, place: Place, declared: Channel, cause: str) -> Iterator[Alert]:
        """What follows from a judgement. An open alarm whose rule fires again goes on, on the newest side."""
        time = said.points[-1][0]
        before = self.by_rule.get(said.rule)
        is_open = before is not None and before.open
        if said.fires is not None and before is not None and is_open:
            before.side = said.fires
        elif said.fires is not None:
            # raised again at the instant it was raised: it goes on, for that instant is its name
            revision = before.revision + 1 if before is not None and before.raised_at == time else 1
            alarm = self.by_rule[said.rule] = Alarm(time, revision, True, said.fires, declared.priority)
            yield _alert(alarm, "raised", place, said.rule, time, declared.unit, _raised_text(said, place), cause, said)
        elif before is not None and is_open and said.ended:
            before.open = False
            before.revision += 1
            text = f"{place.channel} of {place.asset} no longer breaks the rule {said.rule}, {said.text}: {said.value:g}"
            yield _alert(before, "cleared", place, said.rule, time, declared.unit, text, cause, said)

    def withdraw(self, place: Place, time: int, unit: str, why: str, cause: str) -> Iterator[Alert]:
        """Clear what is open, because its chart is given up at ``time``."""
        for rule, alarm in self.by_rule.items():
            if alarm.open:
                alarm.open = False
                alarm.revision += 1
                text = f"the rule {rule} no longer judges {place.channel} of {place.asset}: {why}"
                yield _alert(alarm, "cleared", place, rule, max(time, alarm.raised_at), unit, text, cause, None)

    def rows(self) -> dict[str, list[Any]]:
        """For the state's bytes."""
        return {rule: [a.raised_at, a.revision, a.open, a.side, a.priority] for rule, a in self.by_rule.items()}


def _raised_text(said: Judgement, place: Place) -> str:
    """One sentence with the rule and its points, the newest first; the oldest are left out where it gets too long."""
    date = rfc3339(from_micros(said.points[-1][0]))[:10]
    text = f"{place.channel} of {place.asset} breaks the rule {said.rule}, {said.text}{SIDE_WORDS[said.fires or 'both']}; on {date}"
    for i, (time, value) in enumerate(reversed(said.points)):
        left = len(said.points) - i
        part = f"{':' if i == 0 else ','} {value:g} at {rfc3339(from_micros(time))[11:26].rstrip('0').rstrip('.')}"
        if len(text) + len(part) > LONGEST_TEXT - 20 and i:
            return f"{text} and {left} before"
        text += part
    return text


def _alert(
    alarm: Alarm,
    step: Literal["raised", "cleared"],
    place: Place,
    rule: str,
    time: int,
    unit: str,
    text: str,
    cause: str,
    said: Judgement | None,
) -> Alert:
    name = f"spc:{place.channel}:{rule}"
    scope: Sequence[str | int] = (place.asset, name, place.version, alarm.raised_at)
    return Alert.model_validate(
        {
            "event_time": from_micros(time),
            "id": derived_id(Alert.TYPE, *scope, alarm.revision),
            "alert": derived_id("alert", *scope),
            "asset": place.asset,
            "rule": name,
            "channel": place.channel,
            "state": step,
            "priority": alarm.priority,
            "revision": alarm.revision,
            "raised_at": from_micros(alarm.raised_at),
            "value": said.value if said else None,
            "limit": said.limit if said else None,
            "unit": unit,
            "text": text[:LONGEST_TEXT],
            "cause": cause,
        }
    )
