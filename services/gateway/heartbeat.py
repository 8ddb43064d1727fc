"""When an asset is said to be alive: every 10 s of event time while its source speaks, and at the end of a silence.

A source that speaks of minutes, not seconds, may have a slower beat of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from schemas.registry import MACHINE, SENSOR
from services.gateway.draft import Draft, text_of
from services.gateway.feed import Feed, Item

BEAT_US = 10_000_000
SILENT_US = 60_000_000  # an asset without lines for so long has nothing to close: a beat a minute is enough


def heartbeats(source: str, asset: str, time_us: int, phase: str = "alive") -> list[Draft]:
    """A heartbeat on both topics that carry an asset's data."""
    body = {"type": "factory.heartbeat.v1", "event_time": text_of(time_us), "phase": phase}
    return [Draft(topic, source, asset, dict(body), origin="heartbeat") for topic in (SENSOR, MACHINE)]


@dataclass(slots=True)
class Pulse:
    """One asset. ``source`` sends its beats, every ``beat_us`` if it says so; ``feeds`` are the open sources of its data."""

    source: str
    beat_us: int | None = None
    feeds: list[Feed] = field(default_factory=list)
    last_own_us: int | None = None
    last_beat_us: int = 0

    def due_us(self, clock_us: int) -> int:
        """The event time from which a beat is due, seen from ``clock_us``."""
        if self.beat_us is not None:
            return self.last_beat_us + self.beat_us
        active = self.last_own_us is not None and clock_us - self.last_own_us <= SILENT_US
        return self.last_beat_us + (BEAT_US if active else SILENT_US)


class Heart:
    """The pulses of all assets of merged sources. A beat says that everything before its time has been sent.

    An asset that several sources speak of is kept alive by the one that declares it, else by the first to mention it, and
    ends when the last of them has ended.
    """

    def __init__(self, feeds: list[Feed]) -> None:
        self._pulses: dict[str, Pulse] = {}
        self._earliest_us = 0
        for feed in feeds:
            for asset in feed.assets():
                self._pulses.setdefault(asset, Pulse(feed.source, feed.beat_us)).feeds.append(feed)

    @property
    def assets(self) -> list[str]:
        """The assets that have not ended."""
        return list(self._pulses)

    def before(self, feed: Feed, asset: str | None, clock_us: int) -> Iterator[Item]:
        """The beats that are due before what ``feed`` says (of ``asset``) at ``clock_us``."""
        if asset is not None:
            self._note(feed, asset, clock_us)
        if clock_us < self._earliest_us:
            return
        for name, pulse in self._pulses.items():
            if pulse.last_own_us is not None and clock_us >= pulse.due_us(clock_us):
                for source in pulse.feeds:
                    yield from source.flush(name)
                yield from heartbeats(pulse.source, name, clock_us)
                pulse.last_beat_us = clock_us
        self._earliest_us = min((p.last_beat_us + BEAT_US for p in self._pulses.values()), default=0)

    def end_of(self, feed: Feed) -> Iterator[Item]:
        """``feed`` has ended; the last beat of each asset that no other feed speaks of, at the last time any spoke of it."""
        for asset, pulse in list(self._pulses.items()):
            if feed in pulse.feeds:
                yield from feed.flush(asset)
                pulse.feeds.remove(feed)
                if not pulse.feeds:
                    yield from self.end(asset)

    def end(self, asset: str) -> Iterator[Item]:
        """The last beat of an asset that sends no more."""
        pulse = self._pulses.pop(asset, None)
        if pulse is not None and pulse.last_own_us is not None:
            yield from heartbeats(pulse.source, asset, pulse.last_own_us, "ending")

    def _note(self, feed: Feed, asset: str, clock_us: int) -> None:
        pulse = self._pulses.get(asset)
        if pulse is None:
            pulse = self._pulses[asset] = Pulse(feed.source, feed.beat_us)
        if feed not in pulse.feeds:
            pulse.feeds.append(feed)
        if pulse.last_own_us is None:
            pulse.last_beat_us = clock_us
        pulse.last_own_us = max(pulse.last_own_us or 0, clock_us)
