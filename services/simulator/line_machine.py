"""One machine of a simulated line: takes a unit, works on it, fails now and then, is repaired, and says all of it."""

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import simpy

from schemas.instant import SECOND_US
from services.simulator import bodies
from services.simulator.bodies import Body
from services.simulator.channel_model import CHANNELS, ChannelState

Emit = Callable[[Body], None]
Process = Generator[simpy.Event, Any, None]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit on its way through the line."""

    id: str
    order: str
    part: str


@dataclass(frozen=True, slots=True)
class Rates:
    """Times in seconds. ``life_s`` is the mean working time from repair to failure."""

    cycle_s: float = 45.0
    life_s: float = 5_400.0
    repair_s: float = 420.0
    scrap: float = 0.015
    rework: float = 0.01
    rate_hz: float = 1.0
    frame_s: float = 2.0
    kw: float = 6.0


class LineMachine:
    """``source`` gives units (or None at the head of the line, where ``release`` does), ``sink`` takes them."""

    def __init__(self, clock: simpy.Environment, asset: str, rates: Rates, rng: random.Random, emit: Emit) -> None:
        self.asset = asset
        self._clock = clock
        self._rates = rates
        self._rng = rng
        self._emit = emit
        self._state = ""
        self._order: str | None = None
        self._wear = 0.0
        self._life_s = 0.0
        self._worked_us = 0
        self._channels = {name: ChannelState(model, random.Random(f"{rng.random()}/{name}")) for name, model in CHANNELS.items()}

    def run(self, source: simpy.Store, sink: simpy.Store) -> Process:
        """Work for ever."""
        self._repaired()
        self._say("mode", mode="AUTOMATIC")
        self._become("READY")
        while True:
            if not source.items:
                self._become("WAIT")
            unit: Unit = yield source.get()
            if unit.order != self._order:
                self._order = unit.order
                self._say("order", order=unit.order)
                self._say("program", program=unit.part)
            yield from self._work()
            good = self._finish(unit)
            if good:
                if len(sink.items) >= sink.capacity:
                    self._become("WAIT")
                yield sink.put(unit)

    def watch(self) -> Process:
        """Send a frame of readings every ``frame_s``, whatever the machine does."""
        rates = self._rates
        rows = max(1, round(rates.frame_s * rates.rate_hz))
        step_us = round(rates.frame_s * SECOND_US / rows)
        while True:
            start = int(self._clock.now)
            yield self._clock.timeout(step_us * rows)
            working = self._state == "ACTIVE"
            columns = {
                name: [channel.step(step_us / 1e6, working, self._wear) for _ in range(rows)]
                for name, channel in self._channels.items()
            }
            self._emit(
                {
                    "type": "factory.sensor-frame.v1",
                    "event_time": bodies.text_of(start),
                    "asset": self.asset,
                    "times_us": [step_us * i for i in range(rows)],
                    "columns": columns,
                }
            )

    def meter(self, every_s: float = 60.0) -> Process:
        """Read the energy counter now and then."""
        while True:
            yield self._clock.timeout(round(every_s * SECOND_US))
            self._say("energy", counter_kwh=round(self._worked_us / 3.6e9 * self._rates.kw, 6))

    def _work(self) -> Process:
        """One cycle. The machine may fail within it; the rest of the cycle follows after the repair."""
        left_s = self._rates.cycle_s * self._rng.triangular(1.0, 1.3, 1.04)
        while left_s > 0:
            self._become("ACTIVE")
            part_s = min(left_s, 1.0)
            yield self._clock.timeout(round(part_s * SECOND_US))
            self._worked_us += round(part_s * SECOND_US)
            left_s -= part_s
            self._wear += part_s / self._life_s
            if self._wear >= 1.0:
                yield from self._repair()

    def _repair(self) -> Process:
        self._say("condition", item="drive", level="fault", native_code="E101", message="drive worn out")
        self._become("INTERRUPTED")
        yield self._clock.timeout(round(self._rng.lognormvariate(0.0, 0.5) * self._rates.repair_s * SECOND_US))
        self._say("condition", item="drive", level="normal", native_code="", message="")
        self._repaired()

    def _repaired(self) -> None:
        """As new; how long it will last is Weibull distributed with shape 3 (wear-out)."""
        self._wear = 0.0
        self._life_s = max(60.0, self._rng.weibullvariate(self._rates.life_s / 0.893, 3.0))

    def _finish(self, unit: Unit) -> bool:
        """Say that the unit is done; False when it is scrap. A worn machine makes more of it."""
        draw = self._rng.random()
        scrap = draw < self._rates.scrap * (1.0 + 3.0 * self._wear**3)
        rework = not scrap and draw > 1.0 - self._rates.rework
        self._say("produced", produced=1, scrap=int(scrap), rework=int(rework), order=unit.order, part=unit.part, units=[unit.id])
        return not scrap

    def _become(self, state: str) -> None:
        if state != self._state:
            self._state = state
            self._say("execution", state=state)

    def _say(self, kind: str, **words: Any) -> None:
        self._emit(bodies.machine_event(int(self._clock.now), self.asset, kind, **words))
