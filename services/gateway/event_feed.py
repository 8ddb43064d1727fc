"""A file of events as JSON lines, as a feed."""

from collections.abc import Iterator
from pathlib import Path

from services.gateway.draft import Draft
from services.gateway.event_line import EventLine, parse_event
from services.gateway.feed import Item, Moment, Reject
from services.gateway.log_feed import file_fingerprint
from services.gateway.tally import Tally
from services.runtime.errors import UserError


class EventFeed:
    """``source`` numbers the events; they go in the order of the file."""

    beat_us: int | None = None

    def __init__(self, path: Path, source: str) -> None:
        self.source = source
        self.tally = Tally()
        self._path = path
        self._left_out = False

    def fingerprint(self) -> str:
        return repr((self.source, file_fingerprint(self._path)))

    def parts(self) -> list[str]:
        return [] if self._left_out else [f"{self.source}/{file_fingerprint(self._path)}"]

    def leave_out(self, parts: set[str]) -> None:
        self._left_out = bool(parts & set(self.parts()))

    def assets(self) -> list[str]:
        return []

    def opening(self) -> list[Draft]:
        return []

    def moments(self) -> Iterator[Moment]:
        clock_us = 0
        try:
            with self._path.open(encoding="utf-8", errors="replace") as file:
                for number, text in enumerate(file, 1):
                    self.tally.read += 1
                    if not text.strip():
                        self.tally.lines["blank"] += 1
                        continue
                    line = parse_event(text.strip(), self.source, f"{self._path.name}:{number}")
                    if isinstance(line, EventLine):
                        clock_us = self.note(line, clock_us)
                    yield Moment(clock_us, line.asset if isinstance(line, EventLine) else None, line)
        except OSError as exc:
            raise UserError(f"events file {self._path} can't be read: {exc.strerror}") from exc

    def items(self, moment: Moment) -> list[Item]:
        line = moment.payload
        if isinstance(line, Reject):
            self.tally.lines["malformed"] += 1
            return [line]
        assert isinstance(line, EventLine)
        self.tally.lines["event" if line.draft else "time mark"] += 1
        return [line.draft] if line.draft else []

    def flush(self, asset: str) -> list[Draft]:
        del asset
        return []

    def note(self, line: EventLine, clock_us: int) -> int:
        """Count a line; the clock after it."""
        self.tally.saw(line.time_us)
        self.tally.late += line.time_us < clock_us
        if line.draft is not None and line.draft.body.get("type") == "factory.sensor-frame.v1":
            columns = line.draft.body.get("columns")
            self.tally.readings += count_readings(columns)
        return max(clock_us, line.time_us)


def count_readings(columns: object) -> int:
    """Values in the columns of a frame that has not been validated yet."""
    if not isinstance(columns, dict):
        return 0
    return sum(v is not None for column in columns.values() if isinstance(column, list) for v in column)
