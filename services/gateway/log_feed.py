"""A machine's recorded MTConnect log, one file a day, as a feed."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from services.gateway.draft import Draft
from services.gateway.feed import Item, Moment, Reject
from services.gateway.interpreter import Interpreter
from services.gateway.mtconnect_log import Line, day_start, read_lines
from services.gateway.tally import Tally
from services.runtime.errors import UserError

ENDS_KB = 64


def file_fingerprint(path: Path) -> str:
    """Name, size and a hash of the first and last 64 KiB of a file. Raises UserError."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            digest = hashlib.sha256(file.read(ENDS_KB * 1024))
            file.seek(max(0, size - ENDS_KB * 1024))
            digest.update(file.read())
    except OSError as exc:
        raise UserError(f"{path} can't be read: {exc.strerror}") from exc
    return f"{path.name}:{size}:{digest.hexdigest()[:16]}"


class LogFeed:
    """The files of one asset in the order of their days."""

    beat_us: int | None = None

    def __init__(self, paths: list[Path], interpreter: Interpreter, strict: bool = False) -> None:
        self.source = interpreter.source
        self.tally: Tally = interpreter.tally
        self._interpreter = interpreter
        self._strict = strict
        self._days = sorted((day_start(p), p) for p in paths)

    def fingerprint(self) -> str:
        card = self._interpreter.card
        files = [file_fingerprint(p) for _, p in self._days]
        return repr((self.source, card.draft(self.source, 0).body, self._interpreter.layout(), files))

    def parts(self) -> list[str]:
        return [self._part(path) for _, path in self._days]

    def leave_out(self, parts: set[str]) -> None:
        self._days = [(day_us, path) for day_us, path in self._days if self._part(path) not in parts]

    def assets(self) -> list[str]:
        return [self._interpreter.card.asset]

    def opening(self) -> list[Draft]:
        return [self._interpreter.card.draft(self.source, self._days[0][0])]

    def moments(self) -> Iterator[Moment]:
        asset = self._interpreter.card.asset
        clock = 0
        for day_us, path in self._days:
            clock = max(clock, day_us)
            yield Moment(clock, asset, day_us)
            previous = 0
            opening = True
            for line in read_lines(path):
                if line.observation is not None:
                    if opening and line.observation.time_us >= day_us:
                        opening = False
                        yield Moment(clock, asset, None)  # what held at the start goes before the clock moves on
                    self._note_order(line.observation.time_us, previous, clock, day_us)
                    previous = line.observation.time_us
                    clock = max(clock, previous)
                yield Moment(clock, asset, (path, line))
            yield Moment(clock, asset, None)

    def items(self, moment: Moment) -> list[Item]:
        payload = moment.payload
        if payload is None:
            return [*self._interpreter.end_snapshot()]
        if isinstance(payload, int):
            return [*self._interpreter.begin_day(payload)]
        assert isinstance(payload, tuple)
        path, line = payload
        return self._line(path, line)

    def flush(self, asset: str) -> list[Draft]:
        return self._interpreter.flush() if asset == self._interpreter.card.asset else []

    def _part(self, path: Path) -> str:
        return f"{self.source}/{self._interpreter.card.asset}/{file_fingerprint(path)}"

    def _note_order(self, time_us: int, previous: int, clock: int, day_us: int) -> None:
        self.tally.steps_back += time_us < previous
        self.tally.late += day_us <= time_us < clock

    def _line(self, path: Path, line: Line) -> list[Item]:
        self.tally.read += 1
        problem = line.problem
        if line.observation is not None:
            try:
                return [*self._interpreter.observe(line.observation, f"{path.name}:{line.number}")]
            except ValueError as exc:
                problem = str(exc)
        if not problem:
            self.tally.lines["blank"] += 1
            return []
        if line.cut:
            self.tally.lines["truncated"] += 1
            return [Reject(f"{path.name}:{line.number}", f"last line cut off: {problem}", line.text)]
        if self._strict:
            raise UserError(f"{path} line {line.number}: {problem}. Mend the line, or leave out --strict to set it aside.")
        self.tally.lines["malformed"] += 1
        return [Reject(f"{path.name}:{line.number}", problem, line.text)]
