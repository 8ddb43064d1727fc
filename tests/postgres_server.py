"""A PostgreSQL server for the tests: the one that ``FACTORYSTREAM_TEST_POSTGRES`` names, else one of our own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import psycopg

USERS = ("postgres", "nobody")  # the server refuses to run as root
START_S = 30.0


class NoPostgres(Exception):
    """Why there is no server."""


class PostgresServer:
    """Starts at once. Raises NoPostgres when it can't."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        given = os.environ.get("FACTORYSTREAM_TEST_POSTGRES")
        self.url = given or self._start()

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"factorystream_{uuid4().hex[:12]}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        return f"{self.url.rpartition('/')[0]}/{name}"

    def drop(self, url: str) -> None:
        """Remove a database again."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")  # type: ignore[arg-type]

    def close(self) -> None:
        """End our own server and remove its data."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # fast shutdown
            self._process.wait(START_S)
        if self._folder is not None:
            shutil.rmtree(self._folder)

    def _start(self) -> str:
        binaries = _binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="factorystream-postgres-"))
        account = _account()
        if account is not None:
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account is not None else {}
        data = self._folder / "data"
        made = subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "tests", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"],
            capture_output=True, cwd=self._folder, check=False, **who,
        )  # fmt: skip
        if made.returncode != 0:
            raise NoPostgres(f"initdb: {made.stderr.decode().strip()}")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._process = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", self._folder, "-c", "fsync=off"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self._folder, **who,
        )  # fmt: skip
        url = f"postgresql://tests@127.0.0.1:{port}/postgres"
        self._await(url)
        return url

    def _await(self, url: str) -> None:
        deadline = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(url, connect_timeout=2).close()
                return
            except psycopg.OperationalError as exc:
                if time.monotonic() >= deadline:
                    self.close()
                    raise NoPostgres(f"the server does not answer: {exc}") from exc
                time.sleep(0.05)


def _binaries() -> Path:
    """The newest installed server."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: float(p.parts[-3]))
    if not installed:
        raise NoPostgres(
            "no PostgreSQL server is installed (Debian package postgresql), and FACTORYSTREAM_TEST_POSTGRES is not set"
        )
    return installed[-1].parent


def _account() -> pwd.struct_passwd | None:
    """Whom to run it as; None for ourselves."""
    if os.geteuid() != 0:
        return None
    for name in USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoPostgres("we are root and there is no other account to run the server as")
