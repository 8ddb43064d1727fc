"""IANA time zones as the contracts speak them."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, reset_tzpath

from pydantic import AfterValidator, Field

reset_tzpath(())  # the zones of the package tzdata, and not of the host: two workers must agree on when a shift starts


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise ValueError(f"{name!r} is no IANA time zone") from exc
    return name


Zone = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_known)]
