"""Writes events as JSON lines, for ``python -m services.gateway replay events``."""

import json
from collections.abc import Iterable
from pathlib import Path

from services.runtime.errors import UserError
from services.simulator.bodies import Body


def write_events(path: Path, events: Iterable[Body]) -> int:
    """Write the events to a file, in place of what was there; returns how many. Raises UserError."""
    count = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            for event in events:
                file.write(json.dumps(event, separators=(",", ":")) + "\n")
                count += 1
    except OSError as exc:
        raise UserError(f"events can't be written to {path}: {exc.strerror}") from exc
    return count
