"""The rejects file: every line and event that was turned away at the door, as it was, with the reason."""

import json
from pathlib import Path

from services.gateway.feed import Reject
from services.runtime.errors import UserError

MOST_TEXT = 10_000


class Rejects:
    """Appends to ``rejects.ndjson`` in the data folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, rejects: list[Reject]) -> None:
        """Append rejects, one JSON object a line. Raises UserError when the disk refuses."""
        if not rejects:
            return
        lines = [
            json.dumps({"origin": r.origin, "reason": r.reason, "field": r.field, "record": r.record[:MOST_TEXT]}) + "\n"
            for r in rejects
        ]
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(lines)
        except OSError as exc:
            raise UserError(f"rejects can't be written to {self.path}: {exc.strerror}") from exc
