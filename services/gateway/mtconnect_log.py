"""The layout of a recorded MTConnect log: ``time|item|value``, and ``time|item|level|native code|severity|qualifier|text``."""

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from schemas.instant import HOUR_US
from services.gateway.observation import Condition, Observation, parse_instant
from services.runtime.errors import UserError

DAY_US = 24 * HOUR_US
LEVELS = {"normal", "warning", "fault", "unavailable"}
NAME = re.compile(r"^(?P<device>.+?)-(?P<day>\d{8})-(?P<last>\d{8})$")
SNAPSHOT_LINES = 10_000  # how far to look for the first change where the file name gives no date


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file. ``observation`` is None for a line that says nothing; ``problem`` then says why, '' for a blank one."""

    number: int
    observation: Observation | None
    problem: str = ""
    text: str = ""
    cut: bool = False  # the last line, without its end


def parse_line(text: str) -> Observation:
    """The observation of a line. Raises ValueError with the reason."""
    parts = text.split("|")
    if len(parts) == 3:
        time_us = parse_instant(parts[0])
        if not parts[1]:
            raise ValueError("the data item has no name")
        return Observation(time_us, parts[1], parts[2])
    if len(parts) != 7:
        raise ValueError(f"{len(parts)} fields: a line has 3, a condition 7")
    time_us = parse_instant(parts[0])
    level = parts[2].lower()
    if level not in LEVELS:
        raise ValueError(f"level {parts[2]!r} is not Normal, Warning, Fault or Unavailable")
    if not parts[1]:
        raise ValueError("the data item has no name")
    return Observation(time_us, parts[1], "", Condition(level, parts[3], parts[4], parts[5], parts[6]))


def read_lines(path: Path) -> Iterator[Line]:
    """The lines of a log, plain or gzipped; one stamped after the last day in its name is broken.

    Raises UserError when the file can't be read.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            end_us = day_end(path)
            for number, raw in enumerate(file, 1):
                yield _line(number, raw, end_us)
    except FileNotFoundError as exc:
        raise UserError(f"log {path} does not exist") from exc
    except (OSError, EOFError, zlib.error) as exc:
        raise UserError(f"log {path} can't be read: {getattr(exc, 'strerror', None) or exc}") from exc


def log_stem(path: Path) -> str:
    """The file name without its endings."""
    return path.name.removesuffix(".gz").removesuffix(".txt").removesuffix(".log")


def device_of(path: Path) -> str:
    """The device that a log is of, by its file name: ``Mazak01`` of ``Mazak01-20190606-20190607.txt``."""
    match = NAME.match(log_stem(path))
    return match["device"] if match else log_stem(path)


def day_start(path: Path) -> int:
    """00:00Z of the first day of a log, microseconds since 1970.

    The day is in the file name, ``Name-YYYYMMDD-YYYYMMDD.txt``. Without it: a log opens with a snapshot that names each item
    once, with the time of its last change, which may be months ago. So the first line that names an item again is the first
    change that the log watched, and its date is the first day.
    """
    match = NAME.match(log_stem(path))
    if match:
        return _date(path, match["day"])
    seen: set[str] = set()
    newest = None
    for line in islice(read_lines(path), SNAPSHOT_LINES):
        if line.observation is None:
            continue
        if line.observation.item in seen:
            return _midnight(line.observation.time_us)
        seen.add(line.observation.item)
        newest = max(newest or 0, line.observation.time_us)
    if newest is None:
        raise UserError(f"log {path} has no line of the form time|item|value")
    return _midnight(newest)


def day_end(path: Path) -> int | None:
    """The instant by which a log is over, by the last day in its name; None for a name that says none.

    A line stamped later has a broken time. It would carry the clock of the whole line with it, and all after it would be late.
    """
    match = NAME.match(log_stem(path))
    return _date(path, match["last"]) + DAY_US if match else None


def _date(path: Path, digits: str) -> int:
    try:
        return parse_instant(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}T00:00:00Z")
    except ValueError as exc:
        raise UserError(f"log {path}: {digits} in its name is no date") from exc


def _midnight(time_us: int) -> int:
    return time_us - time_us % DAY_US


def _line(number: int, raw: bytes, end_us: int | None) -> Line:
    cut = not raw.endswith(b"\n")
    try:
        text = raw.decode().strip("\r\n")
        observation = parse_line(text) if text.strip() else None
        if observation is not None and end_us is not None and observation.time_us >= end_us:
            raise ValueError("stamped after the last day in the name of the file")
        return Line(number, observation, text=text, cut=cut)
    except UnicodeDecodeError:
        return Line(number, None, "not UTF-8", raw.decode(errors="backslashreplace").strip("\r\n"), cut)
    except ValueError as exc:
        return Line(number, None, str(exc), text, cut)
