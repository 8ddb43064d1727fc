"""Sequence numbers per source: what came before, and what was skipped."""

from dataclasses import dataclass, field

from schemas.envelope import SourceEvent


@dataclass(slots=True)
class Sequences:
    """Per source the last sequence and how many numbers were skipped on the way to it.

    A source sends the facts of an asset in the order of their numbers, so a number at or below the last is a repeat.
    ``seen`` maps a source to [last, skipped].
    """

    seen: dict[str, list[int]] = field(default_factory=dict)

    def is_news(self, event: SourceEvent) -> bool:
        """Note the number of ``event``; False for a repeat."""
        known = self.seen.get(event.source)
        if known is None:
            self.seen[event.source] = [event.sequence, 0]
            return True
        if event.sequence <= known[0]:
            return False
        known[1] += event.sequence - known[0] - 1
        known[0] = event.sequence
        return True
