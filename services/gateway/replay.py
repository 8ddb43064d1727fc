"""Merges recorded sources by event time into one stream of items, with a heartbeat for each asset, at a chosen speed."""

import heapq
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from services.gateway.feed import Feed, Item, Moment
from services.gateway.heartbeat import Heart


def _sleep(seconds: float) -> bool:
    if seconds > 0:
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
    clock: Callable[[], float] = time.monotonic
    _zero: float | None = None

    def until(self, clock_us: int) -> bool:
        """Wait until it is time for ``clock_us``; True when the replay is to stop."""
        if self.speed <= 0:
            return self.sleep(0)
        due = clock_us / 1e6 / self.speed
        now = self.clock()
        if self._zero is None:
            self._zero = now - due
        wait = self._zero + due - now
        if self.longest_s is not None and wait > self.longest_s:
            self._zero -= wait - self.longest_s
            wait = self.longest_s
        return self.sleep(max(0.0, wait))


class Replay:
    """One stream out of several recorded feeds. The items and their order depend on the feeds alone, never on the speed."""

    def __init__(self, feeds: list[Feed], pace: Pace | None = None) -> None:
        self._feeds = feeds
        self._pace = pace or Pace()
        self._heart = Heart(feeds)
        self._passed = 0
        self.stopped = False
        self.clock_us: int | None = None

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
                yield self._heart.end_of(feed)
                continue
            yield self._heart.before(feed, moment.asset, clock_us)
            yield feed.items(moment)


def _tagged(index: int, feed: Feed) -> Iterator[tuple[int, int, Moment | None]]:
    """The moments of a feed with its index, and None at its end."""
    clock_us = 0
    for moment in feed.moments():
        clock_us = moment.clock_us
        yield clock_us, index, moment
    yield clock_us, index, None
