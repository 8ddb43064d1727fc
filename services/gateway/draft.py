"""An event before the door: a body without a sequence number, and where it is to go."""

from dataclasses import dataclass
from typing import Any

from schemas.instant import from_micros, rfc3339
from schemas.topic import Topic

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Draft:
    """``asset`` is None for reference data, which has no sequence. ``barrier`` asks that no other kind of record
    overtakes it: it is acknowledged before any later record without a barrier is sent. ``origin`` says where it came from, for a
    rejection."""

    topic: Topic
    source: str
    asset: str | None
    body: Body
    barrier: bool = False
    origin: str = ""


def text_of(time_us: int) -> str:
    """RFC 3339 of microseconds since 1970."""
    return rfc3339(from_micros(time_us))
