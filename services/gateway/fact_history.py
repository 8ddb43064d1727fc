"""Which facts are new. A source repeats itself on every reconnect and sends lines late; only a change in time order is news."""

from bisect import bisect_left, bisect_right
from collections.abc import Hashable
from dataclasses import dataclass, field

HORIZON_US = 7 * 86_400 * 1_000_000  # as far back as the platform restates


@dataclass(frozen=True, slots=True)
class Verdict:
    """``news`` when the fact is to be sent. ``restored`` are the times of repeats withheld before that are news after all."""

    news: bool
    restored: tuple[int, ...] = ()


@dataclass(slots=True)
class ItemHistory:
    """What one item said, in time order, and whether it was sent.

    A repeat is withheld. A late fact between a fact and its withheld repeat makes that repeat a change: ACTIVE at 100,
    ACTIVE at 110 (withheld), then late READY at 105 means that ACTIVE at 110 has to be sent as well.
    """

    times: list[int] = field(default_factory=list)
    values: list[Hashable] = field(default_factory=list)
    sent: list[bool] = field(default_factory=list)

    def observe(self, time_us: int, value: Hashable) -> Verdict:
        """Note that the item said ``value`` at ``time_us``; a late fact is always news."""
        if not self.times or time_us >= self.times[-1]:
            news = not self.values or self.values[-1] != value
            self._insert(len(self.times), time_us, value, news)
            self._forget(time_us - HORIZON_US)
            return Verdict(news)
        at = bisect_right(self.times, time_us)
        self._insert(at, time_us, value, True)
        after = at + 1
        if after < len(self.times) and not self.sent[after] and self.values[after] != value:
            self.sent[after] = True
            return Verdict(True, (self.times[after],))
        return Verdict(True)

    def value_at(self, time_us: int) -> Hashable:
        """What the item said last at or before ``time_us``; None when nothing."""
        at = bisect_right(self.times, time_us)
        return self.values[at - 1] if at else None

    def _insert(self, at: int, time_us: int, value: Hashable, sent: bool) -> None:
        self.times.insert(at, time_us)
        self.values.insert(at, value)
        self.sent.insert(at, sent)

    def _forget(self, before_us: int) -> None:
        """Drop what no late fact within the horizon can touch; the last entry before it stays."""
        if self.times[0] >= before_us or len(self.times) < 2:
            return
        keep = max(0, bisect_left(self.times, before_us) - 1)
        del self.times[:keep], self.values[:keep], self.sent[:keep]
