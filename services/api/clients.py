"""The OAuth 2.0 clients: who may ask for a token, for which customer and with which scopes."""

import re
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from schemas.instant import rfc3339
from services.api.database import writing
from services.api.tables import Client as ClientRow
from services.runtime.errors import UserError

CUSTOMER_SCOPES = ("orders:read", "kpis:read", "events:read")
INGEST_SCOPE = "ingest"
SECRET_BYTES = 32
SHORTEST_SECRET = 32  # characters
NAME = re.compile(r"^[a-z0-9][a-z0-9._-]{0,62}$")
MOST_HASHES_AT_ONCE = 2  # each takes 64 MiB

_COLUMNS = (ClientRow.client_id, ClientRow.customer, ClientRow.scopes, ClientRow.secret_since, ClientRow.created_at)

_hashing = threading.BoundedSemaphore(MOST_HASHES_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Client:
    """A client without its secret. ``customer`` is None for the bridge. ``secret_since`` is in Unix seconds."""

    client_id: str
    customer: str | None
    scopes: tuple[str, ...]
    secret_since: int
    created_at: str


class Clients:
    """The clients in the database. ``now`` is the clock, ``hasher`` what turns a secret into what is stored."""

    def __init__(self, engine: Engine, now: Callable[[], datetime], hasher: PasswordHasher | None = None) -> None:
        self._engine = engine
        self._now = now
        self._hasher = hasher or PasswordHasher()
        # checked in place of a secret that does not exist, so that an unknown client takes as long as a wrong secret
        self._nobody = cache(lambda: self._hash(secrets.token_urlsafe(SECRET_BYTES)))

    def add(self, client_id: str, customer: str | None, scopes: Sequence[str], secret: str | None = None) -> str:
        """Add a client and return its secret, a new one unless given. Raises UserError for a name or scope that can't be."""
        _check(client_id, customer, scopes)
        secret = _usable(secret)
        row = {
            "client_id": client_id,
            "customer": customer,
            "scopes": " ".join(scopes),
            "secret_hash": self._hash(secret),
            "secret_since": int(self._now().timestamp()),
            "created_at": rfc3339(self._now()),
        }
        try:
            with writing(self._engine.connect()) as connection, connection.begin():
                connection.execute(insert(ClientRow).values(row))
        except IntegrityError:
            raise UserError(f"there is a client {client_id} already: choose another --client-id, or rotate its secret") from None
        return secret

    def rotate(self, client_id: str, secret: str | None = None) -> str:
        """Give a client another secret and return it; the old secret and its tokens are void. Raises UserError."""
        secret = _usable(secret)
        change = (
            update(ClientRow)
            .where(ClientRow.client_id == client_id)
            .values(secret_hash=self._hash(secret), secret_since=int(self._now().timestamp()))
        )
        with writing(self._engine.connect()) as connection, connection.begin():
            if connection.execute(change).rowcount == 0:
                raise UserError(f"there is no client {client_id}: see `clients list`")
        return secret

    def get(self, client_id: str) -> Client | None:
        """The client of that id."""
        with self._engine.connect() as connection:
            row = connection.execute(select(*_COLUMNS).where(ClientRow.client_id == client_id)).one_or_none()
        return None if row is None else _client(row)

    def all(self) -> list[Client]:
        """Every client, by id."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(*_COLUMNS).order_by(ClientRow.client_id)).all()
        return [_client(row) for row in rows]

    def authenticate(self, client_id: str, secret: str) -> Client | None:
        """The client when the secret is its own. It takes the same time for an unknown client."""
        with self._engine.connect() as connection:
            known = connection.execute(select(ClientRow.secret_hash).where(ClientRow.client_id == client_id)).scalar_one_or_none()
        nobody = self._nobody()
        try:
            with _hashing:
                self._hasher.verify(known if known is not None else nobody, secret)
        except (VerificationError, InvalidHashError):
            return None
        return self.get(client_id) if known is not None else None

    def _hash(self, secret: str) -> str:
        with _hashing:
            return self._hasher.hash(secret)


def _client(row: Any) -> Client:
    return Client(row.client_id, row.customer, tuple(row.scopes.split()), row.secret_since, row.created_at)


def _check(client_id: str, customer: str | None, scopes: Sequence[str]) -> None:
    for what, name in (("client id", client_id), ("customer", customer)):
        if name is not None and not NAME.match(name):
            raise UserError(f"{name!r} is no {what}: use a-z, 0-9, '.', '_' and '-', at most 63, starting with a letter or digit")
    allowed = (INGEST_SCOPE,) if customer is None else CUSTOMER_SCOPES
    wrong = [s for s in scopes if s not in allowed]
    if wrong or not scopes:
        raise UserError(f"{'no scope' if not scopes else wrong[0]} can't be granted here: choose from {', '.join(allowed)}")


def _usable(secret: str | None) -> str:
    if secret is None:
        return secrets.token_urlsafe(SECRET_BYTES)
    if len(secret) < SHORTEST_SECRET:
        raise UserError(f"the secret has {len(secret)} characters: it needs {SHORTEST_SECRET} or more")
    return secret
