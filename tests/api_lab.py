"""The customer API in the test's own process, on SQLite or PostgreSQL, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import Engine
from starlette.testclient import TestClient

from schemas.chain import Head, canonical, follow, link
from schemas.identity import derived_id
from services.api.app import create_app
from services.api.clients import CUSTOMER_SCOPES, INGEST_SCOPE, Clients
from services.api.database import migrate, open_database
from services.api.settings import ApiSettings
from services.api.state import ApiState

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
EMPTY = Head()
Entry = dict[str, Any]


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        """Move it."""
        self.now += timedelta(seconds=seconds)


def order_body(order: str, revision: int, **more: Any) -> Entry:
    """An order progress event without its place in the chain."""
    payload = {
        "product": "order",
        "order": order,
        "part": "part-1",
        "planned": 100,
        "produced": revision,
        "good": revision,
        "phase": "running",
        "due": None,
        "revision": revision,
        **more,
    }
    return _body("order", order, payload, revision)


def kpi_body(order: str, revision: int, kpi: str = "availability", **more: Any) -> Entry:
    """A KPI event without its place in the chain."""
    payload = {
        "product": "kpi",
        "order": order,
        "kpi": kpi,
        "kpi_id": derived_id("kpi", order, kpi, revision),
        "window": {"start": "2026-11-24T08:00:00.000000Z", "end": "2026-11-24T09:00:00.000000Z"},
        "revision": revision,
        "status": "provisional",
        "value": revision / 8,
        "null_reason": None,
        "n": 10,
        "coverage": 1.0,
        "supersedes": None,
        **more,
    }
    return _body("kpi", order, payload, revision)


def _body(product: str, order: str, payload: Entry, revision: int) -> Entry:
    return {
        "id": derived_id(product, order, str(payload.get("kpi")), revision),
        "type": product,
        "subject": order,
        "event_time": f"2026-11-24T08:{revision // 60:02d}:{revision % 60:02d}.000000Z",
        "payload": payload,
    }


def chained(bodies: Sequence[Entry], head: Head = EMPTY) -> list[Entry]:
    """The events that say ``bodies``, after ``head``."""
    events = []
    for body in bodies:
        events.append(link(body, head))
        head = follow(events[-1], head)
    return events


def batch(customer: str, events: Sequence[Entry], offset: int = 0) -> bytes:
    """The body of an ingest request."""
    entries = [{"event": e, "source_partition": 0, "source_offset": offset + i} for i, e in enumerate(events)]
    return canonical({"customer": customer, "entries": entries})


@dataclass
class Api:
    """The application with its clients. ``bridge`` is the token of the bridge."""

    http: TestClient
    app: FastAPI
    engine: Engine
    clients: Clients
    clock: Clock
    registry: CollectorRegistry
    settings: ApiSettings
    secrets: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    _keys: int = 0

    def add(self, client_id: str, customer: str | None, scopes: Sequence[str]) -> None:
        """Add a client and take a token."""
        self.secrets[client_id] = self.clients.add(client_id, customer, scopes)
        self.tokens[client_id] = self.issue(client_id, scopes)

    def issue(self, client_id: str, scopes: Sequence[str]) -> str:
        """A token as /oauth/token gives it, without asking."""
        state: ApiState = self.app.state.api
        return state.tokens.issue(client_id, scopes)

    def token(self, client_id: str) -> str:
        """A fresh token with all scopes."""
        answer = self.http.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, auth=(client_id, self.secrets[client_id])
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def get(self, path: str, client_id: str = "acme") -> httpx.Response:
        """What a client reads."""
        return self.http.get(path, headers={"Authorization": f"Bearer {self.tokens[client_id]}"})

    def store(self, body: bytes, key: str | None = "new", client_id: str = "bridge") -> httpx.Response:
        """Store a batch; each has another key unless one is given, None sends none."""
        if key == "new":
            self._keys += 1
            key = f"key-{self._keys}"
        headers = {"Authorization": f"Bearer {self.tokens[client_id]}", "Content-Type": "application/json"}
        return self.http.post(
            "/ingest/v1/batches", content=body, headers={**headers, **({"Idempotency-Key": key} if key is not None else {})}
        )

    def give(self, customer: str, *bodies: Entry) -> list[Entry]:
        """Store events for a customer after what it has; returns them as it will read them."""
        head = self.get(f"/ingest/v1/customers/{customer}/head", "bridge").json()
        events = chained(bodies, Head(head["sequence"], head["hash"]))
        answer = self.store(batch(customer, events, offset=head["sequence"]))
        assert answer.status_code == 201, answer.text
        return events


@contextmanager
def api(url: str | None, folder: Path, **settings: Any) -> Iterator[Api]:
    """The API on a fresh database with the customers ``acme`` and ``globex`` and the bridge."""
    given = ApiSettings(api_data_dir=folder, database_url=SecretStr(url) if url else None, **settings)
    engine = open_database(given.url)
    migrate(engine)
    clock, registry = Clock(), CollectorRegistry()
    clients = Clients(engine, clock, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))  # the real one is slow on purpose
    app = create_app(given, engine, registry, clock, clients)
    try:
        with TestClient(app, raise_server_exceptions=False) as http:
            made = Api(http, app, engine, clients, clock, registry, given)
            made.add("bridge", None, [INGEST_SCOPE])
            for customer in ("acme", "globex"):
                made.add(customer, customer, CUSTOMER_SCOPES)
            yield made
    finally:
        engine.dispose()
