"""Writes events as JSON lines, for ``python -m services.gateway replay events``."""

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from schemas.instant import parse, to_micros
from services.runtime.errors import UserError
from services.simulator.bodies import Body


def write_events(path: Path, events: Iterable[Body], pace: Callable[[int], bool] | None = None) -> int:
    """Write the events to a file, in place of what was there; returns how many. Raises UserError.

    ``pace`` is called with the event time of each, before it is written, and returns True to stop.
    """
    count = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", buffering=1 if pace else -1) as file:
            for event in events:
                if pace is not None and pace(to_micros(parse(str(event["event_time"])))):
                    break
                file.write(json.dumps(event, separators=(",", ":")) + "\n")
                count += 1
    except OSError as exc:
        raise UserError(f"events can't be written to {path}: {exc.strerror}") from exc
    return count


def paced(
    speed: float, wait: Callable[[float], bool], longest_s: float = float("inf"), clock: Callable[[], float] = time.monotonic
) -> Callable[[int], bool]:
    """A pace of ``speed`` seconds of event time a second, 0 for none; ``wait`` sleeps and returns True to stop.

    No single wait is longer than ``longest_s``, so that a recorded night need not be waited out.
    """
    zero: list[float] = []

    def pace(time_us: int) -> bool:
        if speed <= 0:
            return wait(0)
        due = time_us / 1e6 / speed
        now = clock()
        if not zero:
            zero.append(now - due)
        ahead = zero[0] + due - now
        zero[0] -= max(0.0, ahead - longest_s)
        return wait(min(max(0.0, ahead), longest_s))

    return pace
