"""The bridge on doubles in memory: a log, an API with a ledger, and faults where a test wants them. No threads, no real time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.chain import Head, verify
from schemas.codec import encode
from schemas.events.audit_record import AuditRecord
from schemas.events.export_policy import ExportPolicy
from schemas.events.outbound_event import OutboundEvent
from schemas.metric import EventClass
from services.bridge.audit_record import AuditChains
from services.bridge.batch import Batch
from services.bridge.customer_api import Conflict, Refused, Unavailable
from services.bridge.gate import Gate
from services.bridge.memory import Memory
from services.bridge.pending import Offsets, Pending
from services.bridge.policies import PolicyView
from services.bridge.worker import Bridge, Pace, Parts
from services.runtime.drain import Drain

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
Fault = Callable[[], Exception | None]


class Crash(BaseException):
    """``kill -9`` at this point."""


@dataclass
class World:
    """What survives a crash of the bridge: the topics, the committed offsets and the ledger. ``fault`` is asked at each step."""

    outbound: list[OutboundEvent] = field(default_factory=list)
    policies: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    audit: list[AuditRecord] = field(default_factory=list)
    dead: list[Any] = field(default_factory=list)
    committed: int = 0
    ledger: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    poison: set[str] = field(default_factory=set)
    fault: Fault = lambda: None
    api_down: int = 0  # how many more requests find the API down
    now: datetime = NOW
    waits: list[float] = field(default_factory=list)
    ended: Counter[EventClass] = field(default_factory=Counter)
    received: int = 0

    def step(self, kafka: bool = False) -> None:
        """A point at which something may go wrong. When Kafka fails, the process ends."""
        if self.api_down and not kafka:
            self.api_down -= 1
            raise Unavailable("down")
        error = self.fault()
        if error is not None:
            raise Crash if kafka else error

    def permit(self, policy: ExportPolicy) -> None:
        """Publish a policy."""
        self.policies.append((policy.customer.encode(), encode(policy).value))

    def check(self) -> None:
        """What must hold at every moment: chains without gaps, no event twice."""
        for events in self.ledger.values():
            verify(events)
            assert len({e["id"] for e in events}) == len(events)
        for customer in {r.customer for r in self.audit}:
            verify([_entry(r) for r in self.audit if r.customer == customer])


def _entry(record: AuditRecord) -> dict[str, Any]:
    from services.bridge.audit_record import as_entry

    return dict(as_entry(record))


class DoubleApi:
    """A ledger in memory that answers as the API does. It may fail before it stores, and after."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.asked: list[str] = []

    def head(self, customer: str) -> Head:
        """The end of the chain."""
        self.asked.append(f"head {customer}")
        self._world.step()
        return verify(self._world.ledger.get(customer, []))

    def stored(self, customer: str, ids: Sequence[str]) -> list[str]:
        """Which ids are there."""
        self.asked.append(f"stored {customer}")
        self._world.step()
        known = {e["id"] for e in self._world.ledger.get(customer, [])}
        return [i for i in ids if i in known]

    def store(self, batch: Batch) -> None:
        """Store, or refuse as the API would."""
        import json

        self.asked.append(f"store {batch.customer}")
        self._world.step()
        mine = self._world.ledger.setdefault(batch.customer, [])
        events = [entry["event"] for entry in json.loads(batch.body)["entries"]]
        known = {e["id"] for e in mine}
        if any(e["id"] in known for e in events):
            raise Conflict("there already")
        if events[0]["sequence"] != len(mine) + 1:
            raise Conflict("not at the head")
        if bad := [e["id"] for e in events if e["id"] in self._world.poison]:
            raise Refused("it is poison", bad[0])
        verify([*mine, *events])
        mine += events
        self._world.step()


class DoubleIntake:
    """The outbound topic with one partition."""

    group = "double"

    def __init__(self, world: World, most_records: int, drain: Drain) -> None:
        self._world = world
        self._most = most_records
        self._drain = drain
        self._position = world.committed
        self._offsets = Offsets()

    def take(self) -> tuple[list[Pending], list[Any]]:
        """The next records; asks for the end when there are none."""
        taken = self._world.outbound[self._position : self._position + self._most]
        if not taken:
            self._drain.request()
        found = []
        for event in taken:
            self._offsets.taken(0, self._position)
            found.append(Pending(0, self._position, 0.0, event.customer.encode(), encode(event).value, event))
            self._position += 1
        return found, []

    def ended(self, partition: int, offset: int) -> None:
        """As the real one."""
        self._offsets.ended(partition, offset)

    def commit(self) -> None:
        """As the real one."""
        ready = self._offsets.committable()
        if ready:
            self._world.step(kafka=True)
            self._offsets.committed(ready)
            self._world.committed = ready[0]

    def hold(self, seconds: float, drain: Drain, clock: Any) -> None:
        """Time passes."""
        del drain, clock
        self._world.waits.append(seconds)
        self._world.now += timedelta(seconds=seconds)

    def lost(self) -> set[int]:
        """Nobody takes the partition."""
        return set()

    def lag(self) -> int:
        """Not counted here."""
        return 0


class DoublePolicies:
    """Follows the world's policies."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen = 0
        self.view = PolicyView()

    def catch_up(self) -> None:
        """As the real one."""
        for key, value in self._world.policies[self._seen :]:
            self.view.apply(key, value)
        self._seen = len(self._world.policies)


class DoubleAudit:
    """Follows and writes the world's audit log. ``intruder`` writes a record in between, as another bridge would."""

    def __init__(self, world: World, memory: Memory) -> None:
        self._world = world
        self._memory = memory
        self._seen = 0
        self.chains = AuditChains()

    def catch_up(self) -> None:
        """As the real one."""
        for record in self._world.audit[self._seen :]:
            if self.chains.apply(record):
                self._memory.audited(record.event, record.decision, record.policy_version)
        self._seen = len(self._world.audit)

    def append(self, records: Sequence[AuditRecord]) -> None:
        """One by one, so that a crash can come in the middle."""
        for record in records:
            self._world.step(kafka=True)
            self._world.audit.append(record)


class DoubleProducer:
    """Takes dead letters."""

    def __init__(self, world: World) -> None:
        self._world = world

    def send(self, topic: str, **record: Any) -> Any:
        """Keep the record."""
        self._world.dead.append((topic, record))
        return self

    def flush(self, timeout: float | None = None) -> None:
        """Nothing to do."""

    def get(self, timeout: float) -> None:
        """The future of a record."""


class DoubleMetrics:
    """Counts."""

    def __init__(self, world: World) -> None:
        self._world = world

    def received(self, count: int) -> None:
        """Taken in."""
        self._world.received += count

    def ended(self, event_class: EventClass, count: int = 1) -> None:
        """Ended."""
        self._world.ended[event_class] += count

    def state(self, *_: Any) -> None:
        """Not counted; nor are the next ones."""

    lag = oldest = request = delivered = state


def run(world: World, most_records: int = 20, memory: int = 10_000) -> DoubleApi:
    """One life of the bridge: until the topic is empty, or Crash."""
    drain = Drain()
    remembered = Memory(memory)
    api = DoubleApi(world)
    gate = Gate(DoublePolicies(world), DoubleAudit(world, remembered), remembered, "https://api.example", lambda: world.now)
    parts: Any = Parts(
        intake=DoubleIntake(world, most_records, drain),  # type: ignore[arg-type]
        gate=gate,
        api=api,  # type: ignore[arg-type]
        producer=DoubleProducer(world),
        memory=remembered,
        metrics=DoubleMetrics(world),  # type: ignore[arg-type]
        pace=Pace(0.2, 60.0, lambda: 0.0, lambda: 0.0),
        now=lambda: world.now,
    )
    Bridge(parts).run(drain)
    return api


def scripted(*faults: Exception | BaseException | None) -> Fault:
    """The faults in order, then none. Unavailable, Conflict or Crash."""
    left = list(faults)

    def fault() -> Any:
        return left.pop(0) if left else None

    return fault
