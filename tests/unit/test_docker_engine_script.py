"""infra/docker/engine.sh with stand-ins for docker, dockerd and id: what it starts, leaves alone and says."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import psutil
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "infra/docker/engine.sh"
NO_ENGINE = 3

# Answers when the file "answering" is there, as a client does when its engine is.
DOCKER = """#!/bin/bash
case "$1" in
    info) [ -e "$FAKE/answering" ] && echo "Docker stand-in" ;;
    import) cat >/dev/null ;;
    run) [ ! -e "$FAKE/no-containers" ] || { echo "no bridge docker0" >&2; exit 125; } ;;
esac
"""
# The child keeps the name of its parent in its command line, as a daemon does.
DOCKERD = """#!/bin/bash
echo "$*" >>"$FAKE/started"
[ ! -e "$FAKE/refuses" ] || { echo 'level=fatal msg="operation not permitted"'; exit 1; }
while [ $# -gt 0 ]; do [ "$1" != --pidfile ] || echo $$ >"$2"; shift; done
touch "$FAKE/answering"
trap 'rm "$FAKE/answering"; exit 0' TERM
while :; do sleep 0.05; done
"""


class Engine:
    """The script in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        programs = folder / "bin"
        programs.mkdir()
        for name, text in {"docker": DOCKER, "dockerd": DOCKERD, "id": "#!/bin/bash\necho 0\n", "tini-static": ""}.items():
            program = programs / name
            program.write_text(text)
            program.chmod(0o755)
        self.environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "FAKE": str(folder),
            "FACTORYSTREAM_ENGINE_DATA": str(folder / "data"),
            "FACTORYSTREAM_ENGINE_RUN": str(folder / "run"),
            "FACTORYSTREAM_ENGINE_START_SECONDS": "5",
        }

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCRIPT, *arguments], env=self.environment | environment, capture_output=True, text=True, timeout=60, check=False
        )

    def starts(self) -> list[str]:
        started = self.folder / "started"
        return started.read_text().splitlines() if started.exists() else []

    def touch(self, name: str) -> None:
        (self.folder / name).touch()


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


def test_help_names_the_settings(engine: Engine) -> None:
    result = engine.run("--help")
    assert result.returncode == 0
    assert "NO_DOCKER=1" in result.stdout


def test_an_unknown_command_is_wrong_usage(engine: Engine) -> None:
    assert engine.run("restart").returncode == 2


def test_no_docker_forbids_everything(engine: Engine) -> None:
    engine.touch("answering")
    result = engine.run("ensure", NO_DOCKER="1")
    assert result.returncode == NO_ENGINE
    assert "NO_DOCKER=1 is set" in result.stderr
    assert engine.starts() == []


def test_an_engine_that_runs_is_used_and_never_stopped(engine: Engine) -> None:
    engine.touch("answering")
    assert engine.run("start").returncode == 0
    assert engine.run("stop").returncode == 0
    assert engine.starts() == []
    assert engine.run("status").stdout.startswith("engine: not ours")


def test_an_engine_elsewhere_that_is_silent_is_not_replaced(engine: Engine) -> None:
    result = engine.run("start", DOCKER_HOST="tcp://192.0.2.1:2375")
    assert result.returncode == NO_ENGINE
    assert "DOCKER_HOST=tcp://192.0.2.1:2375 does not answer" in result.stderr
    assert engine.starts() == []


def test_what_is_started_is_stopped_again(engine: Engine) -> None:
    assert engine.run("start").returncode == 0
    pid = int((engine.folder / "run/dockerd.pid").read_text())
    assert psutil.pid_exists(pid)
    assert engine.run("status").stdout.startswith(f"engine: ours (pid {pid})")
    assert engine.run("start").returncode == 0  # it answers now, so no second one
    assert len(engine.starts()) == 1
    assert engine.run("stop").returncode == 0
    assert not psutil.pid_exists(pid)
    assert engine.run("status").returncode == NO_ENGINE


def test_two_starts_at_once_make_one_engine(engine: Engine) -> None:
    both = [
        subprocess.Popen([SCRIPT, "start"], env=engine.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(2)
    ]
    assert [process.wait(timeout=30) for process in both] == [0, 0]
    assert len(engine.starts()) == 1
    engine.run("stop")


def test_a_number_in_an_old_pid_file_is_not_killed(engine: Engine) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:
        (engine.folder / "run").mkdir()
        (engine.folder / "run/dockerd.pid").write_text(str(bystander.pid))
        assert "no engine of ours runs" in engine.run("stop").stdout
        time.sleep(0.1)
        assert bystander.poll() is None
        bystander.kill()


def test_a_kernel_that_refuses_is_said_in_one_sentence_with_the_cause(engine: Engine) -> None:
    engine.touch("refuses")
    result = engine.run("start")
    assert result.returncode == NO_ENGINE
    assert "operation not permitted" in result.stderr
    assert "does not run on this kernel" in result.stderr.splitlines()[-1]
    assert any("--storage-driver vfs" in started for started in engine.starts())


def test_an_engine_that_answers_but_runs_no_container_is_none(engine: Engine) -> None:
    engine.touch("no-containers")
    assert engine.run("start").returncode == NO_ENGINE
    assert not (engine.folder / "answering").exists()


def test_an_engine_of_others_that_runs_no_container_is_none_and_left_alone(engine: Engine) -> None:
    engine.touch("answering")
    engine.touch("no-containers")
    result = engine.run("ensure")
    assert result.returncode == NO_ENGINE
    assert "cannot run a container: no bridge docker0" in result.stderr
    assert engine.starts() == []
