"""A whole simulated line: machines in a row with small buffers between them, orders of several customers, rejects, failures.

Pure: the same number of machines, seed, start and rates give the same events. Time is that of the simulation.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

from schemas.instant import SECOND_US, from_micros
from services.simulator import bodies
from services.simulator.bodies import Body
from services.simulator.channel_model import CHANNELS
from services.simulator.line_machine import LineMachine, Process, Rates, Unit

STATIONS = ("press", "mill", "wash", "weld", "grind", "assemble", "test", "pack")
BUFFER = 5
STEP_US = 10 * SECOND_US


@dataclass(frozen=True, slots=True)
class PlantChoices:
    """``order_units`` is the size of an order; customers are served in turn."""

    machines: int = 3
    line: str = "sim-line"
    site: str = "sim-site"
    area: str = "sim-area"
    customers: Sequence[str] = ("acme", "borealis")
    order_units: int = 40
    rates: Rates = field(default_factory=Rates)


class Plant:
    """``events`` yields bodies in event-time order, in steps of 10 s of simulated time, for as long as it is asked."""

    def __init__(self, choices: PlantChoices, seed: int, start_us: int) -> None:
        self._choices = choices
        self._start_us = start_us
        self._clock = simpy.Environment(initial_time=start_us)
        self._out: list[tuple[str, int, Body]] = []
        self._count = 0
        self._units = 0
        buffers = [simpy.Store(self._clock, capacity=BUFFER) for _ in range(choices.machines + 1)]
        self.assets = [f"{choices.line}-{STATIONS[i % len(STATIONS)]}-{i + 1}" for i in range(choices.machines)]
        for index, asset in enumerate(self.assets):
            machine = LineMachine(self._clock, asset, choices.rates, random.Random(f"{seed}/{asset}"), self._emit)
            self._clock.process(machine.run(buffers[index], buffers[index + 1]))
            self._clock.process(machine.watch())
            self._clock.process(machine.meter())
        self._clock.process(self._release(buffers[0], random.Random(f"{seed}/orders")))
        self._clock.process(_ship(buffers[-1]))

    def registrations(self) -> Iterator[Body]:
        """The assets, as they go to factory.asset.v1."""
        for asset in self.assets:
            yield {
                "type": "factory.asset.v1",
                "event_time": bodies.text_of(self._start_us),
                "version": 1,
                "asset": asset,
                "name": f"Simulated {asset}",
                "site": self._choices.site,
                "area": self._choices.area,
                "line": self._choices.line,
                "channels": {name: _channel(model) for name, model in CHANNELS.items()},
                "simulated": True,
            }

    def events(self, until_us: int | None = None) -> Iterator[Body]:
        """Events up to ``until_us`` (None: for ever), then a last time mark for each asset."""
        yield from self.registrations()
        now = self._start_us
        while until_us is None or now < until_us:
            now = now + STEP_US if until_us is None else min(now + STEP_US, until_us)
            self._clock.run(until=now)
            yield from self._ready(bodies.text_of(now - round(self._choices.rates.frame_s * SECOND_US)))
        yield from self._ready(bodies.text_of(now))
        for asset in self.assets:
            yield bodies.heartbeat(now, asset, "ending")

    def _emit(self, body: Body) -> None:
        self._out.append((str(body["event_time"]), self._count, body))
        self._count += 1

    def _ready(self, before: str) -> list[Body]:
        """What no later event can come before: a frame is said at its end, but its time is its start."""
        self._out.sort(key=lambda entry: entry[:2])
        ready = [body for time, _, body in self._out if time < before]
        self._out = self._out[len(ready) :]
        return ready

    def _release(self, first: simpy.Store, rng: random.Random) -> Process:
        """Orders for the customers in turn; the next one is known when half of the one before is released."""
        rates, choices = self._choices.rates, self._choices
        day = from_micros(self._start_us).strftime("%Y%m%d")
        number = 0
        while True:
            number += 1
            planned = max(1, round(choices.order_units * rng.uniform(0.6, 1.4)))
            part = f"part-{'abcd'[rng.randrange(4)]}"
            order = f"{choices.line}-{day}-{number}"
            now = int(self._clock.now)
            due = now + round(planned * rates.cycle_s * 1.6 * SECOND_US)
            self._emit(
                bodies.order(now, order, choices.customers[(number - 1) % len(choices.customers)], part, choices.line, planned, due,
                             round(rates.cycle_s * SECOND_US))
            )  # fmt: skip
            for _ in range(planned):
                self._units += 1
                yield first.put(Unit(f"{choices.line}-{day}-u{self._units:06d}", order, part))


def _ship(last: simpy.Store) -> Process:
    """The end of the line takes every unit at once."""
    while True:
        yield last.get()


def _channel(model: Any) -> dict[str, Any]:
    limits = {k: v for k, v in (("low", model.low), ("high", model.high)) if v is not None}
    return {"unit": model.unit, **limits, **({"deadband": 0.3, "priority": "high"} if limits else {})}
