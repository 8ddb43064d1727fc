"""Sequence numbers per source: what came before."""

from dataclasses import dataclass, field

from schemas.envelope import SourceEvent

WINDOW = 256  # missing numbers that are remembered per source


@dataclass(slots=True)
class Sequences:
    """Of each source its last number and, as pairs of a first and a last one, up to WINDOW numbers below it that did not come.

    A number above the last is news, and so is one of the missing: two producers or a retry can bring numbers out of order into
    the log. Any other is a repeat. Numbers run over all topics of the asset, so what a single topic lacks of them is no gap. The
    oldest missing numbers are forgotten first, and then count as repeats.
    """

    last: dict[str, list[int] | int] = field(default_factory=dict)  # a bare number has no missing ones: states of before

    def is_news(self, event: SourceEvent) -> bool:
        """Note the number of ``event``; False for a repeat."""
        known = self.last.get(event.source, 0)
        row = known if isinstance(known, list) else [known]
        number, last = event.sequence, row[0]
        if number <= last:
            return _found(row, number)
        self.last[event.source] = row
        if number > last + 1:
            row += (max(last + 1, number - WINDOW), number - 1)
            _forget(row)
        row[0] = number
        return True


def _found(row: list[int], number: int) -> bool:
    """Take ``number`` out of the missing ones; False when it is not among them."""
    for i in range(len(row) - 2, 0, -2):
        first, last = row[i], row[i + 1]
        if first <= number <= last:
            row[i : i + 2] = [n for a, b in ((first, number - 1), (number + 1, last)) if a <= b for n in (a, b)]
            return True
    return False


def _forget(row: list[int]) -> None:
    """Let the oldest missing numbers go, down to WINDOW."""
    many = sum(row[i + 1] - row[i] + 1 for i in range(1, len(row), 2)) - WINDOW
    while many > 0:
        size = row[2] - row[1] + 1
        if size > many:
            row[1] += many
        else:
            del row[1:3]
        many -= size
