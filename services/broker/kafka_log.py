"""What Kafka's own log says when it dies."""

import re
from pathlib import Path

LOUD = re.compile(r"^\[[^\]]+\] (?:ERROR|FATAL) (?P<text>.*?)(?: \([\w.$]+\))?$")
EXCEPTION = re.compile(r"^(?:Caused by: |Exception in thread \S+ )?(?:[\w$]+\.)+(?P<name>[A-Z][\w$]*)(?:: (?P<text>.*))?$")
TAIL_BYTES = 256 * 1024


def size(log: Path) -> int:
    """Length of the log now, 0 when there is none: where the next start begins to write."""
    return log.stat().st_size if log.is_file() else 0


def last_error(log: Path, start: int, console: Path) -> str:
    """The last error written to ``log`` after byte ``start``, with its cause; else the last line of Java's console."""
    found = _last_loud(_tail(log, start if start <= size(log) else 0))  # a shorter log has been rolled since
    return found or _last_line(_tail(console, 0)) or "it wrote no reason"


def _last_loud(lines: list[str]) -> str:
    text, causes = "", list[str]()
    for line in lines:
        if match := LOUD.match(line):
            text, causes = match["text"], []
        elif line.startswith("["):
            continue
        elif text and (match := EXCEPTION.match(line)):
            causes.append(f"{match['name']}: {match['text']}" if match["text"] else match["name"])
    return f"{text.rstrip('.')}: {causes[-1]}" if causes else text


def _last_line(lines: list[str]) -> str:
    spoken = [line.strip() for line in lines if line.strip() and not line.startswith(("\t", "WARNING:"))]
    return spoken[-1] if spoken else ""


def _tail(path: Path, start: int) -> list[str]:
    if not path.is_file():
        return []
    with path.open("rb") as file:
        file.seek(max(start, size(path) - TAIL_BYTES))
        return file.read().decode("utf-8", "replace").splitlines()
