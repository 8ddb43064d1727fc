"""The step spc: statistical process control of the channels whose description asks for a chart or has a specification.

Readings wait until nothing earlier can come in time (:mod:`streams.domain.spc_waiting`); in the order of event time they form
subgroups, subgroups form phase 1 and then points (:mod:`streams.domain.spc_chart`), points raise and clear alarms
(:mod:`streams.domain.spc_rules`), and hours tell capability (:mod:`streams.domain.spc_capability`). An end makes due what waits,
and what is known of capability; a subgroup that is not full goes on. A channel without a chart and without a specification
leaves no trace here, nor does an asset that has none with either.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.envelope import Event, SourceEvent
from schemas.events.asset import Channel
from schemas.events.heartbeat import Heartbeat
from schemas.events.sensor_frame import SensorFrame
from schemas.instant import to_micros
from streams.domain.fold import Folded, Origin, Outcome, References
from streams.domain.lateness import late_event
from streams.domain.sequences import Sequences
from streams.domain.spc_channel import ChannelChart, channel_chart
from streams.domain.spc_waiting import DISORDER_US, Tail, Waiting
from streams.domain.state_bytes import pack, unpack

NAME = "spc"
VERSION = 1


@dataclass(slots=True)
class SpcState:
    """One asset: what waits, and a chart per channel."""

    asset: str
    sequences: Sequences = field(default_factory=Sequences)
    waiting: Waiting = field(default_factory=Waiting)
    channels: dict[str, ChannelChart] = field(default_factory=dict)


class SpcLogic:
    """``disorder_us`` is what the watermark lags behind."""

    def __init__(self, disorder_us: int = DISORDER_US) -> None:
        self._disorder = disorder_us

    def route(self, event: Event) -> Sequence[str]:
        """One state per asset."""
        return (event.asset,) if isinstance(event, SensorFrame | Heartbeat) else ()

    def load(self, key: str, data: bytes | None) -> SpcState:
        """The state of an asset."""
        state = SpcState(key)
        if data is not None:
            state.sequences.last, state.waiting.mark, tails, channels = unpack(data, VERSION, NAME, key)
            state.waiting.tails = [Tail(*row) for row in tails]
            state.channels = {name: channel_chart(row) for name, row in channels.items()}
        return state

    def dump(self, state: SpcState) -> bytes | None:
        """[sequences, mark, what waits, a row per channel]; nothing for an asset without charts."""
        if not state.channels:
            return None
        rows = {name: chart.row() for name, chart in state.channels.items()}
        return pack(VERSION, [state.sequences.last, state.waiting.mark, state.waiting.rows(), rows])

    def fold(self, state: SpcState, event: Event, origin: Origin, references: References) -> Folded:
        """Let the readings of a frame wait, or take the time of a heartbeat, and judge what is due."""
        assert isinstance(event, SensorFrame | Heartbeat)
        described = references.asset(event.asset)
        channels = described.channels if described else {}
        declared = {n: c for n, c in channels.items() if c.control is not None or c.specification is not None}
        if not declared and not state.channels:
            return Folded(Outcome.APPLIED, touched=False)
        if not state.sequences.is_news(event):
            return Folded(Outcome.DUPLICATE)
        outputs = list(_follow(state, declared, event))
        outcome = Outcome.APPLIED
        if isinstance(event, SensorFrame):
            in_time, late, oldest = state.waiting.take(event, declared)
            if late:
                outcome = Outcome.APPLIED if in_time else Outcome.LATE
                outputs.append(late_event(NAME, event, origin, state.waiting.mark - oldest, late))
            mark, ending = event.last_time_us - self._disorder, False
        else:
            ending = event.phase == "ending"
            mark = to_micros(event.event_time) + (1 if ending else -self._disorder)
        outputs += _judge(state, declared, mark, ending)
        if not state.channels:
            state.sequences, state.waiting = Sequences(), Waiting()
        return Folded(outcome, outputs)


def _follow(state: SpcState, declared: Mapping[str, Channel], event: SourceEvent) -> Iterator[Event]:
    """Take on what the asset's description asks for now."""
    time = to_micros(event.event_time)
    for name in sorted(state.channels.keys() - declared.keys()):
        yield from state.channels.pop(name).withdraw(state.asset, name, "", time, event.event_id)
    for name, channel in declared.items():
        chart = state.channels.setdefault(name, ChannelChart())
        yield from chart.follow(state.asset, name, channel, time, event.event_id)


def _judge(state: SpcState, declared: Mapping[str, Channel], mark: int, ending: bool) -> Iterator[Event]:
    """Hand out what lies before the mark, and tell the capability of the hours that it has passed."""
    for reading in state.waiting.advance(mark):
        if reading.channel in declared:
            yield from state.channels[reading.channel].take(state.asset, declared[reading.channel], reading)
    for name in sorted(declared):
        yield from state.channels[name].tell_due(state.asset, name, declared[name], state.waiting.mark, ending)
