"""Alarms on limits: the means of a channel's windows against the limits of its asset's description.

    on-delay   beyond the limit in every window since, for so long   ──> raised
    off-delay  back inside by the deadband, for so long              ──> cleared

Windows are judged in the order of their topic. Where a description ties limits to execution states (``alarms_while``), the
windows of that asset wait until it is settled what the asset did during them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from schemas.events.alert import Alert
from schemas.events.asset import Asset, Channel
from schemas.events.window_aggregate import WindowAggregate
from schemas.instant import SECOND_US, to_micros
from streams.domain.alert_execution import ExecutionHistory
from streams.domain.alert_flood import Flood
from streams.domain.alert_rule import NEVER, Cause, Rule

KIND = "limit"
MOST_WAITING = 1_000  # windows of one asset; beyond that the oldest are judged by what is known
SIDES: tuple[Literal["high", "low"], ...] = ("high", "low")


class Judged(NamedTuple):
    """What is judged of a window."""

    channel: str
    unit: str
    start: int
    end: int
    mean: float
    id: str


@dataclass(slots=True)
class Side:
    """One limit of a channel. ``beyond`` and ``inside``: the start of the first window of the present run, or NEVER."""

    rule: Rule
    beyond: int = NEVER
    inside: int = NEVER


@dataclass(slots=True)
class JudgedChannel:
    """A channel: the start of the newest window taken, and both limits."""

    sides: dict[str, Side]
    window: int = NEVER


@dataclass(slots=True)
class Limits:
    """All channels of an asset. ``judged_until`` is the highest end of a window that was judged."""

    asset: str
    channels: dict[str, JudgedChannel] = field(default_factory=dict)
    waiting: list[Judged] = field(default_factory=list)
    judged_until: int = NEVER
    flood: Flood = field(init=False)

    def __post_init__(self) -> None:
        self.flood = Flood(Rule(self.asset, f"flood:{KIND}"))

    def take(self, window: WindowAggregate) -> int:
        """Queue a window. Returns its place in time: above 0 is news, 0 the newest one again, below 0 an older one."""
        start = to_micros(window.window.start)
        channel = self._channel(window.channel)
        place = start - channel.window
        if place > 0:
            channel.window = start
            end = to_micros(window.window.end)
            self.waiting.append(Judged(window.channel, window.unit, start, end, window.mean, window.id))
        return place

    def judge(self, described: Asset | None, did: ExecutionHistory) -> Iterator[Alert]:
        """Judge the windows that need not wait, oldest first."""
        tied = is_tied(described)
        while self.waiting and (not tied or did.is_settled(self.waiting[0].end) or len(self.waiting) > MOST_WAITING):
            window = self.waiting.pop(0)
            declared = described.channels.get(window.channel) if described is not None else None
            self.judged_until = max(self.judged_until, window.end)
            yield from self.flood.advance(window.end, self.rules(), window.id)
            suppressed = bool(declared and declared.alarms_while) and did.was_outside(
                window.start, window.end, declared.alarms_while if declared else ()
            )
            for name in SIDES:
                yield from self._judge_side(name, window, declared, suppressed)
            did.forget_before(window.start)

    def rules(self) -> Iterator[Rule]:
        """The rules of every channel."""
        return (side.rule for channel in self.channels.values() for side in channel.sides.values())

    def rule(self, name: str) -> Rule | None:
        """The rule of that name, if its channel has been heard."""
        if name == self.flood.rule.name:
            return self.flood.rule
        _, _, rest = name.partition(":")
        channel, _, side = rest.rpartition(":")
        found = self.channels.get(channel)
        return found.sides[side].rule if found is not None and side in found.sides else None

    def _judge_side(self, name: str, window: Judged, declared: Channel | None, suppressed: bool) -> Iterator[Alert]:
        side = self.channels[window.channel].sides[name]
        rule = side.rule
        rule.expire(window.end)
        limit = None if declared is None else (declared.high if name == "high" else declared.low)
        if declared is None or limit is None:
            side.beyond = side.inside = NEVER
            if rule.active:
                rule.clear()
        else:
            past = window.mean - limit if name == "high" else limit - window.mean  # above 0 is beyond the limit
            side.beyond = _run(side.beyond, past > 0, window.start)
            side.inside = _run(side.inside, past <= -declared.deadband, window.start)
            was_shown = rule.active and not rule.suppressed
            if not rule.active:
                if side.beyond != NEVER and window.end - side.beyond >= declared.on_delay_us:
                    rule.raise_at(window.end, declared.priority)
            elif side.inside != NEVER and window.end - side.inside >= declared.off_delay_us:
                rule.clear()
            rule.suppressed = suppressed and rule.active
            if rule.active and not suppressed and not was_shown:
                yield from self.flood.count(rule, window.end, window.id)
        if rule.changed:
            yield rule.tell(_cause(rule, side, name, window, limit))

    def _channel(self, name: str) -> JudgedChannel:
        found = self.channels.get(name)
        if found is None:
            sides: dict[str, Side] = {s: Side(Rule(self.asset, f"{KIND}:{name}:{s}", name)) for s in SIDES}
            found = self.channels[name] = JudgedChannel(sides)
        return found

    def row(self) -> list[Any]:
        """What ``restore`` takes: per channel the window, and per side the runs and the rule."""
        channels = {
            name: [c.window, *([s.beyond, s.inside, s.rule.row()] for s in (c.sides[side] for side in SIDES))]
            for name, c in self.channels.items()
        }
        return [channels, self.waiting, self.judged_until, self.flood.row()]

    def restore(self, row: list[Any]) -> None:
        """Take over what ``row`` gave."""
        channels, waiting, self.judged_until, flood = row
        for name, (window, *sides) in channels.items():
            channel = self._channel(name)
            channel.window = window
            for side, (beyond, inside, rule) in zip(SIDES, sides, strict=True):
                channel.sides[side] = Side(channel.sides[side].rule.restore(rule), beyond, inside)
        self.waiting = [Judged(*w) for w in waiting]
        self.flood.restore(flood)


def is_tied(described: Asset | None) -> bool:
    """Whether any limit of the asset alarms in some execution states only."""
    return described is not None and any(c.alarms_while for c in described.channels.values())


def _run(since: int, goes_on: bool, start: int) -> int:
    """The start of a run that goes on with the window that begins at ``start``, or ends before it."""
    if not goes_on:
        return NEVER
    return start if since == NEVER else since


def _cause(rule: Rule, side: Side, name: str, window: Judged, limit: float | None) -> Cause:
    unit = "" if window.unit == "1" else f" {window.unit}"
    if limit is None:
        bound = f"no longer has a {name} limit"
    elif rule.active:
        bound = f"is {'above' if name == 'high' else 'below'} {limit:g}{unit}"
        if side.beyond != NEVER:
            bound += f" for {(window.end - side.beyond) / SECOND_US:g} s"
        else:
            bound = f"is not yet back inside {limit:g}{unit} by its deadband"
    else:
        bound = f"is back inside {limit:g}{unit}"
    text = f"{window.channel} of {rule.asset} {bound}: mean {window.mean:g}{unit}"
    return Cause(window.end, window.id, text, window.mean, limit, window.unit)
