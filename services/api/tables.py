"""The tables: one append-only ledger that everything customers read is a view of, the batches it came in, and the clients."""

from sqlalchemy import BigInteger, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Root of the tables."""


class LedgerEntry(Base):
    """One event as one customer was given it. Rows are added and never changed (a trigger refuses anything else).

    ``payload`` is the RFC 8785 text that the hash covers. ``series`` names the value within the subject that a higher
    ``revision`` replaces: empty for the progress of an order, the name of a KPI. Times are RFC 3339.
    """

    __tablename__ = "ledger"
    __table_args__ = (
        UniqueConstraint("customer", "event_id", name="ledger_event_once"),
        Index("ledger_newest", "customer", "product", "subject", "series", "revision", "sequence"),
        Index("ledger_subject", "customer", "subject", "sequence"),
        Index("ledger_source", "customer", "source_partition", "sequence"),
    )

    customer: Mapped[str] = mapped_column(String(63), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[str] = mapped_column(String(200))
    hash: Mapped[str] = mapped_column(String(64))
    previous_hash: Mapped[str] = mapped_column(String(64))
    product: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(63))
    series: Mapped[str] = mapped_column(String(64))
    revision: Mapped[int] = mapped_column(BigInteger)
    payload: Mapped[str] = mapped_column(Text)
    event_time: Mapped[str] = mapped_column(String(32))
    source_partition: Mapped[int] = mapped_column(Integer)
    source_offset: Mapped[int] = mapped_column(BigInteger)
    stored_at: Mapped[str] = mapped_column(String(32))


class StoredBatch(Base):
    """A batch that was stored, by its idempotency key, so that the same request gets the same answer for good."""

    __tablename__ = "batch"

    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    body_sha256: Mapped[str] = mapped_column(String(64))
    sequence: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))
    stored: Mapped[int] = mapped_column(Integer)


class Client(Base):
    """An OAuth 2.0 client. ``customer`` is null for the bridge. Tokens issued before ``secret_since`` (Unix s) are void."""

    __tablename__ = "client"

    client_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    customer: Mapped[str | None] = mapped_column(String(63), index=True)
    scopes: Mapped[str] = mapped_column(String(200))
    secret_hash: Mapped[str] = mapped_column(String(200))
    secret_since: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[str] = mapped_column(String(32))
