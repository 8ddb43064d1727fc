"""The API as an ASGI application."""

import time
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from schemas.customer_event import VIEWS
from services.api import problem
from services.api.clients import Clients
from services.api.edge import Edge
from services.api.ingest import Ingest
from services.api.keys import cursor_key, signing_key
from services.api.limits import Limiter
from services.api.metrics import ApiMetrics
from services.api.problem import ProblemDocument
from services.api.routes import events, health, ingest, orders, token
from services.api.settings import ApiSettings, wall_clock
from services.api.state import ApiState, Now
from services.api.tokens import Tokens

DESCRIPTION = """Progress and KPIs of your orders. Every answer is made of events from your own ledger: each has a gapless
`sequence` and a `hash` over the event and the hash before it, so that you can check that nothing was changed or left out."""
ROUTERS = (token.router, orders.router, events.router, ingest.router, health.router)
REF = "#/components/schemas/{model}"


def create_app(
    settings: ApiSettings, engine: Engine, registry: CollectorRegistry, now: Now = wall_clock, clients: Clients | None = None
) -> FastAPI:
    """The application on a migrated database. Raises UserError when the keys can't be made."""
    metrics = ApiMetrics(registry)
    app = FastAPI(
        title="factorystream customer API",
        version="1",
        description=DESCRIPTION,
        docs_url=None,  # their pages load scripts from outside
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
        responses={"default": {"model": ProblemDocument, "description": "Problem"}},
    )
    app.state.api = ApiState(
        settings=settings,
        engine=engine,
        clients=clients or Clients(engine, now),
        tokens=Tokens(signing_key(settings.api_data_dir), settings.api_issuer, settings.token_seconds, now),
        ingest=Ingest(engine, now),
        limiter=Limiter(time.monotonic),
        metrics=metrics,
        cursor_key=cursor_key(settings.api_data_dir),
    )
    for router in ROUTERS:
        app.include_router(router)
    problem.install(app)
    app.add_middleware(Edge, largest_body=settings.largest_body, metrics=metrics)
    _complete_openapi(app)
    return app


def _complete_openapi(app: FastAPI) -> None:
    """Add the schemas of what is read and written as JSON text, which FastAPI can't see."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            schemas = document["components"]["schemas"]
            for model_schema in (ingest.body_schema(), *(v.model_json_schema(ref_template=REF) for v in VIEWS.values())):
                schemas.update(model_schema.pop("$defs", {}))
                schemas[model_schema["title"]] = model_schema
            views = [{"$ref": REF.format(model=view.__name__)} for view in VIEWS.values()]
            schemas["CustomerEvent"]["properties"]["payload"] = {"oneOf": views, "description": "What it says"}
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
