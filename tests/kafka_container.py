"""Apache Kafka in a container: the image's contract (KAFKA_* variables), one port of this machine kept over restarts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

# The reaper is an image of its own, which is not to be had everywhere. What it does, remove_leftovers does.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")

import docker
import psutil
from docker.errors import DockerException, ImageNotFound
from testcontainers.core.container import DockerContainer

from services.broker.configuration import server_settings

ROOT = Path(__file__).resolve().parents[1]
IMAGE = os.environ.get("FACTORYSTREAM_KAFKA_IMAGE", "apache/kafka:4.3.1")
STAND_IN = "factorystream/kafka:local"
DATA_DIR = "/var/lib/kafka/data"
CLIENT_PORT, BROKER_PORT, CONTROLLER_PORT = 9092, 9093, 9094
OWNER_LABEL = "factorystream.test-owner"
PULL_SECONDS = 120
BUILD_SECONDS = 240
STOP_SECONDS = 20


class NoEngine(Exception):
    """Why containers cannot be used here, in one sentence."""


def engine() -> docker.DockerClient:
    """A client of the Docker engine of this machine. Raises NoEngine when there is none that these tests can use."""
    if os.environ.get("NO_DOCKER") == "1":
        raise NoEngine("NO_DOCKER=1 is set")
    host = os.environ.get("DOCKER_HOST", "unix://")
    if not host.startswith("unix://"):
        raise NoEngine(f"no Docker engine on this machine: DOCKER_HOST={host} publishes its ports elsewhere")
    try:
        client = docker.from_env(timeout=60)
        client.ping()
    except DockerException as exc:
        raise NoEngine(f"no Docker engine answers ({type(exc).__name__})") from exc
    return client


def provide_image(client: docker.DockerClient) -> str:
    """Name of a Kafka image that is on this machine; pulls or builds one when none is. Raises NoEngine when that fails."""
    for name in (IMAGE, STAND_IN):
        if _has(client, name):
            return name
    if _run(["docker", "pull", "--quiet", IMAGE], PULL_SECONDS) and _has(client, IMAGE):
        return IMAGE
    build = [str(ROOT / "infra/images/build.sh"), "--only", "kafka"]
    if _run(build, BUILD_SECONDS, FACTORYSTREAM_BUILD_PYTHON=sys.executable) and _has(client, STAND_IN):
        return STAND_IN
    raise NoEngine(f"no Docker image of Kafka: {IMAGE} can be neither pulled nor built (see infra/images/build.sh --only kafka)")


def prove(client: docker.DockerClient, image: str) -> None:
    """Run one container with a published port. Raises NoEngine when the engine answers and is unable to."""
    try:
        client.containers.run(image, ["true"], entrypoint="", ports={f"{CLIENT_PORT}/tcp": ("127.0.0.1", None)}, remove=True)
    except DockerException as exc:
        raise NoEngine(f"no Docker engine that can run a container: {exc}") from exc


def _has(client: docker.DockerClient, name: str) -> bool:
    try:
        client.images.get(name)
    except ImageNotFound:
        return False
    return True


def _run(command: list[str], timeout: float, **environment: str) -> bool:
    try:
        result = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, timeout=timeout, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0


def own_label() -> str:
    """``host:pid:start`` of this process; with its start, a number that has been given again is another process."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def owner_is_gone(label: str) -> bool:
    """Whether the process of an ``own_label`` has ended on this machine; False for a process of another machine."""
    host, pid, started = label.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != started
    except psutil.NoSuchProcess:
        return True


def remove_leftovers(client: docker.DockerClient) -> int:
    """Remove the containers of test runs that were killed, and say how many; those of runs that go on stay."""
    leftovers = [
        container
        for container in client.containers.list(all=True, filters={"label": OWNER_LABEL})
        if owner_is_gone(container.labels[OWNER_LABEL])
    ]
    for container in leftovers:
        container.remove(force=True, v=True)
    return len(leftovers)


def variable(setting: str) -> str:
    """The environment variable of a broker setting (Kafka's image: ``.`` is ``_``, ``_`` is ``__``, ``-`` is ``___``)."""
    return "KAFKA_" + setting.replace("_", "__").replace("-", "___").replace(".", "_").upper()


def container_environment(port: int) -> dict[str, str]:
    """The embedded broker's own settings, with listeners that fit a container whose client port is ``port`` outside."""
    settings = server_settings(CLIENT_PORT, CONTROLLER_PORT) | {
        "controller.quorum.voters": f"1@localhost:{CONTROLLER_PORT}",
        "listeners": f"CLIENT://:{CLIENT_PORT},BROKER://localhost:{BROKER_PORT},CONTROLLER://localhost:{CONTROLLER_PORT}",
        # Inside the container nothing listens on the outer port, and the broker talks to itself too.
        "advertised.listeners": f"CLIENT://127.0.0.1:{port},BROKER://localhost:{BROKER_PORT}",
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "log.dirs": DATA_DIR,
    }
    java = {"KAFKA_HEAP_OPTS": "-Xmx512m", "KAFKA_JVM_PERFORMANCE_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"}
    return {variable(name): value for name, value in settings.items()} | java


class KafkaContainer:
    """One Kafka container with the life of ``services.broker.EmbeddedBroker``: start, stop, kill, start again on its data.

    ``answers`` is asked for readiness with the bootstrap address until it says True.
    """

    def __init__(self, image: str, answers: Callable[[str], bool]) -> None:
        self._answers = answers
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        self._container = DockerContainer(image, env=container_environment(self._port), labels={OWNER_LABEL: own_label()})
        # Testcontainers' own way publishes on every address of the machine; this port is for loopback.
        self._container.ports[f"{CLIENT_PORT}/tcp"] = ("127.0.0.1", self._port)
        self._created = False

    @property
    def bootstrap(self) -> str:
        """``127.0.0.1:PORT``."""
        return f"127.0.0.1:{self._port}"

    @property
    def alive(self) -> bool:
        """Whether the container runs."""
        if not self._created:
            return False
        self._container.reload()
        return bool(self._container.status == "running")

    def start(self, timeout: float = 120.0) -> None:
        """Start, the first time or on the data of before, and return when Kafka answers. Raises RuntimeError if it does not."""
        if self._created:
            self._container.get_wrapped_container().start()
        else:
            self._container.start()
            self._created = True
        deadline = time.monotonic() + timeout
        while not self._answers(self.bootstrap):
            if not self.alive or time.monotonic() >= deadline:
                raise RuntimeError(f"Kafka in a container did not answer; its log ends:\n{self.log_tail()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop cleanly (SIGTERM); nothing when it does not run."""
        if self.alive:
            self._container.get_wrapped_container().stop(timeout=STOP_SECONDS)

    def kill(self) -> None:
        """End it as a crash would (SIGKILL) and return when it is gone."""
        self._container.get_wrapped_container().kill("SIGKILL")
        self._container.get_wrapped_container().wait(timeout=STOP_SECONDS)

    def remove(self) -> None:
        """Remove the container and its data."""
        self._container.stop(force=True, delete_volume=True)

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of Kafka's log."""
        log: bytes = self._container.get_wrapped_container().logs(tail=lines)
        return log.decode(errors="replace")
