"""Turns what one machine says into events: readings into frames, changes into facts, the rest into counts."""

import math
import re
from collections.abc import Hashable
from typing import Any

from schemas.events.sensor_frame import MAX_VALUE
from schemas.registry import MACHINE, SENSOR
from services.gateway.asset_card import AssetCard, channel_name
from services.gateway.devices import DataItem, Device, Kind
from services.gateway.draft import Body, Draft, text_of
from services.gateway.fact_history import ItemHistory
from services.gateway.frame_packer import FramePacker
from services.gateway.observation import UNAVAILABLE, Condition, Observation
from services.gateway.tally import Tally

CHANNEL_KINDS = (Kind.READING, Kind.POSITION)
#: names that machines use for the items with a contract of their own, for logs without a devices document
WELL_KNOWN = {
    "execution": Kind.EXECUTION,
    "mode": Kind.MODE,
    "controller_mode": Kind.MODE,
    "controllermode": Kind.MODE,
    "program": Kind.PROGRAM,
}
#: numbers that are names or settings rather than measurements
DISCRETE = re.compile(r"tool|line|num|count|program|ovr|override|block|unit|pallet|part|asset", re.IGNORECASE)


class Interpreter:
    """One asset of one source. Feed it in the order of the source; it never asks what time it is."""

    def __init__(self, card: AssetCard, source: str, device: Device, tally: Tally) -> None:
        self.card = card
        self.source = source
        self.tally = tally
        self._items: dict[str, DataItem] = dict(device.items)
        self._declared = frozenset(device.items)
        self._history: dict[str, ItemHistory] = {}
        self._packer = FramePacker()
        self._day_us: int | None = None
        self._opening: dict[str, tuple[DataItem, Observation, str]] | None = None
        self._opened: dict[str, int] = {}

    def layout(self) -> str:
        """How the items are understood, for a restart to see that it still understands them so."""
        return repr(sorted((name, item.name, item.kind.value, item.unit) for name, item in self._items.items()))

    def begin_day(self, day_us: int) -> list[Draft]:
        """A log of the day that starts at ``day_us`` begins: what it stamps before that held when the day began."""
        drafts = self.end_snapshot()
        self._day_us, self._opening, self._opened = day_us, {}, {}
        return drafts

    def end_snapshot(self) -> list[Draft]:
        """The facts that held when the day began: the newest of each item, with ``since``."""
        opening, self._opening = self._opening, None
        out: list[Draft] = []
        for item, observation, origin in (opening or {}).values():
            out += self._snapshot_fact(item, observation, origin)
        return out

    def observe(self, observation: Observation, origin: str = "") -> list[Draft]:
        """The drafts that follow from one observation. Raises ValueError when it makes no sense for its item."""
        if self._day_us is not None and observation.time_us < self._day_us:
            return self._before_the_day(observation, origin)
        self.tally.saw(observation.time_us)
        drafts = self.end_snapshot() if self._opening is not None else []
        item = self._item(observation)
        if item is None or (item.kind in CHANNEL_KINDS and observation.unavailable):
            self.tally.lines["unavailable"] += 1
            return drafts
        if item.kind in CHANNEL_KINDS:
            return drafts + self._reading(item, observation)
        return drafts + self._fact(item, observation, origin)

    def hold(self, observation: Observation, since_us: int, origin: str = "") -> list[Draft]:
        """A fact that held already when the source began to watch at ``observation.time_us``; readings are only counted.

        Raises ValueError like :meth:`observe`.
        """
        item = self._item(observation)
        self.tally.lines["snapshot"] += 1
        if item is None or item.kind in CHANNEL_KINDS:
            return []
        return self._news(item, observation, min(since_us, observation.time_us), origin)

    def flush(self) -> list[Draft]:
        """The open frame, if it holds a reading."""
        return self._frame(self._packer.close())

    def _before_the_day(self, observation: Observation, origin: str) -> list[Draft]:
        item = self._item(observation)
        self.tally.lines["snapshot"] += 1
        if item is None or item.kind in CHANNEL_KINDS or observation.time_us < self._opened.get(item.name, observation.time_us):
            return []
        self._opened[item.name] = observation.time_us
        if self._opening is not None:
            self._opening[item.name] = item, observation, origin
            return []
        return self._snapshot_fact(item, observation, origin)

    def _snapshot_fact(self, item: DataItem, observation: Observation, origin: str) -> list[Draft]:
        assert self._day_us is not None
        drafts = self._news(item, observation.at(self._day_us), observation.time_us, origin)
        self.tally.saw(self._day_us)
        self.tally.snapshot_facts += len(drafts)
        return drafts

    def _reading(self, item: DataItem, observation: Observation) -> list[Draft]:
        words = observation.value.split() if item.kind is Kind.POSITION else [observation.value]
        if item.kind is Kind.POSITION and len(words) != 3:
            raise ValueError(f"{item.name} is a position of three numbers, not {observation.value[:60]!r}")
        channel = channel_name(item.name)
        names = [f"{channel}.{axis}" for axis in "xyz"] if item.kind is Kind.POSITION else [channel]
        values = [_number(item.name, word) for word in words]
        drafts = self._register_channels(names, item.unit, observation.time_us)
        for name, value in zip(names, values, strict=True):
            drafts += self._frame(self._packer.add(observation.time_us, name, value))
        self.tally.readings += len(values)
        self.tally.lines["reading"] += 1
        return drafts

    def _fact(self, item: DataItem, observation: Observation, origin: str) -> list[Draft]:
        drafts = self._news(item, observation, None, origin)
        self.tally.lines["fact" if drafts else "repeated"] += 1
        return drafts

    def _news(self, item: DataItem, observation: Observation, since_us: int | None, origin: str) -> list[Draft]:
        body = _fact_body(item, observation)
        history = self._history.setdefault(item.name, ItemHistory())
        verdict = history.observe(observation.time_us, _value(body))
        drafts = [self._machine_event(observation.time_us, body, since_us, origin)] if verdict.news else []
        for time_us in verdict.restored:
            self.tally.restored += 1
            drafts.append(self._machine_event(time_us, _with_value(body, history.value_at(time_us)), None, origin))
        return drafts

    def _machine_event(self, time_us: int, fact: Body, since_us: int | None, origin: str) -> Draft:
        body: Body = {"type": "factory.machine-event.v1", "event_time": text_of(time_us), "fact": fact}
        if since_us is not None:
            body["since"] = text_of(since_us)
        return Draft(MACHINE, self.source, self.card.asset, body, origin=origin)

    def _frame(self, body: Body | None) -> list[Draft]:
        return [] if body is None else [Draft(SENSOR, self.source, self.card.asset, body)]

    def _register_channels(self, names: list[str], unit: str, time_us: int) -> list[Draft]:
        new = [n for n in names if n not in self.card.channels]
        for name in new:
            self.card.declare(name, unit)
        return [self.card.draft(self.source, time_us)] if new else []

    def _item(self, observation: Observation) -> DataItem | None:
        """The declared item or, for one that no document declares, what its name and shape say; None while it never had a value."""
        if observation.item not in self._declared:
            self.tally.undeclared[observation.item] += 1
        known = self._items.get(observation.item)
        if known is not None:
            if (known.kind is Kind.CONDITION) != (observation.condition is not None):
                raise ValueError(
                    f"{known.name} is {'a' if known.kind is Kind.CONDITION else 'no'} condition, and the line is not of that form"
                )
            return known
        guessed = _guess(observation)
        if guessed is not None:
            self._items[observation.item] = guessed
        return guessed


def _guess(observation: Observation) -> DataItem | None:
    name = observation.item[:64]
    if observation.condition is not None:
        return DataItem(name, Kind.CONDITION, "", "1")
    kind = WELL_KNOWN.get(name.lower())
    if kind is None and observation.value == UNAVAILABLE:
        return None
    if kind is None:
        kind = Kind.READING if _is_number(observation.value) and not DISCRETE.search(name) else Kind.SIGNAL
    return DataItem(name, kind, "", "1")


def _fact_body(item: DataItem, observation: Observation) -> Body:
    if observation.condition is not None:
        return {"kind": "condition", "item": item.name, **_condition_words(observation.condition)}
    if item.kind is Kind.EXECUTION:
        return {"kind": "execution", "state": observation.value}
    if item.kind is Kind.MODE:
        return {"kind": "mode", "mode": observation.value}
    if item.kind is Kind.PROGRAM:
        return {"kind": "program", "program": observation.value}
    return {"kind": "signal", "item": item.name, "value": observation.value}


def _condition_words(condition: Condition) -> dict[str, str]:
    text = f"{condition.qualifier}: {condition.text}" if condition.qualifier else condition.text
    return {"level": condition.level, "native_code": condition.native_code, "message": text}


def _value(fact: Body) -> Hashable:
    """What of a fact makes it different from another of the same item."""
    return tuple(fact[k] for k in sorted(fact) if k not in ("kind", "item"))


def _with_value(fact: Body, value: Hashable) -> Body:
    names = [k for k in sorted(fact) if k not in ("kind", "item")]
    words: Any = value
    return {**fact, **dict(zip(names, words, strict=True))}


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _number(item: str, text: str) -> float:
    if not _is_number(text) or abs(float(text)) > MAX_VALUE:
        raise ValueError(f"{item} is a channel, and {text[:60]!r} is not a finite number up to {MAX_VALUE:g}")
    return float(text)
