"""Downloads from a Maven repository on loopback: good ones, broken ones, and none at all."""

import hashlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from services.broker.jar_list import Jar
from services.broker.jars import provide_jars
from services.runtime.errors import UserError


def make_jar(artifact: str, content: bytes) -> Jar:
    return Jar(hashlib.sha256(content).hexdigest(), len(content), "org.example", artifact, "1.0")


FILES = {f"tool-{number}": bytes([number]) * (30_000 + number) for number in range(6)}
JARS = [make_jar(artifact, content) for artifact, content in FILES.items()]


@dataclass
class Repository:
    """What the server hands out by path, how much of it before it hangs up, and what it was asked for."""

    url: str
    files: dict[str, bytes]
    cut: dict[str, list[int]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Repository]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = served.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            served.asked.append(self.path)
            cuts = served.cut.get(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: cuts.pop(0)] if cuts else content)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Repository(f"http://127.0.0.1:{server.server_port}", {f"/{jar.repository_path}": FILES[jar.artifact] for jar in JARS})
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("FACTORYSTREAM_MAVEN_REPOSITORY", served.url)
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield served
    server.shutdown()
    server.server_close()


class Recorder:
    """A progress display that adds up what it is told."""

    def __init__(self) -> None:
        self.jars, self.size, self.done_jars, self.done_size, self.ended = 0, 0, 0, 0, False

    def begin(self, title: str, jars: int, size: int) -> None:
        del title
        self.jars, self.size = jars, size

    def advance(self, size: int) -> None:
        self.done_size += size

    def jar_done(self) -> None:
        self.done_jars += 1

    def end(self) -> None:
        self.ended = True


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != ".lock"}


@pytest.mark.usefixtures("repository")
def test_jars_are_fetched_by_coordinates_and_the_progress_adds_up(tmp_path: Path) -> None:
    progress = Recorder()
    paths = provide_jars(JARS, tmp_path / "cache", progress)
    assert {path.stem.removesuffix("-1.0"): path.read_bytes() for path in paths} == FILES
    assert (progress.jars, progress.size) == (progress.done_jars, progress.done_size) == (6, sum(map(len, FILES.values())))
    assert progress.ended
    assert files_in(tmp_path / "cache") == {path.name for path in paths}


def test_only_missing_jars_are_asked_for(repository: Repository, tmp_path: Path) -> None:
    provide_jars(JARS[:4], tmp_path)
    repository.asked.clear()
    provide_jars(JARS, tmp_path)
    assert sorted(repository.asked) == sorted(f"/{jar.repository_path}" for jar in JARS[4:])


def test_a_wrong_file_is_deleted_and_said_in_one_sentence(repository: Repository, tmp_path: Path) -> None:
    repository.files[f"/{JARS[0].repository_path}"] = b"<html>Please log in</html>".ljust(JARS[0].size)
    with pytest.raises(UserError, match=r"org\.example:tool-0:1\.0 is not the file that was expected .* deleted"):
        provide_jars(JARS, tmp_path)
    assert JARS[0].file_name not in files_in(tmp_path)
    assert all((tmp_path / name).read_bytes() in FILES.values() for name in files_in(tmp_path))


def test_a_transfer_that_breaks_off_is_tried_again(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.broker.download.time.sleep", lambda _seconds: None)
    repository.cut[f"/{JARS[0].repository_path}"] = [10_000, 20_000]
    progress = Recorder()
    paths = provide_jars(JARS[:1], tmp_path, progress)
    assert paths[0].read_bytes() == FILES["tool-0"]
    assert progress.done_size == JARS[0].size


def test_half_a_transfer_never_counts(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.broker.download.time.sleep", lambda _seconds: None)
    repository.cut[f"/{JARS[0].repository_path}"] = [10_000] * 10
    with pytest.raises(UserError, match="tool-0"):
        provide_jars(JARS[:1], tmp_path)
    assert files_in(tmp_path) == set()


@pytest.mark.usefixtures("repository")
def test_what_a_killed_download_left_is_no_hindrance(tmp_path: Path) -> None:
    half = tmp_path / ".incoming" / JARS[0].repository_path
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    assert provide_jars(JARS[:1], tmp_path)[0].read_bytes() == FILES["tool-0"]
    assert files_in(tmp_path) == {JARS[0].file_name}


def test_a_repository_without_the_jar_is_said_with_where_to_look(repository: Repository, tmp_path: Path) -> None:
    repository.files.clear()
    with pytest.raises(UserError, match=r"does not hand out org\.example:tool-0:1\.0; .*FACTORYSTREAM_MAVEN_REPOSITORY"):
        provide_jars(JARS[:1], tmp_path)


def test_the_users_own_repository_spares_the_download(repository: Repository, tmp_path: Path) -> None:
    kept = tmp_path / "m2" / JARS[0].repository_path
    kept.parent.mkdir(parents=True)
    kept.write_bytes(FILES["tool-0"])
    damaged = tmp_path / "m2" / JARS[1].repository_path
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"damaged")
    provide_jars(JARS[:2], tmp_path / "cache")
    assert repository.asked == [f"/{JARS[1].repository_path}"]
    assert (kept.read_bytes(), damaged.read_bytes()) == (FILES["tool-0"], b"damaged")


def closed_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


@pytest.mark.parametrize(
    "environment",
    [
        lambda port: {"FACTORYSTREAM_MAVEN_REPOSITORY": f"http://127.0.0.1:{port}", "NO_PROXY": "127.0.0.1"},
        lambda port: {"FACTORYSTREAM_MAVEN_REPOSITORY": "https://maven.invalid", "HTTPS_PROXY": f"http://127.0.0.1:{port}"},
    ],
    ids=["refused", "dead proxy"],
)
def test_without_a_network_one_sentence_says_what_to_do(
    environment: Callable[[int], dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    for name, value in environment(closed_port()).items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "cache"
    with pytest.raises(UserError) as caught:
        provide_jars(JARS, folder)
    assert str(caught.value).startswith("no network: ")
    assert f"put the jars into {folder}" in str(caught.value)
    assert "--fetch-only" in str(caught.value)
    assert files_in(folder) == set()
