"""The steps of the streams in one process without a broker: topics are lists, and what the runner does is done in plain sight.

It keeps the runner's order (route, fence, load, fold, dump), puts every event through the codec, so that contracts are checked
on the way, and can stop and start again anywhere: all states go through their bytes. Nothing is dead-lettered: a record
that is no event fails the test.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from schemas.codec import decode, encode, encode_on
from schemas.envelope import Event
from schemas.events.asset import Asset
from schemas.events.calendar import Calendar
from schemas.events.loss_model import LossModel
from schemas.events.order import Order
from schemas.registry import topic_of
from schemas.topic import Topic
from streams.domain.fold import Origin, Outcome
from streams.pipeline import STEPS
from streams.step import Step

E = TypeVar("E", bound=Event)
V = TypeVar("V", Calendar, LossModel)
RANK = (Outcome.APPLIED, Outcome.LATE, Outcome.DUPLICATE)


class Lane(NamedTuple):
    """One step on one partition of one of its topics."""

    step: str
    topic: str
    partition: int


class KnownAssets(dict[str, Asset]):
    """Reference data as the logics see it: assets by id, the rest by :meth:`put`, which replaces what has the same subject."""

    def __init__(self, assets: Iterable[Asset] = (), others: Iterable[Calendar | LossModel | Order] = ()) -> None:
        super().__init__({a.asset: a for a in assets})
        self._orders: dict[str, Order] = {}
        self._calendars: dict[str, tuple[Calendar, ...]] = {}
        self._loss_models: dict[str, tuple[LossModel, ...]] = {}
        self.put(*others)

    def put(self, *events: Calendar | LossModel | Order) -> None:
        """Publish reference data."""
        for event in events:
            if isinstance(event, Order):
                self._orders[event.order] = event
            elif isinstance(event, Calendar):
                self._calendars[event.line] = _replaced(self.calendars(event.line), event)
            else:
                self._loss_models[event.line] = _replaced(self.loss_models(event.line), event)

    def asset(self, asset_id: str) -> Asset | None:
        """The description of an asset."""
        return self.get(asset_id)

    def calendars(self, line: str) -> Sequence[Calendar]:
        """All calendars of a line."""
        return self._calendars.get(line, ())

    def loss_models(self, line: str) -> Sequence[LossModel]:
        """All loss models of a line."""
        return self._loss_models.get(line, ())

    def order(self, order_id: str) -> Order | None:
        """The order of that id."""
        return self._orders.get(order_id)


def _replaced(versions: Sequence[V], new: V) -> tuple[V, ...]:
    kept = [v for v in versions if v.version != new.version]
    return tuple(sorted([*kept, new], key=lambda v: v.version))


@dataclass
class InMemoryPipeline:
    """``steps`` over ``partitions`` partitions; ``assets`` and the other reference data are what the reference topics say."""

    steps: Sequence[Step] = STEPS
    assets: Iterable[Asset] = ()
    partitions: int = 2
    calendars: Iterable[Calendar] = ()
    loss_models: Iterable[LossModel] = ()
    orders: Iterable[Order] = ()
    log: dict[tuple[str, int], list[bytes]] = field(default_factory=lambda: defaultdict(list))
    written: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    outcomes: Counter[tuple[str, str, Outcome]] = field(default_factory=Counter)
    states: dict[tuple[str, int, str], Any] = field(default_factory=dict)
    stored: dict[tuple[str, int, str], bytes] = field(default_factory=dict)
    fences: dict[tuple[str, int, str, str], int] = field(default_factory=dict)
    positions: Counter[Lane] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.references = KnownAssets(self.assets, (*self.calendars, *self.loss_models, *self.orders))
        self._steps = {s.name: s for s in self.steps}
        self._topics = {t.name: t for s in self.steps for t in s.reads}

    def send(self, *events: Event, topic: Topic | None = None) -> None:
        """Append events to their topics; ``topic`` for a type that lives on several (Heartbeat)."""
        for event in events:
            record = encode(event) if topic is None else encode_on(topic, event)
            self._append(record.topic, record.key, record.value)
            self.written[record.topic].append(event)

    def send_raw(self, topic: Topic, *values: bytes) -> None:
        """Append raw records."""
        for value in values:
            decoded = decode(topic, [value])
            assert not decoded.rejections, decoded.rejections
            (_, event), = decoded.events  # fmt: skip
            self._append(topic.name, topic.key_of(event), value)
            self.written[topic.name].append(event)

    def run(
        self, choose: Callable[[list[Lane]], Lane] = lambda lanes: lanes[0], restart: Callable[[], bool] = lambda: False
    ) -> None:
        """Fold until nothing is left. ``choose`` picks the lane whose next record is folded; ``restart`` is asked before each."""
        while lanes := self._waiting():
            if restart():
                self.restart()
            self.fold_next(choose(lanes))

    def restart(self) -> None:
        """All states become bytes; what is folded next loads them again."""
        for (step, partition, key), state in self.states.items():
            data = self._steps[step].logic.dump(state)
            if data is None:
                self.stored.pop((step, partition, key), None)
            else:
                self.stored[step, partition, key] = data
        self.states.clear()

    def fold_next(self, lane: Lane) -> None:
        """Take the next record of a lane through its step."""
        offset = self.positions[lane]
        self.positions[lane] += 1
        self.fold(lane, offset)

    def fold(self, lane: Lane, offset: int) -> None:
        """Take one record through a step, as a batch of one; one behind the fence of a key changes nothing there."""
        decoded = decode(self._topics[lane.topic], [self.log[lane.topic, lane.partition][offset]])
        (_, event), = decoded.events  # fmt: skip
        logic, origin = self._steps[lane.step].logic, Origin(lane.topic, lane.partition, offset)
        found = set()
        for key in logic.route(event):
            assert not key.startswith("#")
            fence = (lane.step, lane.partition, key, lane.topic)
            if offset <= self.fences.get(fence, -1):
                found.add(Outcome.DUPLICATE)
                continue
            self.fences[fence] = offset
            folded = logic.fold(self._state(lane, key), event, origin, self.references)
            found.add(folded.outcome)
            writes = {t.name for t in self._steps[lane.step].writes}
            for output in folded.outputs:
                assert topic_of(type(output)).name in writes, f"{lane.step} does not declare that it writes {output.TYPE}"
            self.send(*folded.outputs)
        best = next((o for o in RANK if o in found), Outcome.APPLIED)
        self.outcomes[lane.step, lane.topic, best] += 1

    def events(self, kind: type[E]) -> list[E]:
        """Everything written of one type, in order of writing."""
        return [e for e in self.written[topic_of(kind).name] if isinstance(e, kind)]

    def partition_of(self, key: bytes) -> int:
        """Where a key lies."""
        return zlib.crc32(key) % self.partitions

    def _append(self, topic: str, key: bytes, value: bytes) -> None:
        self.log[topic, self.partition_of(key)].append(value)

    def _state(self, lane: Lane, key: str) -> Any:
        where = (lane.step, lane.partition, key)
        if where not in self.states:
            self.states[where] = self._steps[lane.step].logic.load(key, self.stored.pop(where, None))
        return self.states[where]

    def _waiting(self) -> list[Lane]:
        lanes = (Lane(s.name, t.name, p) for s in self.steps for t in s.reads for p in range(self.partitions))
        return [lane for lane in lanes if self.positions[lane] < len(self.log[lane.topic, lane.partition])]
