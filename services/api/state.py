"""What the routes work with, made once per application."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy import Engine

from services.api.clients import Clients
from services.api.ingest import Ingest
from services.api.limits import Limiter
from services.api.metrics import ApiMetrics
from services.api.settings import ApiSettings
from services.api.tokens import Tokens

Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class ApiState:
    """The parts of the API."""

    settings: ApiSettings
    engine: Engine
    clients: Clients
    tokens: Tokens
    ingest: Ingest
    limiter: Limiter
    metrics: ApiMetrics
    cursor_key: bytes


def api_state(request: Request) -> ApiState:
    """The state of the application that serves ``request``."""
    state: ApiState = request.app.state.api
    return state
