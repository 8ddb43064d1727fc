"""The command line as a person meets it: help with an example on each command, one sentence for each error."""

import errno
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import typer

from services.cli.commands.tail import resolve
from services.cli.main import app, main, sentence
from services.runtime.errors import UserError
from services.stack.session import check_reachable

COMMANDS = [
    ("demo",),
    ("replay", "mtconnect"),
    ("replay", "csv"),
    ("replay", "events"),
    ("query", "kpi"),
    ("query", "states"),
    ("tail",),
    ("status",),
    ("topics", "create"),
    ("topics", "show"),
    ("topics", "diff"),
    ("verify",),
]


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs a command line in this process, in a folder of its own."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["factorystream", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    yield call
    signal.signal(signal.SIGTERM, before)


def leaves(command: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    below = getattr(command, "commands", None)
    return [path] if below is None else [leaf for name, c in below.items() for leaf in leaves(c, (*path, name))]


def test_the_commands_are_these() -> None:
    assert sorted(leaves(typer.main.get_command(app))) == sorted(COMMANDS)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_command_has_help_with_an_example_and_json(words: tuple[str, ...]) -> None:
    command = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    assert command.help
    assert (command.epilog or "").startswith(f"Example: factorystream {' '.join(words)}")
    assert any("--json" in parameter.opts for parameter in command.params)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("replay", "mtconnect", "no-such-day.txt"), "error: no-such-day.txt does not exist"),
        (("replay", "csv", "a.csv", "--mapping", "b.json"), "error: a.csv does not exist"),
        (("replay", "events", "no-such.jsonl"), "error: no-such.jsonl does not exist"),
        (("query", "kpi", "--data-dir", "empty"), "error: no stack runs in {cwd}/empty and no records are kept there"),
        (("status", "--data-dir", "empty"), "error: no stack runs in {cwd}/empty and no records are kept there"),
        (("query", "kpi", "--kpi", "tempo"), "error: no KPI is named 'tempo'; there are availability, effectiveness"),
        (("tail", "kpis"), "error: no topic is named 'kpis'; there are factory.sensor.v1, factory.machine.v1"),
        (("tail", "kpi", "--bootstrap", "127.0.0.1:9"), "error: nothing listens at 127.0.0.1:9"),
        (("topics", "show", "--bootstrap", "nowhere"), "error: 'nowhere' is no address of a Kafka: write it as host:port"),
        (("verify", "acme", "--data-dir", "empty"), "error: the secret of acme can't be read from {cwd}/empty/secrets/acme"),
    ],
)
def test_an_error_is_one_sentence_on_stderr(run: Run, words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    done = run(*words)
    assert (done.code, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith(message.format(cwd=tmp_path))


def test_an_unknown_command_is_explained(run: Run) -> None:
    done = run("dance")
    assert done.code == 2
    assert "No such command 'dance'" in done.err


def test_ctrl_c_is_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("services.cli.commands.status.broker_at", interrupted)
    assert run("status").code == 130


def test_sigterm_leaves_through_the_same_doors(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.cli.commands.status.broker_at", lambda *_: signal.raise_signal(signal.SIGTERM))
    assert run("status").code == 128 + signal.SIGTERM


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -c 'from services.cli.main import main; main()' tail --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("given", ["factory.kpi.v1", "kpi", "kpi.v1"])
def test_a_topic_may_be_named_in_short(given: str) -> None:
    assert resolve(given).name == "factory.kpi.v1"


def test_dead_letters_are_topics_too() -> None:
    assert resolve("factory.kpi.v1.dlq").name == "factory.kpi.v1.dlq"


@pytest.mark.parametrize("address", ["", "host", "host:", "host:port", ":9092"])
def test_what_is_no_address_is_said_so(address: str) -> None:
    with pytest.raises(UserError, match="is no address of a Kafka"):
        check_reachable(address)


def test_a_full_disk_is_said_so() -> None:
    said = sentence(OSError(errno.ENOSPC, "No space left on device", "/data/x"))
    assert said == "the disk is full at /data/x; free some space, or choose another folder with --data-dir"


def test_another_error_of_the_system_names_its_file() -> None:
    assert sentence(PermissionError(errno.EACCES, "Permission denied", "/data/x")) == "Permission denied at /data/x"
