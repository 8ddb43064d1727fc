"""Counts of a run. Each line of a source ends in exactly one class."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """``lines`` counts by class: reading, fact, snapshot, repeated, unavailable, malformed, blank (they add up to what was read).

    ``traps`` counts what else a source met and handled, by its name for people.
    ``readings`` are values in frames (a position line has three), ``restored`` repeats that a late line turned into news.
    """

    read: int = 0
    lines: Counter[str] = field(default_factory=Counter)
    traps: Counter[str] = field(default_factory=Counter)
    readings: int = 0
    snapshot_facts: int = 0
    restored: int = 0
    steps_back: int = 0
    late: int = 0
    agent_restarts: int = 0
    overruns: int = 0
    undeclared: Counter[str] = field(default_factory=Counter)
    first_us: int | None = None
    last_us: int | None = None

    def saw(self, time_us: int) -> None:
        """An event of the source happened at ``time_us``."""
        self.first_us = time_us if self.first_us is None else min(self.first_us, time_us)
        self.last_us = time_us if self.last_us is None else max(self.last_us, time_us)

    def add(self, other: "Tally") -> None:
        """Add the counts of another source."""
        for name in ("read", "readings", "snapshot_facts", "restored", "steps_back", "late", "agent_restarts", "overruns"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.lines.update(other.lines)
        self.traps.update(other.traps)
        self.undeclared.update(other.undeclared)
        for time_us in (other.first_us, other.last_us):
            if time_us is not None:
                self.saw(time_us)
