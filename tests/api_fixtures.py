"""Fixtures of the customer API: ``api`` runs a test once on SQLite and once on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from api_lab import Api
from api_lab import api as make_api
from postgres_server import NoPostgres, PostgresServer


@cache
def _server() -> PostgresServer | NoPostgres:
    try:
        return PostgresServer()
    except NoPostgres as exc:
        return exc


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server; without one the test is skipped and says why."""
    server = _server()
    if isinstance(server, NoPostgres):
        pytest.skip(f"PostgreSQL: {server}")
    yield server
    server.close()
    _server.cache_clear()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """The URL of an empty database; None for SQLite in the data folder."""
    if request.param == "sqlite":
        yield None
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.new_database()
    yield url
    server.drop(url)


@pytest.fixture
def api(database_url: str | None, tmp_path: Path) -> Iterator[Api]:
    """The API with the customers ``acme`` and ``globex`` and the bridge."""
    with make_api(database_url, tmp_path) as made:
        yield made


@pytest.fixture
def sqlite_api(tmp_path: Path) -> Iterator[Api]:
    """The same on SQLite only, for what has nothing to do with the database."""
    with make_api(None, tmp_path) as made:
        yield made
