"""The step alert: alarms on aggregates beyond a limit and on conditions of the machine (ISA-18.2).

Each rule of an asset has at most one open occurrence. An occurrence is named by when it was raised, in event time, and each
step of its life is a revision of it. Windows and conditions older than the last judged one change nothing, so that records
out of order can't make an alarm flap. The two kinds of rules read one topic each and share nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeGuard

from schemas.envelope import Event
from schemas.events.alert import Alert
from schemas.events.asset import Channel
from schemas.events.machine_event import ConditionChanged, MachineEvent
from schemas.events.window_aggregate import WindowAggregate
from schemas.identity import derived_id
from schemas.instant import from_micros, to_micros
from streams.domain.fold import Folded, Origin, Outcome, References
from streams.domain.sequences import Sequences
from streams.domain.state_bytes import pack, unpack

NAME = "alert"
VERSION = 1
CONSECUTIVE = 2  # windows beyond the limit that raise: one alone may be a spike
SIDES: tuple[Literal["high", "low"], ...] = ("high", "low")
PRIORITY: dict[str, Literal["medium", "high"]] = {"warning": "medium", "fault": "high"}
Priority = Literal["low", "medium", "high", "urgent"]


@dataclass(slots=True)
class Occurrence:
    """The newest alarm of a rule: since when, at which step, how urgent, and whether it is open."""

    raised_at: int
    revision: int
    priority: Priority
    open: bool = True


@dataclass(slots=True)
class Side:
    """One limit of a channel: windows beyond it in a row, and the newest alarm."""

    beyond: int = 0
    alarm: Occurrence | None = None


@dataclass(slots=True)
class JudgedChannel:
    """A channel: the start of the last judged window and both limits."""

    window: int = -1
    sides: dict[str, Side] = field(default_factory=lambda: {s: Side() for s in SIDES})


@dataclass(slots=True)
class JudgedCondition:
    """A condition: (event time, sequence, source) of the last judged fact, and the newest alarm."""

    last: tuple[int, int, str] = (-1, 0, "")
    alarm: Occurrence | None = None


@dataclass(slots=True)
class AlertState:
    """Everything judged about one asset."""

    asset: str
    sequences: Sequences = field(default_factory=Sequences)  # of the conditions
    channels: dict[str, JudgedChannel] = field(default_factory=dict)
    conditions: dict[str, JudgedCondition] = field(default_factory=dict)


class AlertLogic:
    """Limits come from the asset's description: a limit that is taken away clears what it had raised."""

    def route(self, event: Event) -> Sequence[str]:
        """One state per asset; facts that are no condition touch none."""
        if isinstance(event, WindowAggregate) or (isinstance(event, MachineEvent) and isinstance(event.fact, ConditionChanged)):
            return (event.asset,)
        return ()

    def load(self, key: str, data: bytes | None) -> AlertState:
        """The state of an asset."""
        state = AlertState(key)
        if data is not None:
            state.sequences.last, channels, conditions = unpack(data, VERSION, NAME, key)
            for name, (window, *sides) in channels.items():
                loaded: dict[str, Side] = {s: Side(beyond, _occurrence(o)) for s, (beyond, o) in zip(SIDES, sides, strict=True)}
                state.channels[name] = JudgedChannel(window, loaded)
            for item, (last, o) in conditions.items():
                state.conditions[item] = JudgedCondition(tuple(last), _occurrence(o))
        return state

    def dump(self, state: AlertState) -> bytes | None:
        """Per channel [window, high, low] and per condition [last, open]."""
        channels = {
            name: [c.window, *([side.beyond, _row(side.alarm)] for side in (c.sides[s] for s in SIDES))]
            for name, c in state.channels.items()
        }
        conditions = {item: [c.last, _row(c.alarm)] for item, c in state.conditions.items()}
        return pack(VERSION, [state.sequences.last, channels, conditions])

    def fold(self, state: AlertState, event: Event, origin: Origin, references: References) -> Folded:
        """Judge one window or one condition."""
        del origin
        if isinstance(event, WindowAggregate):
            described = references.asset(event.asset)
            declared = described.channels.get(event.channel) if described else None
            return _judge_window(state, event, declared)
        assert isinstance(event, MachineEvent) and isinstance(event.fact, ConditionChanged)
        return _judge_condition(state, event, event.fact)


def _judge_window(state: AlertState, window: WindowAggregate, declared: Channel | None) -> Folded:
    start = to_micros(window.window.start)
    judged = state.channels.setdefault(window.channel, JudgedChannel())
    if start <= judged.window:
        return Folded(Outcome.DUPLICATE if start == judged.window else Outcome.LATE)
    judged.window = start
    return Folded(Outcome.APPLIED, list(_judge_limits(judged, window, declared)))


def _judge_limits(judged: JudgedChannel, window: WindowAggregate, declared: Channel | None) -> Iterator[Alert]:
    for name in SIDES:
        side = judged.sides[name]
        limit = None if declared is None else (declared.high if name == "high" else declared.low)
        if declared is None or limit is None:
            side.beyond = 0
            if _is_open(side.alarm):
                yield _limit_alert(_cleared(side.alarm), "cleared", name, window, None)
            continue
        past = window.mean - limit if name == "high" else limit - window.mean  # above 0 is beyond the limit
        side.beyond = min(side.beyond + 1, CONSECUTIVE) if past > 0 else 0
        if _is_open(side.alarm):
            if past <= -declared.deadband:
                yield _limit_alert(_cleared(side.alarm), "cleared", name, window, limit)
        elif side.beyond == CONSECUTIVE:
            side.alarm = _raised(side.alarm, to_micros(window.window.end), declared.priority)
            yield _limit_alert(side.alarm, "raised", name, window, limit)


def _limit_alert(
    occurrence: Occurrence, step: Literal["raised", "cleared"], side: str, window: WindowAggregate, limit: float | None
) -> Alert:
    unit = "" if window.unit == "1" else f" {window.unit}"
    if limit is None:
        bound = f"no longer has a {side} limit"
    elif step == "raised":
        bound = f"is {'above' if side == 'high' else 'below'} {limit:g}{unit} for {CONSECUTIVE} windows"
    else:
        bound = f"is back inside {limit:g}{unit}"
    return _alert(
        occurrence,
        step,
        asset=window.asset,
        rule=f"limit:{window.channel}:{side}",
        event_time=window.window.end,
        channel=window.channel,
        value=window.mean,
        limit=limit,
        unit=window.unit,
        text=f"{window.channel} of {window.asset} {bound}: mean {window.mean:g}{unit}",
        cause=window.id,
    )


def _judge_condition(state: AlertState, event: MachineEvent, fact: ConditionChanged) -> Folded:
    if not state.sequences.is_news(event):
        return Folded(Outcome.DUPLICATE)
    judged = state.conditions.setdefault(fact.item, JudgedCondition())
    at = (to_micros(event.event_time), event.sequence, event.source)
    if at < judged.last:
        return Folded(Outcome.LATE)
    judged.last = at
    return Folded(Outcome.APPLIED, list(_condition_steps(judged, event, fact)))


def _condition_steps(judged: JudgedCondition, event: MachineEvent, fact: ConditionChanged) -> Iterator[Alert]:
    """``unavailable`` is neither: nobody knows, so an open alarm stays open."""
    alarm, priority = judged.alarm, PRIORITY.get(fact.level)
    if priority is None:
        if fact.level == "normal" and _is_open(alarm):
            yield _condition_alert(_cleared(alarm), "cleared", event, fact)
    elif not _is_open(alarm):
        judged.alarm = _raised(alarm, to_micros(event.event_time), priority)
        yield _condition_alert(judged.alarm, "raised", event, fact)
    elif priority == "high" != alarm.priority:  # a warning grew to a fault: more urgent, the same occurrence
        alarm.priority = priority
        alarm.revision += 1
        yield _condition_alert(alarm, "raised", event, fact)


def _condition_alert(
    occurrence: Occurrence, step: Literal["raised", "cleared"], event: MachineEvent, fact: ConditionChanged
) -> Alert:
    said = " ".join(w for w in (fact.native_code, fact.message) if w)
    return _alert(
        occurrence,
        step,
        asset=event.asset,
        rule=f"condition:{fact.item}",
        event_time=event.event_time,
        text=f"{fact.item} of {event.asset} is at {fact.level}{f': {said}' if said else ''}"[:500],
        cause=event.event_id,
    )


def _alert(occurrence: Occurrence, step: Literal["raised", "cleared"], *, asset: str, rule: str, **rest: Any) -> Alert:
    revision, at = occurrence.revision, occurrence.raised_at
    return Alert(
        id=derived_id(Alert.TYPE, asset, rule, at, revision),
        alert=derived_id("alert", asset, rule, at),
        asset=asset,
        rule=rule,
        state=step,
        priority=occurrence.priority,
        revision=revision,
        raised_at=from_micros(at),
        **rest,
    )


def _is_open(alarm: Occurrence | None) -> TypeGuard[Occurrence]:
    return alarm is not None and alarm.open


def _raised(before: Occurrence | None, at: int, priority: Priority) -> Occurrence:
    """A new occurrence; one that is raised again at the instant it was raised goes on, for that instant is its name."""
    revision = before.revision + 1 if before is not None and before.raised_at == at else 1
    return Occurrence(at, revision, priority)


def _cleared(alarm: Occurrence) -> Occurrence:
    alarm.open = False
    alarm.revision += 1
    return alarm


def _row(alarm: Occurrence | None) -> list[Any] | None:
    return None if alarm is None else [alarm.raised_at, alarm.revision, alarm.priority, alarm.open]


def _occurrence(row: list[Any] | None) -> Occurrence | None:
    return None if row is None else Occurrence(*row)
