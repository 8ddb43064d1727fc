"""IANA time zones as the contracts speak them."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise ValueError(f"{name!r} is no IANA time zone") from exc
    return name


Zone = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_known)]
