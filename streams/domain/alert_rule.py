"""The life of the alarm of one rule, after the states of ISA-18.2.

    raised ──> acknowledged ──> cleared        suppressed and shelved lie over the states of an open occurrence, in this order:
       └──────────────────────> cleared        what is suppressed is not shown as shelved, what is shelved not as raised

A rule has at most one open occurrence. An occurrence is named by when it was raised, in event time; what is told of it shows it
whole, as one more revision. A shelf belongs to the rule: occurrences raised while it lasts begin shelved.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from schemas.events.alert import Alert
from schemas.identity import derived_id
from schemas.instant import from_micros, rfc3339

Priority = Literal["low", "medium", "high", "urgent"]
State = Literal["raised", "acknowledged", "cleared", "shelved", "suppressed"]
SuppressedBy = Literal["design", "flood"]
Shown = tuple[State, Priority, bool, int, SuppressedBy | None]
NEVER = -1
MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class Cause:
    """What led to a step: when in event time, which event, and what it says."""

    time: int
    event: str
    text: str
    value: float | None = None
    limit: float | None = None
    unit: str = ""


@dataclass(slots=True)
class Rule:
    """The newest occurrence of a rule, and its shelf. Times in microseconds; NEVER: none was raised, or no shelf."""

    asset: str
    name: str
    channel: str | None = None
    raised_at: int = NEVER
    revision: int = 0
    priority: Priority = "medium"
    active: bool = False  # from raised to cleared
    acknowledged: bool = False
    suppressed: bool = False  # by design
    held: bool = False  # in a flood
    shelved_until: int = NEVER
    _told: Shown | None = field(init=False, default=None)

    def raise_at(self, time: int, priority: Priority) -> None:
        """Open an occurrence; one that is raised again at the instant it was raised goes on, for that instant is its name."""
        if self.raised_at != time:
            self.raised_at, self.revision = time, 0
        self.priority, self.active, self.acknowledged = priority, True, False
        self.suppressed = self.held = False
        self._told = None

    def clear(self) -> None:
        """The condition is over."""
        self.active = self.suppressed = self.held = False

    def expire(self, clock: int) -> None:
        """Take the rule off a shelf that has ended. A closed occurrence has no step for it."""
        if NEVER < self.shelved_until <= clock:
            self.shelved_until = NEVER
            if not self.active:
                self._told = self._shown

    @property
    def occurrence(self) -> str:
        """The id of the newest occurrence."""
        return occurrence_id(self.asset, self.name, self.raised_at)

    @property
    def changed(self) -> bool:
        """Whether there is something to tell."""
        return self.raised_at != NEVER and self._told != self._shown

    @property
    def _shown(self) -> Shown:
        by: SuppressedBy | None = "design" if self.suppressed else "flood" if self.held else None
        state: State
        if not self.active:
            state = "cleared"
        elif by is not None:
            state = "suppressed"
        elif self.shelved_until != NEVER:
            state = "shelved"
        else:
            state = "acknowledged" if self.acknowledged else "raised"
        return state, self.priority, self.acknowledged, self.shelved_until, by

    def tell(self, cause: Cause) -> Alert:
        """The next step. Its id has what a step's content depends on: actions and signals may come in either order."""
        self._told = self._shown
        self.revision += 1
        state, priority, acknowledged, until, by = self._told
        occurrence = self.occurrence
        return Alert(
            event_time=from_micros(cause.time),
            id=derived_id(Alert.TYPE, occurrence, self.revision, state, int(acknowledged), until, by or "", cause.event),
            alert=occurrence,
            asset=self.asset,
            rule=self.name,
            channel=self.channel,
            state=state,
            priority=priority,
            revision=self.revision,
            raised_at=from_micros(self.raised_at),
            value=cause.value,
            limit=cause.limit,
            unit=cause.unit,
            text=(cause.text + _remark(state, until, by))[:MAX_TEXT],
            cause=cause.event,
            acknowledged=acknowledged,
            shelved_until=None if until == NEVER else from_micros(until),
            suppressed_by=by,
        )

    def row(self) -> list[Any] | None:
        """What ``restore`` takes; None while there is nothing to keep."""
        if self.raised_at == NEVER:
            return None
        flags = self.active | self.acknowledged << 1 | self.suppressed << 2 | self.held << 3
        return [self.raised_at, self.revision, self.priority, flags, self.shelved_until]

    def restore(self, row: list[Any] | None) -> "Rule":
        """Take over what ``row`` gave. Everything has been told by then."""
        if row is not None:
            self.raised_at, self.revision, self.priority, flags, self.shelved_until = row
            self.active, self.acknowledged, self.suppressed, self.held = (bool(flags >> i & 1) for i in range(4))
            self._told = self._shown
        return self


def occurrence_id(asset: str, rule: str, raised_at: int) -> str:
    """The id that all steps of an occurrence share."""
    return derived_id("alert", asset, rule, raised_at)


def _remark(state: State, until: int, by: SuppressedBy | None) -> str:
    if state == "shelved":
        return f"; shelved until {rfc3339(from_micros(until))}"
    return {"design": "; suppressed by design", "flood": "; held back in a flood of alerts"}[by] if by else ""
