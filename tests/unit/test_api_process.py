"""The API as a process: its command line, its end, and the sentences for what people can set right."""

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from services.api.__main__ import main
from services.api.clients import Clients
from services.api.database import migrate, open_database
from services.api.settings import ApiSettings, wall_clock
from services.runtime.errors import UserError

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACTORYSTREAM_API_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FACTORYSTREAM_API_PORT", "0")
    monkeypatch.setenv("FACTORYSTREAM_METRICS_PORT", "0")


def secret_in(text: str) -> str:
    """The secret that a command printed."""
    return text.split("client_secret:")[1].split()[0]


def test_adding_a_client_prints_its_secret_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clients", "add", "acme"]) == 0
    secret = secret_in(capsys.readouterr().out)
    main(["clients", "list"])
    listed = capsys.readouterr().out
    assert "acme\tacme\torders:read kpis:read events:read" in listed
    assert secret not in listed
    clients = Clients(open_database(ApiSettings().url), wall_clock)
    assert clients.authenticate("acme", secret) is not None
    assert clients.authenticate("acme", secret + "x") is None


def test_secrets_are_not_in_the_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["clients", "add", "acme"])
    secret = secret_in(capsys.readouterr().out).encode()
    assert not [p for p in tmp_path.iterdir() if p.is_file() and secret in p.read_bytes()]
    for name in ("token-signing-key.json", "cursor-key"):
        assert not (tmp_path / name).exists() or stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_rotating_prints_another_secret(capsys: pytest.CaptureFixture[str]) -> None:
    main(["clients", "add", "acme", "--client-id", "acme-erp", "--scope", "orders:read"])
    first = secret_in(capsys.readouterr().out)
    main(["clients", "rotate", "acme-erp"])
    second = secret_in(capsys.readouterr().out)
    clients = Clients(open_database(ApiSettings().url), wall_clock)
    assert clients.authenticate("acme-erp", first) is None
    found = clients.authenticate("acme-erp", second)
    assert found is not None
    assert (found.customer, found.scopes) == ("acme", ("orders:read",))


def test_a_secret_file_is_written_for_its_user_only_and_can_be_given_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bridge.secret"
    assert main(["clients", "add", "--ingest", "--secret-file", str(path)]) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() not in capsys.readouterr().out
    assert main(["clients", "add", "--ingest", "--secret-file", str(path)]) == 0
    assert "is there already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["clients", "add", "Acme Inc"], "is no c"),
        (["clients", "rotate", "nobody"], "there is no client nobody"),
    ],
)
def test_what_can_be_set_right_is_one_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        main(arguments)


def test_the_same_client_twice_is_refused() -> None:
    main(["clients", "add", "acme"])
    with pytest.raises(UserError, match="there is a client acme already"):
        main(["clients", "add", "acme"])


def test_a_secret_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("secret")
    with pytest.raises(UserError, match="6 characters"):
        main(["clients", "add", "acme", "--secret-file", str(tmp_path / "short")])


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://localhost/x", "FACTORYSTREAM_DATABASE_URL"),
        ("nonsense", "FACTORYSTREAM_DATABASE_URL"),
        ("postgresql://user:hidden-word@127.0.0.1:1/none", "can't be used"),
        ("sqlite:////proc/none/ledger.sqlite", "data folder"),
    ],
)
def test_a_database_that_can_not_be_used_is_one_sentence(monkeypatch: pytest.MonkeyPatch, url: str, sentence: str) -> None:
    monkeypatch.setenv("FACTORYSTREAM_DATABASE_URL", url)
    with pytest.raises(UserError, match=sentence) as raised:
        main(["migrate"])
    assert "hidden-word" not in str(raised.value)


def test_a_damaged_signing_key_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "token-signing-key.json").write_text("{}")
    with pytest.raises(UserError, match="is no signing key"):
        main(["serve"])


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACTORYSTREAM_API_PORT", "99999")
    with pytest.raises(UserError, match="FACTORYSTREAM_API_PORT"):
        main(["serve"])


def test_a_busy_port_is_one_sentence_and_exit_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = _start(port).communicate(timeout=60)
    assert done[0].splitlines()[-1] == (
        f"error: the API can't listen on 127.0.0.1:{port}: Address already in use. Set FACTORYSTREAM_API_PORT to a free port."
    )
    assert "Traceback" not in done[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_zero(number: signal.Signals) -> None:
    process = _start("0")
    assert process.stdout is not None
    url = process.stdout.readline().removeprefix("api on ").strip()
    metrics = process.stdout.readline().removeprefix("metrics on ").strip()
    assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
    assert "factory_api_request_seconds" in httpx.get(metrics).text
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    migrate(engine)
    migrate(engine)
    main(["migrate"])


def _start(port: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "services.api", "serve"],
        cwd=ROOT,
        env={**os.environ, "FACTORYSTREAM_API_PORT": port},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
