"""Merges recorded sources by event time into one stream of items, with a heartbeat for each asset, at a chosen speed."""

import heapq
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from schemas.registry import MACHINE, SENSOR
from services.gateway.draft import Draft, text_of
from services.gateway.feed import Feed, Item, Moment

BEAT_US = 10_000_000
SILENT_US = 60_000_000  # an asset without lines for so long has nothing to close: a beat a minute is enough


def heartbeats(source: str, asset: str, time_us: int, phase: str = "alive") -> list[Draft]:
    """A heartbeat on both topics that carry an asset's data."""
    body = {"type": "factory.heartbeat.v1", "event_time": text_of(time_us), "phase": phase}
    return [Draft(topic, source, asset, dict(body), origin="heartbeat") for topic in (SENSOR, MACHINE)]


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


@dataclass(slots=True)
class Pace:
    """Waits so that event time runs ``speed`` times as fast as the clock on the wall; 0 does not wait.

    ``longest_s`` bounds a single wait, so that a night without lines need not be waited out. ``sleep`` returns True to stop.
    """

    speed: float = 0.0
    longest_s: float | None = None
    sleep: Callable[[float], bool] = _sleep
    _zero: float | None = None

    def until(self, clock_us: int) -> bool:
        """Wait until it is time for ``clock_us``; True when the replay is to stop."""
        if self.speed <= 0:
            return self.sleep(0)
        due = clock_us / 1e6 / self.speed
        now = time.monotonic()
        if self._zero is None:
            self._zero = now - due
        wait = self._zero + due - now
        if self.longest_s is not None and wait > self.longest_s:
            self._zero -= wait - self.longest_s
            wait = self.longest_s
        return self.sleep(max(0.0, wait))


@dataclass(slots=True)
class Pulse:
    """When an asset is to be said alive. ``feeds`` are the open sources of its data."""

    source: str
    feeds: list[Feed] = field(default_factory=list)
    last_own_us: int | None = None
    last_beat_us: int = 0

    def due_us(self, clock_us: int) -> int:
        """The event time from which a beat is due, seen from ``clock_us``."""
        active = self.last_own_us is not None and clock_us - self.last_own_us <= SILENT_US
        return self.last_beat_us + (BEAT_US if active else SILENT_US)

    def flush(self, asset: str) -> Iterator[Item]:
        for feed in self.feeds:
            yield from feed.flush(asset)


class Replay:
    """One stream out of several recorded feeds. The items and their order depend on the feeds alone, never on the speed."""

    def __init__(self, feeds: list[Feed], pace: Pace | None = None) -> None:
        self._feeds = feeds
        self._pace = pace or Pace()
        self._pulses: dict[str, Pulse] = {}
        self._earliest_us = 0
        self._passed = 0
        self.stopped = False
        self.clock_us: int | None = None
        for feed in feeds:
            for asset in feed.assets():
                self._pulses.setdefault(asset, Pulse(feed.source)).feeds.append(feed)

    def items(self, skip: int = 0) -> Iterator[Item]:
        """All items after the first ``skip``, which an earlier run has already taken in (nobody waits for those)."""
        self._passed = 0
        for batch in self._batches(skip):
            for item in batch:
                self._passed += 1
                if self._passed > skip:
                    yield item

    def _batches(self, skip: int) -> Iterator[Iterable[Item]]:
        for feed in self._feeds:
            yield feed.opening()
        streams = [_tagged(index, feed) for index, feed in enumerate(self._feeds)]
        for clock_us, index, moment in heapq.merge(*streams, key=lambda entry: (entry[0], entry[1])):
            if self._passed >= skip and self._pace.until(clock_us):
                self.stopped = True
                return
            feed = self._feeds[index]
            self.clock_us = clock_us
            if moment is None:
                yield self._end_of(feed)
                continue
            yield self._beats(feed, moment)
            yield feed.items(moment)

    def _beats(self, feed: Feed, moment: Moment) -> Iterator[Item]:
        if moment.asset is not None:
            self._note(feed, moment.asset, moment.clock_us)
        if moment.clock_us < self._earliest_us:
            return
        for asset, pulse in self._pulses.items():
            if pulse.last_own_us is not None and moment.clock_us >= pulse.due_us(moment.clock_us):
                yield from pulse.flush(asset)
                yield from heartbeats(pulse.source, asset, moment.clock_us)
                pulse.last_beat_us = moment.clock_us
        self._earliest_us = min((p.last_beat_us + BEAT_US for p in self._pulses.values()), default=0)

    def _note(self, feed: Feed, asset: str, clock_us: int) -> None:
        pulse = self._pulses.get(asset)
        if pulse is None:
            pulse = self._pulses[asset] = Pulse(feed.source)
        if feed not in pulse.feeds:
            pulse.feeds.append(feed)
        if pulse.last_own_us is None:
            pulse.last_beat_us = clock_us
        pulse.last_own_us = max(pulse.last_own_us or 0, clock_us)

    def _end_of(self, feed: Feed) -> Iterator[Item]:
        for asset, pulse in list(self._pulses.items()):
            if feed not in pulse.feeds:
                continue
            yield from feed.flush(asset)
            pulse.feeds.remove(feed)
            if not pulse.feeds:
                del self._pulses[asset]
                if pulse.last_own_us is not None:
                    yield from heartbeats(pulse.source, asset, pulse.last_own_us, "ending")


def _tagged(index: int, feed: Feed) -> Iterator[tuple[int, int, Moment | None]]:
    """The moments of a feed with its index, and None at its end."""
    clock_us = 0
    for moment in feed.moments():
        clock_us = moment.clock_us
        yield clock_us, index, moment
    yield clock_us, index, None
