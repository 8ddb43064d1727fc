"""Bringing a database up to date: once, from nothing, by whoever comes first."""

import os
import subprocess
import sys
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from services.api.database import answers, migrate, open_database
from services.api.settings import ApiSettings
from services.api.tables import Base

pytest_plugins = ("api_fixtures",)

ROOT = Path(__file__).parent.parent.parent
SERVERS = 3


def url_of(database_url: str | None, folder: Path) -> str:
    """The SQLAlchemy URL."""
    return ApiSettings(api_data_dir=folder, database_url=database_url).url  # type: ignore[arg-type]


def test_servers_that_start_together_make_the_tables_once(database_url: str | None, tmp_path: Path) -> None:
    url = url_of(database_url, tmp_path)
    environment = {**os.environ, "FACTORYSTREAM_DATABASE_URL": url, "FACTORYSTREAM_API_DATA_DIR": str(tmp_path)}
    servers = [
        subprocess.Popen([sys.executable, "-m", "services.api", "migrate"], cwd=ROOT, env=environment, stderr=subprocess.PIPE)
        for _ in range(SERVERS)
    ]
    assert [server.communicate(timeout=60)[1] for server in servers] == [b""] * SERVERS
    assert [server.returncode for server in servers] == [0] * SERVERS
    engine = open_database(url)
    assert answers(engine)
    engine.dispose()


def test_the_migrations_make_the_tables_that_the_code_expects(database_url: str | None, tmp_path: Path) -> None:
    engine = open_database(url_of(database_url, tmp_path))
    migrate(engine)
    with engine.connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), Base.metadata)
        assert difference == []
        assert set(inspect(connection).get_table_names()) == {*Base.metadata.tables, "alembic_version"}
    engine.dispose()


def test_a_database_without_tables_does_no_work(database_url: str | None, tmp_path: Path) -> None:
    engine = open_database(url_of(database_url, tmp_path))
    assert not answers(engine)
    engine.dispose()
