"""Sequence numbers per source: what came before."""

from dataclasses import dataclass, field

from schemas.envelope import SourceEvent


@dataclass(slots=True)
class Sequences:
    """The last sequence of each source.

    A source sends the facts of an asset in the order of their numbers, so a number at or below the last is a repeat. Numbers
    run over all topics of the asset, so what a single topic lacks of them is no gap.
    """

    last: dict[str, int] = field(default_factory=dict)

    def is_news(self, event: SourceEvent) -> bool:
        """Note the number of ``event``; False for a repeat."""
        if event.sequence <= self.last.get(event.source, 0):
            return False
        self.last[event.source] = event.sequence
        return True
