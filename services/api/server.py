"""Serving the API until a signal comes."""

import os
import socket
import threading

import uvicorn
from prometheus_client import CollectorRegistry

from services.api.app import create_app
from services.api.database import migrate, open_database
from services.api.settings import ApiSettings
from services.runtime.drain import Drain
from services.runtime.errors import UserError
from services.runtime.metrics import serve_metrics

GRACE_S = 10
KEEP_ALIVE_S = 30
MOST_CONNECTIONS = 500
POLL_S = 0.2


def serve(settings: ApiSettings) -> int:
    """Migrate, listen, answer; returns 0 after SIGTERM or SIGINT, with the requests under way answered. Raises UserError."""
    registry = CollectorRegistry()
    engine = open_database(settings.url)
    migrate(engine)
    app = create_app(settings, engine, registry)
    with Drain() as drain, _listen(settings.api_host, settings.api_port) as listener:
        metrics_port = serve_metrics(settings.metrics_host, settings.metrics_port, registry)
        config = uvicorn.Config(
            app,
            log_level=settings.log_level.lower(),
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=KEEP_ALIVE_S,
            limit_concurrency=MOST_CONNECTIONS,
        )
        server = uvicorn.Server(config)
        # in a thread of its own, uvicorn leaves the signals to us: it would end with the signal's number instead of 0
        thread = threading.Thread(target=server.run, args=([listener],), name="uvicorn")
        thread.start()
        print(f"api on http://{settings.api_host}:{listener.getsockname()[1]}", flush=True)
        print(f"metrics on http://{settings.metrics_host}:{metrics_port}/metrics", flush=True)
        while thread.is_alive() and not drain.wait(POLL_S):
            pass
        drained = drain.requested
        server.should_exit = True
        thread.join()
    engine.dispose()
    if not drained:
        raise UserError("the API ended by itself; its log says why")
    return 0


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=256)
    except OSError as exc:
        why = os.strerror(exc.errno) if exc.errno else str(exc)
        raise UserError(f"the API can't listen on {host}:{port}: {why}. Set FACTORYSTREAM_API_PORT to a free port.") from exc
