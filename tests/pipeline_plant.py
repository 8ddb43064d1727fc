"""A made-up plant: assets on two lines, orders of three customers, and everything that their sources send, in the order of sending.

The same seed gives the same bytes. Facts are delayed at random, so they arrive out of order: most readings within what a window
waits for, a few beyond it, facts of machines up to minutes. One source numbers what an asset sends in the order of sending.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from schemas.codec import Encoded, encode, encode_on
from schemas.envelope import Event
from schemas.events.asset import Asset, Channel
from schemas.events.export_policy import ExportPolicy
from schemas.events.heartbeat import Heartbeat
from schemas.events.machine_event import MachineEvent
from schemas.events.order import Order
from schemas.events.sensor_frame import SensorFrame
from schemas.instant import from_micros, rfc3339
from schemas.registry import EXPORT_POLICY, MACHINE, SENSOR
from schemas.topic import Topic

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAWN = int(datetime(2026, 3, 2, 6, tzinfo=UTC).timestamp()) * SECOND
SOURCE = "gw"
STATES = ("ACTIVE", "READY", "INTERRUPTED", "FEED_HOLD", "STOPPED", "PROGRAM_COMPLETED", "UNAVAILABLE")
WEIGHTS = (12, 3, 2, 1, 1, 1, 1)
TEMPERATURE = Channel(unit="Cel", low=20.0, high=60.0, deadband=2.0, priority="high")
LOAD = Channel(unit="%", high=95.0)


class Draft(NamedTuple):
    """What a source sends at ``sent``, without its number. ``kind`` is the event type, ``time`` the event time in microseconds."""

    sent: int
    asset: str
    topic: Topic
    kind: type[Event]
    time: int
    body: dict[str, Any]


@dataclass
class Plant:
    """``hours`` of facts and ``sensing_s`` seconds of readings of ``assets`` machines on each of two lines.

    ``name`` begins every id, so that several plants can share a broker. Customer ``c`` has no export policy.
    """

    seed: int = 1
    name: str = "p"
    assets: int = 3
    hours: float = 2.4
    sensing_s: int = 600

    def __post_init__(self) -> None:
        self.line_of = {f"{self.name}-{line}{n}": f"{self.name}-line-{line}" for line in "ab" for n in range(1, self.assets + 1)}
        self.customers = [f"{self.name}-customer-{c}" for c in "abc"]
        self.served = self.customers[:2]
        self.order_ids = [f"{self.name}-order-{line}{n}" for line in "ab" for n in range(1, 4)]
        self._random = random.Random(self.seed)
        self._sequences = dict.fromkeys(self.line_of, 0)
        self._sent = sorted(self._everything(), key=lambda d: (d.sent, d.asset))

    def registrations(self) -> list[Encoded]:
        """What must be known before the first fact: the assets, and the export policies."""
        day = from_micros(DAWN)
        assets = [
            Asset(
                event_time=day, version=1, asset=asset, name=f"Machine {asset}", site="site-1", area="area-1", line=line,
                channels={"temperature": TEMPERATURE, "load": LOAD},
            )
            for asset, line in self.line_of.items()
        ]  # fmt: skip
        policies = [
            ExportPolicy(
                event_time=day, version=1, customer=customer, approver="export officer", second_approver="head of sales",
                purpose="order progress", contract="C-1",
                destination="DE", products=["order", "kpi"], valid_until=datetime(2099, 1, 1, tzinfo=UTC),
            )
            for customer in self.served
        ]  # fmt: skip
        return [encode(event) for event in (*assets, *policies)]

    def orders(self) -> list[Encoded]:
        """The orders; they may come before, among or after the facts."""
        planned = (40, 400, 60, 5, 80, 1000)
        customers = [self.customers[i] for i in (0, 1, 2, 1, 0, 2)]
        lines = sorted(set(self.line_of.values()))
        return [
            encode(
                Order(
                    event_time=from_micros(DAWN), version=1, order=order, customer=customer, part="bracket", line=lines[i // 3],
                    planned=count, due=from_micros(DAWN + 24 * HOUR),
                )
            )
            for i, (order, customer, count) in enumerate(zip(self.order_ids, customers, planned, strict=True))
        ]  # fmt: skip

    def records(self) -> list[Encoded]:
        """Everything the sources send, numbered, in the order of sending. Each call goes on counting where the last one stopped."""
        return [self._encoded(draft) for draft in self._sent]

    def lines(self) -> list[str]:
        """The same without numbers and heartbeats, as JSON lines for a gateway, which numbers them and sends heartbeats itself."""
        first = [r.value.decode() for r in (*self.registrations(), *self.orders()) if r.topic != EXPORT_POLICY.name]
        told = [d for d in self._sent if d.kind is not Heartbeat]
        return [*first, *(json.dumps(_said(draft)) for draft in told)]

    def _encoded(self, draft: Draft) -> Encoded:
        self._sequences[draft.asset] += 1
        body = {
            "event_time": from_micros(draft.time),
            "source": SOURCE,
            "asset": draft.asset,
            "sequence": self._sequences[draft.asset],
            **draft.body,
        }
        return encode_on(draft.topic, draft.kind.model_validate(body, strict=False))

    def _everything(self) -> Iterator[Draft]:
        end = DAWN + int(self.hours * HOUR)
        for asset in self.line_of:
            yield from self._facts(asset, end)
            yield from self._readings(asset, DAWN + self.sensing_s * SECOND)
            for topic in (MACHINE, SENSOR):
                for time in range(DAWN, end, MINUTE):
                    yield Draft(time, asset, topic, Heartbeat, time, {})
                yield Draft(end + HOUR, asset, topic, Heartbeat, end, {"phase": "ending"})

    def _facts(self, asset: str, end: int) -> Iterator[Draft]:
        def fact(time: int, **body: Any) -> Draft:
            late = self._random.randrange(5 * MINUTE) if self._random.random() < 0.1 else 0
            return Draft(time + late, asset, MACHINE, MachineEvent, time, {"fact": body})

        yield fact(DAWN, kind="mode", mode="AUTOMATIC")
        yield fact(DAWN + 1, kind="program", program=f"O{self._random.randrange(10_000)}")
        yield from self._assignments(asset, end, fact)
        time = DAWN + self._random.randrange(MINUTE)
        while time < end:
            state = self._random.choices(STATES, WEIGHTS)[0]
            until = time + self._random.randrange(20 * SECOND, 9 * MINUTE)
            yield fact(time, kind="execution", state=state)
            if state == "ACTIVE":
                yield from self._units(time, min(until, end), fact)
            else:
                yield from self._remarks(time, fact)
            time = until

    def _assignments(self, asset: str, end: int, fact: Any) -> Iterator[Draft]:
        line = self.order_ids[:3] if self.line_of[asset].endswith("a") else self.order_ids[3:]
        share = (end - DAWN) // 3
        for i, order in enumerate(line):
            yield fact(DAWN + i * share + self._random.randrange(min(10 * MINUTE, share)), kind="order", order=order)

    def _units(self, begin: int, until: int, fact: Any) -> Iterator[Draft]:
        time = begin + self._random.randrange(10 * SECOND, 40 * SECOND)
        while time < until:
            produced = self._random.choice((1, 1, 1, 2, 4))
            scrap = int(self._random.random() < 0.08)
            rework = int(not scrap and self._random.random() < 0.05)
            yield fact(time, kind="produced", produced=produced, scrap=scrap, rework=rework)
            time += self._random.randrange(15 * SECOND, 50 * SECOND)

    def _remarks(self, time: int, fact: Any) -> Iterator[Draft]:
        level = self._random.choice(("normal", "warning", "fault", "normal"))
        yield fact(time + SECOND, kind="condition", item=self._random.choice(("hydraulics", "servo")), level=level)
        yield fact(time + 2 * SECOND, kind="energy", counter_kwh=float(time - DAWN) / HOUR)
        yield fact(time + 3 * SECOND, kind="signal", item="door", value=self._random.choice(("OPEN", "CLOSED")))

    def _readings(self, asset: str, end: int) -> Iterator[Draft]:
        heat = self._random.uniform(40, 50)
        for time in range(DAWN, end, 5 * SECOND):
            heat = min(75.0, max(10.0, heat + self._random.gauss(0, 4)))
            column = [round(heat + self._random.gauss(0, 1), 3) for _ in range(5)]
            body = {"times_us": [i * SECOND for i in range(5)], "columns": {"temperature": column}}
            yield Draft(time + 5 * SECOND, asset, SENSOR, SensorFrame, time, body)
        time = DAWN
        while time < end:
            chance = self._random.random()
            delay = self._random.randrange(20 * SECOND, MINUTE) if chance < 0.01 else self._random.randrange(4 * SECOND)
            body = {"times_us": [0], "columns": {"load": [round(self._random.uniform(0, 100), 2)]}}
            yield Draft(time + delay, asset, SENSOR, SensorFrame, time, body)
            time += self._random.randrange(SECOND, 4 * SECOND)


def _said(draft: Draft) -> dict[str, Any]:
    return {"type": draft.kind.TYPE, "asset": draft.asset, "event_time": rfc3339(from_micros(draft.time)), **draft.body}
