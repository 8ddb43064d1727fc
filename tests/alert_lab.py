"""Windows, actions and what comes of them, for tests of the step alert."""

from __future__ import annotations

from typing import Any

from inmemory_pipeline import InMemoryPipeline
from machine_facts import at, us

from schemas.envelope import Event
from schemas.events.alert import Alert
from schemas.events.alert_action import AlertAction
from schemas.events.alert_refusal import AlertRefusal
from schemas.events.asset import Asset
from schemas.events.heartbeat import Heartbeat
from schemas.events.window_aggregate import WindowAggregate
from schemas.instant import from_micros
from schemas.registry import MACHINE
from streams.agents import alert

WINDOW_US = 10_000_000


def alert_step(*assets: Asset, partitions: int = 2) -> InMemoryPipeline:
    """The step alert alone, in front of these assets."""
    return InMemoryPipeline(steps=(alert.STEP,), assets=assets, partitions=partitions)


def window(number: int, mean: float, channel: str = "temp", asset: str = "m1") -> WindowAggregate:
    """The aggregate of the 10 s window with that number after 10:00."""
    start = us("10:00") + number * WINDOW_US
    return WindowAggregate.model_validate(
        {
            "event_time": from_micros(start + WINDOW_US),
            "id": f"{asset}-{channel}-{number}",
            "asset": asset,
            "channel": channel,
            "unit": "Cel",
            "window": {"start": from_micros(start), "end": from_micros(start + WINDOW_US)},
            "n": 10,
            "mean": mean,
            "sd": 1.0,
            "min": mean,
            "max": mean,
            "rms": abs(mean),
            "inputs": [],
        }
    )


def means(*values: float, first: int = 0) -> list[WindowAggregate]:
    """Windows of the channel temp, one after the other."""
    return [window(first + i, v) for i, v in enumerate(values)]


def send(line: InMemoryPipeline, *events: Event) -> None:
    """Append events; heartbeats go to the topic of the machine's facts."""
    for event in events:
        line.send(event, topic=MACHINE if isinstance(event, Heartbeat) else None)


def fold(line: InMemoryPipeline, *events: Event) -> list[tuple[str, str, int]]:
    """Send, run, and return (rule, state, revision) of what is new; of a refusal (rule, reason, 0)."""
    known = len(answers(line))
    send(line, *events)
    line.run()
    return [_brief(a) for a in answers(line)[known:]]


def answers(line: InMemoryPipeline) -> list[Alert | AlertRefusal]:
    """Everything on the topic of alerts."""
    return [e for e in line.written["factory.alert.v1"] if isinstance(e, Alert | AlertRefusal)]


def _brief(answer: Alert | AlertRefusal) -> tuple[str, str, int]:
    if isinstance(answer, Alert):
        return answer.rule, answer.state, answer.revision
    return answer.rule, answer.reason.value, 0


class Person:
    """Acts on alerts of one asset; each action is a source of its own, as from the command line."""

    def __init__(self, asset: str = "m1") -> None:
        self.asset, self.acts = asset, 0

    def acknowledge(self, clock: str, rule: str, raised: str) -> AlertAction:
        return self._action(clock, "acknowledge", rule, raised)

    def shelve(self, clock: str, rule: str, raised: str, until: str) -> AlertAction:
        return self._action(clock, "shelve", rule, raised, until=at(until))

    def unshelve(self, clock: str, rule: str, raised: str) -> AlertAction:
        return self._action(clock, "unshelve", rule, raised)

    def _action(self, clock: str, action: Any, rule: str, raised: str, **rest: Any) -> AlertAction:
        self.acts += 1
        return AlertAction(
            event_time=at(clock), source=f"cli-{self.acts}", asset=self.asset, sequence=1, action=action, rule=rule,
            raised_at=at(raised), **rest,
        )  # fmt: skip
