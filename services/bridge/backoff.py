"""How long to wait before the next attempt. Pure: chance comes in as a number."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def delay(attempt: int, chance: float, first_s: float, longest_s: float) -> float:
    """Seconds before attempt ``attempt`` + 1 (from 1): doubled each time up to ``longest_s``, then cut by up to half.

    ``chance`` in [0, 1) spreads many clients over the time ("equal jitter").
    """
    whole = min(longest_s, first_s * 2.0 ** min(attempt - 1, 32))
    return whole * (1.0 - chance / 2.0)


def retry_after(header: str | None, now: datetime) -> float:
    """Seconds that a Retry-After header asks for (RFC 9110, 10.2.3: seconds or a date); 0 when it says nothing usable."""
    if not header:
        return 0.0
    if header.strip().isdigit():
        return float(header.strip())
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
