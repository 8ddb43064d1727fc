"""Polls a live MTConnect agent: ``probe`` once, ``current`` to begin with, then ``sample`` from where it was."""

import json
import threading
from collections.abc import Callable

import httpx

from services.gateway.agent_client import AgentClient, Unreachable
from services.gateway.devices import Device
from services.gateway.feed import Item, Reject
from services.gateway.feeds import card_for
from services.gateway.heartbeat import BEAT_US, heartbeats
from services.gateway.intake import Intake
from services.gateway.interpreter import Interpreter
from services.gateway.source_spec import AgentSpec
from services.gateway.streams_document import Answer, Entry, OutOfRange
from services.gateway.tally import Tally
from services.runtime.errors import UserError

RETRY_S = 1.0
AHEAD_US = 3_600_000_000  # a clock that is further ahead would make everything after it late


class AgentPoll:
    """One agent, with an asset for each of its devices (or the one that was named)."""

    def __init__(self, spec: AgentSpec, transport: httpx.BaseTransport | None = None) -> None:
        self.name = f"agent {spec.url}"
        self.tally = Tally()
        self._spec = spec
        self._client = AgentClient(spec.url, spec.device, transport)
        self._machines: dict[str, Interpreter] = {}
        self._beats: dict[str, int] = {}
        self._instance: int | None = None
        self._next = 0
        self._lost = False

    def run(self, intake: Intake, stop: threading.Event, say: Callable[[str], None]) -> None:
        """Poll until ``stop`` is set. Raises UserError when the agent can't be reached at start."""
        job = f"agent:{self._spec.source}:{self._spec.url}:{self._spec.device or ''}"
        stored = json.loads(intake.position(job) or '{"instance": null, "next": 0}')
        self._instance, self._next = stored["instance"], int(stored["next"])
        devices = self._first_contact(stop)
        if self._spec.asset is not None and len(devices) > 1:
            raise UserError(
                f"asset {self._spec.asset} is one, but {self._spec.url} has {', '.join(d.name for d in devices)}: name a device"
            )
        for device in devices:
            self._machines[device.name] = Interpreter(card_for(self._spec, device), self._spec.source, device, self.tally)
        registered = False
        while not stop.is_set():
            try:
                answer, items = self._turn(say)
            except Unreachable as exc:
                self._say_lost(exc, say)
                stop.wait(RETRY_S)
                continue
            self._lost = False
            if not registered:
                items = [*(m.card.draft(self._spec.source, answer.created_us) for m in self._machines.values()), *items]
                registered = True
            if items and not intake.put(items, {job: json.dumps({"instance": self._instance, "next": self._next})}):
                return
            if answer.complete:
                stop.wait(self._spec.interval)

    def _first_contact(self, stop: threading.Event) -> list[Device]:
        waited = 0.0
        while True:
            try:
                return self._client.probe()
            except Unreachable as exc:
                if waited >= self._spec.timeout or stop.wait(0.2):
                    raise UserError(
                        f"MTConnect agent {self._spec.url} can't be reached: {exc}. Start it, or mend the URL."
                    ) from exc
                waited += 0.2

    def _turn(self, say: Callable[[str], None]) -> tuple[Answer, list[Item]]:
        """One answer and what follows from it."""
        known = self._instance is not None and bool(self._beats)
        try:
            if self._instance is not None:
                answer = self._client.sample(self._next, self._spec.count)
                if answer.instance == self._instance:
                    return answer, self._take(answer)
                say(f"agent {self._spec.url} was restarted (it is instance {answer.instance} now): asking it for all anew")
                self.tally.agent_restarts += 1
        except OutOfRange as exc:
            say(f"agent {self._spec.url} no longer has observation {self._next} ({exc}): some are lost, asking it for all anew")
            self.tally.overruns += 1
        answer = self._client.current()
        self._instance = answer.instance
        return answer, self._all_anew(answer, known)

    def _all_anew(self, answer: Answer, known: bool) -> list[Item]:
        """What holds now: from now on with ``since`` or, for what changed after our last beat, from its own time on."""
        self._next = answer.next
        out: list[Item] = []
        for entry in answer.entries:
            machine = self._machines.get(entry.device)
            if machine is not None:
                first_seen = not known or entry.observation.time_us <= self._beats.get(machine.card.asset, 0)
                out += self._drafts(machine, entry, answer.created_us, first_seen)
        return out + self._beat(answer)

    def _take(self, answer: Answer) -> list[Item]:
        self._next = answer.next
        out: list[Item] = []
        for entry in answer.entries:
            machine = self._machines.get(entry.device)
            if machine is not None:
                out += self._drafts(machine, entry, answer.created_us, False)
        return out + (self._beat(answer) if answer.complete else [])

    def _drafts(self, machine: Interpreter, entry: Entry, created_us: int, held: bool) -> list[Item]:
        """What follows from one observation; ``held`` when it was so before we looked."""
        origin = f"{self._spec.url} #{entry.sequence}"
        observation = entry.observation
        self.tally.read += 1
        try:
            if observation.time_us > created_us + AHEAD_US:
                raise ValueError("stamped more than an hour ahead of the clock of the agent")
            if held:
                return [*machine.hold(observation.at(created_us), observation.time_us, origin)]
            return [*machine.observe(observation, origin)]
        except ValueError as exc:
            self.tally.lines["malformed"] += 1
            return [Reject(origin, str(exc), repr(observation))]

    def _beat(self, answer: Answer) -> list[Item]:
        """All that the agent had is sent: each asset is alive up to the agent's clock."""
        out: list[Item] = []
        for machine in self._machines.values():
            out += machine.flush()
            asset = machine.card.asset
            if answer.created_us >= self._beats.get(asset, -BEAT_US) + BEAT_US:
                out += heartbeats(self._spec.source, asset, answer.created_us)
                self._beats[asset] = answer.created_us
        return out

    def _say_lost(self, exc: Exception, say: Callable[[str], None]) -> None:
        if not self._lost:
            say(f"agent {self._spec.url} does not answer ({exc}); asking again every {RETRY_S:g} s")
        self._lost = True
