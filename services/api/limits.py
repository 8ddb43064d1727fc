"""How often a client may ask: a quota per window, told in RateLimit headers (draft-ietf-httpapi-ratelimit-headers)."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_S = 60
MOST_KEYS = 10_000  # beyond, the windows that are over are forgotten


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left in this window: ``remaining`` requests, ``reset_s`` seconds until the next one. Negative: too many."""

    quota: int
    remaining: int
    reset_s: int

    @property
    def exceeded(self) -> bool:
        """Whether this request is one too many."""
        return self.remaining < 0

    def headers(self) -> dict[str, str]:
        """As HTTP headers."""
        return {
            "RateLimit-Policy": f'"default";q={self.quota};w={WINDOW_S}',
            "RateLimit": f'"default";r={max(0, self.remaining)};t={self.reset_s}',
        }


class Limiter:
    """Counts requests per key in fixed windows. ``clock`` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[int, int]] = {}

    def take(self, key: str, quota: int) -> Allowance:
        """Count one request of ``key`` against ``quota`` per window."""
        now = self._clock()
        window = int(now // WINDOW_S)
        with self._lock:
            if len(self._windows) > MOST_KEYS:
                self._windows = {k: v for k, v in self._windows.items() if v[0] == window}
            begun, used = self._windows.get(key, (window, 0))
            used = used + 1 if begun == window else 1
            self._windows[key] = (window, used)
        return Allowance(quota, quota - used, max(1, int((window + 1) * WINDOW_S - now)))
