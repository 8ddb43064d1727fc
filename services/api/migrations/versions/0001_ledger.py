"""Ledger, batches and clients.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = "the ledger is append-only"


def upgrade() -> None:
    """Create the tables, and the triggers that refuse to change the ledger."""
    op.create_table(
        "ledger",
        sa.Column("customer", sa.String(63), primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("event_id", sa.String(200), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("product", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(63), nullable=False),
        sa.Column("series", sa.String(64), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("event_time", sa.String(32), nullable=False),
        sa.Column("source_partition", sa.Integer, nullable=False),
        sa.Column("source_offset", sa.BigInteger, nullable=False),
        sa.Column("stored_at", sa.String(32), nullable=False),
        sa.UniqueConstraint("customer", "event_id", name="ledger_event_once"),
    )
    op.create_index("ledger_newest", "ledger", ["customer", "product", "subject", "series", "revision", "sequence"])
    op.create_index("ledger_subject", "ledger", ["customer", "subject", "sequence"])
    op.create_index("ledger_source", "ledger", ["customer", "source_partition", "sequence"])
    op.create_table(
        "batch",
        sa.Column("key", sa.String(100), primary_key=True),
        sa.Column("client_id", sa.String(63), primary_key=True),
        sa.Column("body_sha256", sa.String(64), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("stored", sa.Integer, nullable=False),
    )
    op.create_table(
        "client",
        sa.Column("client_id", sa.String(63), primary_key=True),
        sa.Column("customer", sa.String(63), index=True),
        sa.Column("scopes", sa.String(200), nullable=False),
        sa.Column("secret_hash", sa.String(200), nullable=False),
        sa.Column("secret_since", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        _postgresql_triggers()
    else:
        _sqlite_triggers()


def downgrade() -> None:
    """There is no way back: it would delete what customers were given."""
    raise RuntimeError("the ledger can't be removed by a migration")


def _sqlite_triggers() -> None:
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER ledger_no_{action.lower()} BEFORE {action} ON ledger "
            f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
        )  # fmt: skip
    # INSERT OR REPLACE deletes the row in its way without firing a delete trigger
    op.execute(
        "CREATE TRIGGER ledger_no_replace BEFORE INSERT ON ledger WHEN EXISTS (SELECT 1 FROM ledger WHERE customer = NEW.customer "
        "AND (sequence = NEW.sequence OR event_id = NEW.event_id)) "
        f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
    )


def _postgresql_triggers() -> None:
    op.execute(
        f"CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{APPEND_ONLY}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
    )
