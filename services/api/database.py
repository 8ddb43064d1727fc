"""The database: SQLite or PostgreSQL by its URL, one code for both."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from services.runtime.errors import UserError

MIGRATIONS = Path(__file__).parent / "migrations"
BACKENDS = ("sqlite", "postgresql")
BUSY_MS = 10_000  # how long a writer of SQLite waits for the one before it


def open_database(url: str) -> Engine:
    """An engine for ``url``; nothing is connected yet. Raises UserError for a URL that names no such database."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() not in BACKENDS:
            raise UserError(f"FACTORYSTREAM_DATABASE_URL names {parsed.get_backend_name()}: {' or '.join(BACKENDS)} is needed")
        engine = create_engine(parsed, pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError, ValueError) as exc:
        raise UserError("FACTORYSTREAM_DATABASE_URL is no database URL such as postgresql://user:password@host/name") from exc
    if engine.dialect.name == "sqlite":
        if parsed.database:
            _folder(Path(parsed.database).parent)
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
    return engine


def migrate(engine: Engine) -> None:
    """Bring the tables up to date; nothing to do is fine. Raises UserError when the database does not answer."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    try:
        with writing(engine.connect()) as connection, connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as exc:
        where = engine.url.render_as_string(hide_password=True)
        raise UserError(f"the database {where} can't be used: {_first_line(exc)}") from exc


def answers(engine: Engine) -> bool:
    """Whether the database does a piece of work now."""
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT count(*) FROM client")).scalar_one()
    except DBAPIError:
        return False
    return True


def writing(connection: Connection) -> Connection:
    """The connection, whose next transaction will write: SQLite then takes its lock at the start and not halfway."""
    return connection.execution_options(factorystream_write=True)


def _sqlite_connect(connection: Any, entry: ConnectionPoolEntry) -> None:
    del entry
    connection.isolation_level = None  # transactions are begun below, and not by the driver's guesses
    cursor = connection.cursor()
    # WAL lets customers read while the bridge writes; FULL makes a stored batch survive a power loss
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("factorystream_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _folder(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise UserError(f"the data folder {path} can't be made: {exc.strerror}. Set FACTORYSTREAM_API_DATA_DIR.") from exc


def _first_line(exc: DBAPIError) -> str:
    return str(exc.orig).strip().splitlines()[0] if str(exc.orig).strip() else type(exc.orig).__name__
