"""One stack of docker-compose.yml as a project of its own: started, looked at and ended as a person would, with any Compose.

It runs on the images of ``infra/images/build.sh``, on ports that the engine chooses, with secrets in a folder of the test.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import docker
import psutil
from docker.models.containers import Container
from kafka_container import engine

ROOT = Path(__file__).resolve().parents[1]
LOCAL_IMAGES = ROOT / "infra/images/local.env"
PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
PATIENCE_S = 240.0
COMMAND_S = 420.0
BUILD_S = 900.0
LOG_LINES = 40
# The engine takes a free port when it is asked for port 0; nothing can take it in between.
ANY_PORT = dict.fromkeys(
    ("FACTORYSTREAM_API_PORT", "FACTORYSTREAM_PROMETHEUS_FACTORY_PORT", "FACTORYSTREAM_PROMETHEUS_OVERSEAS_PORT"), "0"
)
HOST = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]
NAME = re.compile(rf"^factorystream-test-{HOST}-(\d+)-(\d+)$")

Seen = TypeVar("Seen")


@cache
def compose_words() -> tuple[str, ...] | None:
    """How Compose is called here: the plugin or the program of its own; None when there is neither."""
    for words in (("docker", "compose"), ("docker-compose",)):
        if shutil.which(words[0]) and subprocess.run([*words, "version"], capture_output=True, check=False).returncode == 0:
            return words
    return None


def build_images() -> None:
    """Have the images built from what is here now; those whose inputs have not changed are kept. Fails with what was said."""
    words = [str(ROOT / "infra/images/build.sh")]
    done = subprocess.run(
        words, env={**os.environ, "PYTHON": sys.executable}, capture_output=True, text=True, timeout=BUILD_S, check=False
    )
    assert done.returncode == 0, f"the images can't be built:\n{done.stdout}{done.stderr}"


class ComposeStack:
    """A project whose name says which process it belongs to. ``folder`` is for its secrets; the caller ends it with ``close``."""

    def __init__(self, folder: Path) -> None:
        words = compose_words()
        assert words is not None
        self.name = f"factorystream-test-{HOST}-{os.getpid()}-{int(psutil.Process().create_time())}"
        self._words = [
            *words,
            "--env-file",
            str(LOCAL_IMAGES),
            "--project-name",
            self.name,
            "--file",
            str(ROOT / "docker-compose.yml"),
        ]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("FACTORYSTREAM_", "COMPOSE_"))}
        self._environment = {**inherited, **ANY_PORT, "FACTORYSTREAM_SECRETS": str(folder / "secrets")}
        self._engine = engine()
        for project in _abandoned(self._engine):
            _remove(self._engine, project)
        self._run([str(ROOT / "infra/docker/secrets.sh")])

    def compose(self, *words: str, stdin: str = "") -> str:
        """What a command of Compose printed; fails, with the logs of what is ill, when it does not succeed."""
        done = self.attempt(*words, stdin=stdin)
        assert done.returncode == 0, f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}\n{self.complaint()}"
        return done.stdout

    def attempt(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of Compose, whatever comes of it."""
        return self._run([*self._words, *words], stdin, check=False)

    def await_healthy(self) -> None:
        """Return when every container works: healthy, or ended with 0 as a one-shot service does."""
        self.until(lambda: {c.labels[SERVICE]: _state(c) for c in self._ill()}, lambda ill: not ill)

    def url(self, service: str, port: int) -> str:
        """Where a published port of a service is on this machine."""
        return f"http://{self.compose('port', service, str(port)).strip()}"

    def until(self, look: Callable[[], Seen], good: Callable[[Seen], bool]) -> Seen:
        """What ``look`` sees once it is good. Fails, with the logs of what is ill, when it does not become so."""
        deadline = time.monotonic() + PATIENCE_S
        while not good(seen := look()):
            assert time.monotonic() < deadline, f"still {str(seen)[:2000]}\n{self.complaint()}"
            time.sleep(0.5)
        return seen

    def complaint(self) -> str:
        """The state of each container and the last lines of those that are ill."""
        parts = [f"{c.labels[SERVICE]}: {_state(c)}" for c in self._containers()]
        for container in self._ill():
            log: bytes = container.logs(tail=LOG_LINES)
            parts.append(f"--- {container.labels[SERVICE]} ---\n{log.decode(errors='replace')}{_last_check(container)}")
        return "\n".join(parts)

    def close(self) -> None:
        """End it and remove its containers, volumes and networks, and nothing else. Fails when Compose left something behind."""
        try:
            self.compose("down", "--volumes", "--remove-orphans")
            left = _remains(self._engine, self.name)
            assert not left, f"Compose left {left}"
        finally:
            _remove(self._engine, self.name)
            self._engine.close()

    def _containers(self) -> list[Container]:
        return sorted(_of(self._engine, self.name), key=lambda c: str(c.name))

    def _ill(self) -> list[Container]:
        return [c for c in self._containers() if _state(c) not in ("healthy", "exited 0")]

    def _run(self, words: list[str], stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, input=stdin, env=self._environment, cwd=ROOT, capture_output=True, text=True, timeout=COMMAND_S, check=check
        )


def _state(container: Container) -> str:
    state = container.attrs["State"]
    if state["Status"] == "exited":
        return f"exited {state['ExitCode']}"
    return str(state.get("Health", state)["Status"])


def _last_check(container: Container) -> str:
    checks = container.attrs["State"].get("Health", {}).get("Log") or []
    return f"health check: {json.dumps(checks[-1])}\n" if checks else ""


def _of(client: docker.DockerClient, project: str) -> list[Container]:
    found: list[Container] = client.containers.list(all=True, filters={"label": f"{PROJECT}={project}"}, ignore_removed=True)
    return found


def _remains(client: docker.DockerClient, project: str) -> list[str]:
    filters = {"label": f"{PROJECT}={project}"}
    others = [*client.volumes.list(filters=filters), *client.networks.list(filters=filters)]
    return [str(thing.name) for thing in (*_of(client, project), *others)]


def _remove(client: docker.DockerClient, project: str) -> None:
    """Remove what is labelled as this project's, running or not."""
    filters = {"label": f"{PROJECT}={project}"}
    for container in _of(client, project):
        container.remove(force=True, v=True)
    for thing in (*client.volumes.list(filters=filters), *client.networks.list(filters=filters)):
        thing.remove()


def _abandoned(client: docker.DockerClient) -> set[str]:
    """Projects of test runs on this machine that were killed; those of runs that go on stay."""
    things = [*client.containers.list(all=True, ignore_removed=True), *client.networks.list()]
    labels = (thing.attrs.get("Labels") or thing.attrs.get("Config", {}).get("Labels") or {} for thing in things)
    return set(filter(_is_abandoned, (label.get(PROJECT, "") for label in labels)))


def _is_abandoned(project: str) -> bool:
    name = NAME.match(project)
    if name is None:
        return False
    try:
        return abs(psutil.Process(int(name[1])).create_time() - int(name[2])) > 2  # else the number was given again
    except psutil.NoSuchProcess:
        return True


def events_of(lines: str) -> Iterator[dict[str, Any]]:
    """The events of JSON lines."""
    return map(json.loads, filter(None, lines.splitlines()))
