"""The step aggregate: statistics per channel over windows of event time.

A window [start, end) closes when the watermark of its asset reaches ``end``. The watermark is the highest event time of the
asset in the records so far (frames and heartbeats) minus the allowed disorder, judged record by record: the readings of
a record are judged by the records before it. Readings of a closed window change nothing any more and are named late.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from schemas.envelope import Event, InputRange, Window
from schemas.events.heartbeat import Heartbeat
from schemas.events.sensor_frame import SensorFrame
from schemas.events.window_aggregate import WindowAggregate
from schemas.identity import derived_id
from schemas.instant import SECOND_US, from_micros, to_micros
from streams.domain.exact_moments import Moments
from streams.domain.fold import Folded, Origin, Outcome, References
from streams.domain.lateness import late_event
from streams.domain.sequences import Sequences
from streams.domain.state_bytes import pack, unpack

NAME = "aggregate"
VERSION = 1
WINDOW_US = 10 * SECOND_US
DISORDER_US = 5 * SECOND_US
NO_UNIT = "1"  # UCUM: a channel that the asset's description does not declare


@dataclass(slots=True)
class ChannelWindow:
    """The readings of one channel in one window, with the offsets of their frames."""

    first: int
    last: int
    moments: Moments = field(default_factory=Moments)

    def add(self, values: Sequence[float], offset: int) -> None:
        """Take the readings of the record at ``offset``."""
        self.last = offset
        self.moments.add(values)


@dataclass(slots=True)
class SensorState:
    """One asset: windows by start and channel that are open, and the time before which every window is closed."""

    asset: str
    sequences: Sequences = field(default_factory=Sequences)
    closed_until: int = 0
    open: dict[int, dict[str, ChannelWindow]] = field(default_factory=dict)


class AggregateLogic:
    """Windows of ``window_us`` that start at multiples of it since 1970; ``disorder_us`` is what the watermark lags behind."""

    def __init__(self, window_us: int = WINDOW_US, disorder_us: int = DISORDER_US) -> None:
        self._window = window_us
        self._disorder = disorder_us

    def route(self, event: Event) -> Sequence[str]:
        """One state per asset."""
        return (event.asset,) if isinstance(event, SensorFrame | Heartbeat) else ()

    def load(self, key: str, data: bytes | None) -> SensorState:
        """The state of an asset."""
        state = SensorState(key)
        if data is not None:
            body = unpack(data, VERSION, NAME, key)
            state.sequences.last, state.closed_until, rows = body
            for start, channel, first, last, *moments in rows:
                state.open.setdefault(start, {})[channel] = ChannelWindow(first, last, Moments(*moments))
        return state

    def dump(self, state: SensorState) -> bytes | None:
        """A row per open window and channel."""
        rows = [
            [start, name, c.first, c.last, m.n, m.total, m.squares, m.scale, m.low, m.high]
            for start, channels in state.open.items()
            for name, c in channels.items()
            for m in (c.moments,)
        ]
        return pack(VERSION, [state.sequences.last, state.closed_until, rows])

    def fold(self, state: SensorState, event: Event, origin: Origin, references: References) -> Folded:
        """Add the readings of a frame, or the time of a heartbeat, and close what is due."""
        assert isinstance(event, SensorFrame | Heartbeat)
        if not state.sequences.is_news(event):
            return Folded(Outcome.DUPLICATE)
        if isinstance(event, Heartbeat):
            time = to_micros(event.event_time)
            return Folded(Outcome.APPLIED, self._close(state, time, event.phase == "ending", origin, references))
        outcome, late = self._add(state, event, origin)
        return Folded(outcome, [*late, *self._close(state, event.last_time_us, False, origin, references)])

    def _add(self, state: SensorState, frame: SensorFrame, origin: Origin) -> tuple[Outcome, list[Event]]:
        begin = to_micros(frame.event_time)
        in_time = late = 0
        oldest = state.closed_until
        for start, row, end_row in self._spans(begin, frame.times_us):
            is_late = start + self._window <= state.closed_until
            for channel, column in frame.columns.items():
                values = [v for v in column[row:end_row] if v is not None]
                if is_late:
                    late += len(values)
                elif values:
                    in_time += len(values)
                    self._channel(state, start, channel, origin.offset).add(values, origin.offset)
            if is_late:
                oldest = min(oldest, begin + frame.times_us[row])
        if not late:
            return Outcome.APPLIED, []
        outcome = Outcome.APPLIED if in_time else Outcome.LATE
        return outcome, [late_event(NAME, frame, origin, state.closed_until - oldest, late)]

    def _spans(self, begin: int, times: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        """(window start, first row, row after the last) of each window that the rows lie in."""
        row = 0
        while row < len(times):
            start = (begin + times[row]) // self._window * self._window
            end_row = bisect_left(times, start + self._window - begin, row)
            yield start, row, end_row
            row = end_row

    def _channel(self, state: SensorState, start: int, channel: str, offset: int) -> ChannelWindow:
        channels = state.open.setdefault(start, {})
        found = channels.get(channel)
        if found is None:
            found = channels[channel] = ChannelWindow(offset, offset)
        return found

    def _close(self, state: SensorState, time: int, ending: bool, origin: Origin, references: References) -> list[Event]:
        closed = max(0, time - self._disorder) // self._window * self._window
        if ending:  # the source sends no more: the window that holds the end is complete as it is
            closed = max(closed, (time // self._window + 1) * self._window)
        state.closed_until = max(state.closed_until, closed)
        out: list[Event] = []
        for start in sorted(s for s in state.open if s + self._window <= state.closed_until):
            channels = state.open.pop(start)
            out += [self._result(state.asset, c, start, channels[c], origin, references) for c in sorted(channels)]
        return out

    def _result(
        self, asset: str, channel: str, start: int, window: ChannelWindow, origin: Origin, references: References
    ) -> WindowAggregate:
        described = references.asset(asset)
        declared = described.channels.get(channel) if described else None
        end, moments = from_micros(start + self._window), window.moments
        return WindowAggregate(
            event_time=end,
            id=derived_id(WindowAggregate.TYPE, asset, channel, start, 1),
            asset=asset,
            channel=channel,
            unit=declared.unit if declared else NO_UNIT,
            window=Window(start=from_micros(start), end=end),
            n=moments.n,
            mean=moments.mean,
            sd=moments.sd,
            min=moments.low,
            max=moments.high,
            rms=moments.rms,
            inputs=[InputRange(topic=origin.topic, partition=origin.partition, first_offset=window.first, last_offset=window.last)],
        )
