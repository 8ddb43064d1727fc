"""Local times without a zone, as job reports write them, and what is uncertain about them."""

from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from schemas.instant import to_micros

AMBIGUOUS = "ambiguous local times"
NONEXISTENT = "local times that the clocks skipped"


class LocalClock:
    """Reads times in a zone. ``seen`` counts what is uncertain.

    Where clocks are set back, a local time comes twice and means the first; a complete that would lie before its start
    means the second. A time that the clocks skip is read by the offset before the change, as if they had not been set.
    """

    def __init__(self, zone: str, form: str, seen: Counter[str]) -> None:
        self._zone = ZoneInfo(zone)
        self._form = form
        self._seen = seen

    def start(self, text: str) -> int:
        """Microseconds since 1970. Raises ValueError."""
        return self._read(text)[0]

    def complete(self, text: str, start_us: int) -> int:
        """Microseconds since 1970, of the two readings of an ambiguous time the first that is not before ``start_us``."""
        first, second = self._read(text)
        return first if first >= start_us else max(first, second)

    def _read(self, text: str) -> tuple[int, int]:
        """Both readings; equal where there is only one."""
        moment = datetime.fromisoformat(text) if self._form == "iso" else datetime.strptime(text, self._form)
        if moment.tzinfo is not None:
            return to_micros(moment), to_micros(moment)
        local = moment.replace(tzinfo=self._zone)
        first, second = (to_micros(local.replace(fold=fold).astimezone(UTC)) for fold in (0, 1))
        if first < second:
            self._seen[AMBIGUOUS] += 1
            return first, second
        if first > second:
            self._seen[NONEXISTENT] += 1
        return first, first
