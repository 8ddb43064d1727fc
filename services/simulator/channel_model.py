"""How the channels of a simulated machine move: a base value, a share of load, wear that grows before a failure, and noise."""

import math
import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChannelModel:
    """``base`` at rest, ``load`` more while it works, ``wear`` more when worn out (cubed: late and steep), ``noise`` as a
    standard deviation. ``slow_s`` is the time constant with which it follows; 0 follows at once."""

    unit: str
    base: float
    load: float
    wear: float
    noise: float
    slow_s: float = 0.0
    low: float | None = None
    high: float | None = None

    def target(self, working: bool, wear: float) -> float:
        """Where it tends to."""
        return self.base + (self.load + self.wear * wear**3 if working else 0.0)


#: the channels of every simulated machine
CHANNELS = {
    "temperature": ChannelModel("Cel", 24.0, 22.0, 18.0, 0.15, 120.0, high=58.0),
    "vibration_rms": ChannelModel("mm/s", 0.3, 1.5, 4.0, 0.08, high=4.5),
    "current": ChannelModel("A", 1.2, 7.5, 1.5, 0.2),
    "pressure": ChannelModel("bar", 6.0, -0.4, -0.6, 0.03, 5.0, low=4.8),
}


class ChannelState:
    """One channel of one machine."""

    def __init__(self, model: ChannelModel, rng: random.Random) -> None:
        self._model = model
        self._rng = rng
        self._value = model.base

    def step(self, seconds: float, working: bool, wear: float) -> float:
        """The reading after ``seconds`` more."""
        target = self._model.target(working, wear)
        share = 1.0 if self._model.slow_s <= 0 else 1.0 - math.exp(-seconds / self._model.slow_s)
        self._value += (target - self._value) * share
        return round(self._value + self._rng.gauss(0.0, self._model.noise), 4)
