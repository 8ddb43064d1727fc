"""What surrounds every request: a bound on its body, the headers of every answer, and its time in the metrics."""

import time
from collections.abc import Iterable
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.metrics import ApiMetrics
from services.api.problem import Problem

ALWAYS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
UNKNOWN_ROUTE = "none"
METHODS = ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")  # anything else that is sent is counted as "other"


class Edge:
    """ASGI middleware. A body larger than ``largest_body`` bytes is answered 413 before any of it is looked at."""

    def __init__(self, app: ASGIApp, largest_body: int, metrics: ApiMetrics) -> None:
        self._app = app
        self._largest = largest_body
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        began = time.perf_counter()
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, scope)
            await send(message)

        try:
            body = await self._body(scope, receive)
            if body is None:
                detail = f"The body is larger than {self._largest} bytes; send less at once."
                await Problem(413, "body-too-large", detail).response()(scope, receive, answer)
            else:
                await self._app(scope, _once(body, receive), answer)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            self._metrics.request(_route(scope), method, status, time.perf_counter() - began)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        declared = _length(scope["headers"])
        if declared is not None and declared > self._largest:
            return None
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b"".join(parts)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._largest:
                return None
            if not message.get("more_body", False):
                return b"".join(parts)


def _once(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read already, and then whatever the server says (a disconnect)."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _length(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return None


def _add_headers(message: Message, scope: Scope) -> None:
    headers = MutableHeaders(raw=message["headers"])
    state: dict[str, Any] = scope["state"]
    for name, value in {**ALWAYS, **state.get("rate_limit", {})}.items():
        headers[name] = value


def _route(scope: Scope) -> str:
    """The template of the route, such as ``/v1/orders/{order}``: an id must never become a label."""
    route = scope.get("route")
    return route.path if isinstance(route, Route) else UNKNOWN_ROUTE
