"""A measure as an event."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from schemas.envelope import InputRange, Status, Window
from schemas.events.machine_event import Execution, MachineState
from schemas.events.measure import AccountEntry, ElementEntry, Measure, NamedWindow, Quantity
from schemas.identity import derived_id
from schemas.instant import HOUR_US, from_micros
from schemas.packml import PackMLState
from schemas.registry import INSPECTION, MACHINE
from schemas.time_element import TimeElement
from streams.domain.hour_record import QUANTITIES, Content, QuantityKey, Told, WindowName

TOPICS = (MACHINE.name, INSPECTION.name)
_STATES: dict[str, MachineState] = {s.value: s for s in (*Execution, *PackMLState)}


class HourAccount(NamedTuple):
    """What is told of an hour."""

    start: int
    until: int
    content: Content
    windows: list[WindowName]
    calendar: int | None
    loss_model: int | None
    due: bool

    def digest(self) -> str:
        """A name of what is told."""
        content = [sorted(part.items(), key=repr) for part in self.content]
        text = json.dumps([self.until, content, self.windows, self.calendar, self.loss_model, self.due], separators=(",", ":"))
        return derived_id(text)[:12]


class Saying(NamedTuple):
    """How an hour is told."""

    asset: str
    site: str | None
    status: Status
    reason: str | None
    partition: int


def named_in(content: Content) -> list[tuple[str | None, str | None]]:
    """The orders and parts that a content names."""
    elements = {(order, part) for _, _, order, part, _, _ in content.elements}
    quantities = {(order, part) for _, _, order, part in content.quantities}
    return sorted({pair for pair in elements | quantities if pair != (None, None)}, key=repr)


def next_told(before: Told, account: HourAccount, line: str) -> Told:
    """The record of the next measure about an hour. What an earlier one named stays named, a window by its newest bounds."""
    bounds = {(kind, name): (start, end) for kind, name, start, end in (*before.windows, *account.windows)}
    windows = sorted((*key, *value) for key, value in bounds.items())
    named = sorted({*before.named, *named_in(account.content)}, key=repr)
    return Told(before.revision + 1, before.line or line, named, windows, account.until, account.digest(), account.due)


def measure(account: HourAccount, told: Told, saying: Saying, offsets: Sequence[tuple[int, int, int]]) -> Measure:
    """The event. Its id names the content too: after a crash the two topics may have been read in another interleaving."""
    start, until, content = account.start, account.until, account.content
    return Measure(
        event_time=from_micros(until),
        id=derived_id(Measure.TYPE, saying.asset, start, told.revision, saying.status, told.digest),
        asset=saying.asset,
        line=told.line,
        site=saying.site,
        window=_window(start, start + HOUR_US),
        revision=told.revision,
        status=saying.status,
        due=told.due,
        observed_until=from_micros(until),
        account=[
            AccountEntry(order=order, state=_STATES[state], duration_us=time)
            for (order, state), time in sorted(content.account.items(), key=lambda item: (item[0][0] or "", item[0][1]))
        ],
        elements=[
            ElementEntry(
                day=key[0], shift=key[1], order=key[2], part=key[3], element=TimeElement(key[4]), reason=key[5],
                duration_us=time, begun=begun,
            )
            for key, (time, begun) in sorted(content.elements.items(), key=_by_text)
        ],
        quantities=[
            Quantity(day=key[0], shift=key[1], order=key[2], part=key[3], **dict(zip(QUANTITIES, numbers, strict=True)))
            for key, numbers in sorted((content.quantities | _lost(account, told)).items(), key=_by_text)
        ],
        windows=[NamedWindow.model_validate({"kind": k, "id": i, "window": _window(a, b)}) for k, i, a, b in told.windows],
        calendar_version=account.calendar,
        loss_model_version=account.loss_model,
        inputs=[
            InputRange(topic=TOPICS[topic], partition=saying.partition, first_offset=first, last_offset=last)
            for topic, first, last in offsets
        ],
        reason=saying.reason and saying.reason[:200],
    )  # fmt: skip


def _lost(account: HourAccount, told: Told) -> dict[QuantityKey, list[int]]:
    """Zeros for the orders and parts that were named before and are not any more, so that sums by them learn of it."""
    orders = {o for o, _ in account.content.account} | {
        key[2] for key in account.content.quantities
    }  # unknown time alone is not enough
    parts = {p for _, p in named_in(account.content)}
    day = min(name for kind, name, _, _ in account.windows if kind == "day")
    gone = [(o, p) for o, p in told.named if (o is not None and o not in orders) or (p is not None and p not in parts)]
    return {(day, None, order, part): [0] * len(QUANTITIES) for order, part in gone}


def _by_text(item: tuple[tuple[str | None, ...], list[int]]) -> tuple[str, ...]:
    return tuple(part or "" for part in item[0])


def _window(start: int, end: int) -> Window:
    return Window(start=from_micros(start), end=from_micros(end))
