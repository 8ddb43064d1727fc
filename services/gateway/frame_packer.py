"""Packs readings of one asset into frames: at most 2 s of event time or 500 readings, rows in time order."""

from bisect import bisect_right
from dataclasses import dataclass, field

from services.gateway.draft import Body, text_of

SPAN_US = 2_000_000
MOST_READINGS = 500


@dataclass(slots=True)
class FramePacker:
    """Collects readings until a frame is full. A reading behind the start of the open frame closes it and opens its own."""

    _times: list[int] = field(default_factory=list)
    _rows: list[dict[str, float]] = field(default_factory=list)
    _readings: int = 0

    def add(self, time_us: int, channel: str, value: float) -> Body | None:
        """Take a reading; returns the body of the frame that it closed, if any."""
        closed = self.close() if self._times and not self._fits(time_us) else None
        at = bisect_right(self._times, time_us)
        if at and self._times[at - 1] == time_us and channel not in self._rows[at - 1]:
            self._rows[at - 1][channel] = value
        else:
            self._times.insert(at, time_us)
            self._rows.insert(at, {channel: value})
        self._readings += 1
        return closed

    def close(self) -> Body | None:
        """The body of the open frame, without asset, source and sequence; None when no reading is held."""
        if not self._times:
            return None
        start, rows = self._times[0], self._rows
        channels = list(dict.fromkeys(channel for row in rows for channel in row))
        body: Body = {
            "type": "factory.sensor-frame.v1",
            "event_time": text_of(start),
            "times_us": [t - start for t in self._times],
            "columns": {c: [row.get(c) for row in rows] for c in channels},
        }
        self._times, self._rows, self._readings = [], [], 0
        return body

    @property
    def readings(self) -> int:
        """Readings held in the open frame."""
        return self._readings

    def _fits(self, time_us: int) -> bool:
        return 0 <= time_us - self._times[0] <= SPAN_US and self._readings < MOST_READINGS
