"""Follows a growing file of events, as ``tail -F`` would: what another program writes is taken in as it comes."""

import hashlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from services.gateway.event_feed import EventFeed
from services.gateway.event_line import EventLine, parse_event
from services.gateway.feed import Item, Moment
from services.gateway.heartbeat import Heart
from services.gateway.intake import Batch, Intake
from services.runtime.errors import UserError

WAIT_S = 0.2
MOST_LINE = 4_000_000


class EventFollow:
    """A live source. It ends by itself when the file has said ``ending`` for every asset in it."""

    def __init__(self, path: Path, source: str) -> None:
        self.name = f"events {path}"
        self._path = path
        self._feed = EventFeed(path, source)
        self.tally = self._feed.tally
        self._heart = Heart([])
        self._begun = False

    def run(self, intake: Intake, stop: threading.Event, say: Callable[[str], None]) -> None:
        """Take in lines until ``stop`` is set or the file is at its end for good. Raises UserError."""
        job = f"follow:{self._feed.source}:{self._path.resolve()}"
        if not self._path.exists():
            say(f"waiting for {self._path}")
        while not stop.is_set():
            if not self._path.exists():
                stop.wait(WAIT_S)
                continue
            try:
                with self._path.open("rb") as file:
                    ended = self._read(file, intake, job, stop, say)
            except OSError as exc:
                raise UserError(f"events file {self._path} can't be read: {exc.strerror}") from exc
            if ended:
                return

    def _read(self, file: BinaryIO, intake: Intake, job: str, stop: threading.Event, say: Callable[[str], None]) -> bool:
        """Read to the end for good (True), or until the file is replaced or ``stop`` is set (False)."""
        head, offset = self._resume(file, intake, job, say)
        file.seek(offset)
        batch = Batch(intake, job)
        clock_us, number = 0, 0
        while not stop.is_set():
            raw = file.readline(MOST_LINE)
            if not raw.endswith(b"\n") and len(raw) < MOST_LINE:
                if not batch.put(json.dumps({"head": head, "offset": offset})) or self._replaced(file, offset):
                    return False
                stop.wait(WAIT_S)
                file.seek(offset)  # only now: the look at the file's size has moved it to the end
                continue
            offset, number = offset + len(raw), number + 1
            head = head or _head(file)
            clock_us, items, ended = self._line(raw, clock_us, f"{self._path.name}@{offset - len(raw)}")
            position = json.dumps({"head": head, "offset": offset})
            wanted = [batch.add(item) for item in items]
            if (any(wanted) or ended) and not batch.put(position):
                return False
            if ended:
                return True
        return False

    def _line(self, raw: bytes, clock_us: int, origin: str) -> tuple[int, list[Item], bool]:
        text = raw.decode(errors="replace").strip()
        self.tally.read += 1
        if not text:
            self.tally.lines["blank"] += 1
            return clock_us, [], False
        line = parse_event(text, self._feed.source, origin)
        if not isinstance(line, EventLine):
            return clock_us, self._feed.items(Moment(clock_us, None, line)), False
        clock_us = self._feed.note(line, clock_us)
        items: list[Item] = [*self._heart.before(self._feed, line.asset, clock_us)]
        items += self._feed.items(Moment(clock_us, line.asset, line))
        self._begun = self._begun or line.asset is not None
        if line.ending and line.asset is not None:
            items += self._heart.end(line.asset)
        return clock_us, items, self._begun and not self._heart.assets

    def _resume(self, file: BinaryIO, intake: Intake, job: str, say: Callable[[str], None]) -> tuple[str, int]:
        """Where to go on: where an earlier run was when the file still begins the same, else its beginning."""
        stored = json.loads(intake.position(job) or '{"head": "", "offset": 0}')
        offset = int(stored["offset"])
        size = file.seek(0, 2)
        if offset and (size < offset or _head(file) != stored["head"]):
            say(f"{self._path} is another file than before: reading it from its beginning")
            return "", 0
        return str(stored["head"]), offset

    def _replaced(self, file: BinaryIO, offset: int) -> bool:
        """Whether the path names another file now, or this one was cut short."""
        try:
            now = self._path.stat()
        except OSError:
            return False
        return file.seek(0, 2) < offset or os.fstat(file.fileno()).st_ino != now.st_ino


def _head(file: BinaryIO) -> str:
    """A hash of the first line, to know the file again."""
    at = file.tell()
    file.seek(0)
    digest = hashlib.sha256(file.readline(MOST_LINE)).hexdigest()[:16]
    file.seek(at)
    return digest
