"""Alembic environment: the connection comes from :func:`services.api.database.migrate`; there is no offline mode."""

from alembic import context
from sqlalchemy import text

from services.api.tables import Base

MIGRATION_LOCK = 7_140_232  # any number, the same in every process

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata)
with context.begin_transaction():
    if connection.dialect.name == "postgresql":
        # two servers that start together must not both create the tables
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    context.run_migrations()
