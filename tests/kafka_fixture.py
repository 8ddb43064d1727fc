"""The Kafka that tests run against: Testcontainers where a Docker engine is there, else the embedded broker.

``FACTORYSTREAM_TEST_KAFKA`` is ``auto`` (default), ``testcontainers`` or ``embedded``. Both are the same Apache Kafka with the
same settings, on loopback, and keep their port and data over ``kill`` and ``start``.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove
from kafka.errors import KafkaError

from services.broker.embedded import EmbeddedBroker

Backend = Literal["testcontainers", "embedded"]
CLIENT_ID = "tests-kafka-fixture"
CLEAN_SECONDS = 15.0
POLL_S = 0.02


class Node(Protocol):
    """One broker process, embedded or in a container."""

    @property
    def bootstrap(self) -> str: ...

    @property
    def alive(self) -> bool: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...

    def remove(self) -> None: ...


@dataclass(frozen=True)
class Choice:
    """Which backend the tests run on, why, and how to make its broker."""

    backend: Backend
    reason: str
    make: Callable[[], Node]


class EmbeddedNode(EmbeddedBroker):
    """The embedded broker, whose data can be removed."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self._data_dir = data_dir

    def remove(self) -> None:
        """Stop the broker and remove its data."""
        self.stop()
        shutil.rmtree(self._data_dir)


def choose(data_dir: Path, wanted: str | None = None) -> Choice:
    """The backend for this run; ``wanted`` defaults to ``FACTORYSTREAM_TEST_KAFKA``. The embedded broker's data go to ``data_dir``.

    Raises ValueError for an unknown name, and RuntimeError when containers are asked for and cannot be had.
    """
    wanted = wanted or os.environ.get("FACTORYSTREAM_TEST_KAFKA", "auto")
    if wanted not in ("auto", "testcontainers", "embedded"):
        raise ValueError(f"FACTORYSTREAM_TEST_KAFKA={wanted!r} is none of auto, testcontainers, embedded")
    if wanted == "embedded":
        return _embedded(data_dir, "FACTORYSTREAM_TEST_KAFKA=embedded")
    from kafka_container import NoEngine  # costs half a second, which a run on the embedded broker need not pay

    try:
        return _containers()
    except NoEngine as exc:
        if wanted == "testcontainers":
            raise RuntimeError(f"FACTORYSTREAM_TEST_KAFKA=testcontainers, but {exc}") from exc
        return _embedded(data_dir, str(exc))


def _embedded(data_dir: Path, reason: str) -> Choice:
    return Choice("embedded", reason, lambda: EmbeddedNode(data_dir))


def _containers() -> Choice:
    from kafka_container import KafkaContainer, engine, prove, provide_image, remove_leftovers

    client = engine()
    try:
        removed = remove_leftovers(client)
        image = provide_image(client)
        prove(client, image)
        version = client.version()["Version"]
    finally:
        client.close()
    reason = f"Docker {version}, image {image}" + (f", {removed} leftover(s) of a killed run removed" if removed else "")
    return Choice("testcontainers", reason, lambda: KafkaContainer(image, answers))


def answers(bootstrap: str) -> bool:
    """Whether a broker answers an admin call and takes part in its cluster (a fenced one is not listed)."""
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap, client_id=CLIENT_ID, bootstrap_timeout_ms=1500)
    except KafkaError:
        return False
    try:
        return bool(admin.describe_cluster()["brokers"])
    except KafkaError:
        return False
    finally:
        admin.close()


class KafkaUnderTest:
    """What the fixture ``kafka`` hands out. ``events`` are the seconds of each start and each cleaning, for the summary."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self.events: dict[str, list[float]] = {"start": [], "clean": []}
        self._node = choice.make()

    @property
    def backend(self) -> Backend:
        """``testcontainers`` or ``embedded``."""
        return self.choice.backend

    @property
    def bootstrap(self) -> str:
        """``127.0.0.1:PORT``; the port stays the same over restarts."""
        return self._node.bootstrap

    @property
    def alive(self) -> bool:
        """Whether the broker's process runs."""
        return self._node.alive

    def start(self) -> None:
        """Start the broker (again, on the data it has) and return when it answers; nothing when it runs."""
        if self._node.alive:
            return
        began = time.monotonic()
        self._node.start()
        while not answers(self.bootstrap):  # a restarted broker is fenced until the controller has seen it
            time.sleep(POLL_S)
        self.events["start"].append(time.monotonic() - began)

    def stop(self) -> None:
        """Stop the broker cleanly."""
        self._node.stop()

    def kill(self) -> None:
        """End the broker as ``kill -9`` does and return when it is gone; its data stay."""
        self._node.kill()

    def restart(self) -> None:
        """Stop cleanly and start again."""
        self.stop()
        self.start()

    def renew(self) -> None:
        """Replace the broker by a fresh, empty one; it may have another port."""
        self.remove()
        self._node = self.choice.make()
        self.start()

    def remove(self) -> None:
        """End the broker and remove its data."""
        self._node.remove()

    def admin(self) -> KafkaAdminClient:
        """An admin client; the caller closes it."""
        return KafkaAdminClient(bootstrap_servers=self.bootstrap, client_id=CLIENT_ID)

    def create_topics(self, *names: str, partitions: int = 4, config: Mapping[str, str] | None = None) -> None:
        """Create topics and return when every partition has a leader."""
        admin = self.admin()
        try:
            spec = {"num_partitions": partitions, "replication_factor": 1, "configs": dict(config or {})}
            admin.create_topics(dict.fromkeys(names, spec), wait_for_metadata=True)
        finally:
            admin.close()

    def clean(self) -> None:
        """Delete every topic and every group, and return when they are gone; a broker that is down is started.

        What cannot be cleaned within ``CLEAN_SECONDS`` is replaced by a fresh broker: no test may meet another's records.
        """
        self.start()
        began = time.monotonic()
        admin = self.admin()
        try:
            cleaned = _until(began + CLEAN_SECONDS, lambda: _clean_once(admin))
        finally:
            admin.close()
        if not cleaned:
            self.renew()
        self.events["clean"].append(time.monotonic() - began)

    def summary(self) -> str:
        """One line for the terminal: which backend, why, and what it took."""
        times = [
            f"{len(seconds)} {name}{'s' if len(seconds) != 1 else ''} in {sum(seconds):.1f} s"
            for name, seconds in self.events.items()
            if seconds
        ]
        return f"{self.backend} ({self.choice.reason}); {', '.join(times)}"


def _until(deadline: float, done: Callable[[], bool]) -> bool:
    while not done():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True


def _clean_once(admin: KafkaAdminClient) -> bool:
    """Ask for the deletion of what there is; True when nothing was there. A refusal shows in the next look."""
    groups = [group["group_id"] for group in admin.list_groups()]
    topics = [name for name in admin.list_topics() if not name.startswith("__")]
    if groups:
        _expel_members(admin, groups)
        admin.delete_groups(groups)
    if topics:
        admin.delete_topics(topics, raise_errors=False)
    return not groups and not topics


def _expel_members(admin: KafkaAdminClient, groups: list[str]) -> None:
    """Remove the members that killed processes have left behind; they would keep their group for a session timeout."""
    for name, group in admin.describe_groups(groups).items():
        members = [_to_remove(member) for member in group["members"]]
        if members:
            admin.remove_group_members(name, members)


def _to_remove(member: Mapping[str, Any]) -> MemberToRemove:
    if member.get("group_instance_id"):
        return MemberToRemove(group_instance_id=member["group_instance_id"])
    return MemberToRemove(member_id=member["member_id"])
