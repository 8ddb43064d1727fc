"""The bridge's side of the customer API: tokens, heads, batches, and what each answer means."""

from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from schemas.chain import Head
from services.bridge.backoff import retry_after
from services.bridge.batch import Batch
from services.runtime.errors import UserError

TOKEN_MARGIN_S = 30.0
REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY)


class Unavailable(Exception):
    """The API does not do its work now. ``wait_s`` is how long it asks to be left alone."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Conflict(Exception):
    """The batch is not next: the head has moved, or some of its events are in the ledger. Ask which, and where it ends."""


class Refused(Exception):
    """The batch can never be stored. ``event`` is the id of the event at fault, when the API names it."""

    def __init__(self, reason: str, event: str | None = None) -> None:
        super().__init__(reason)
        self.event = event


class _Head(BaseModel):
    sequence: int
    hash: str


class _Ids(BaseModel):
    ids: list[str]


class _Grant(BaseModel):
    access_token: str
    expires_in: float


Answer = TypeVar("Answer", bound=BaseModel)


class CustomerApi:
    """``client`` has the API's base URL and timeouts and follows no redirects. ``now`` is the clock."""

    def __init__(self, client: httpx.Client, client_id: str, secret: str, now: Callable[[], datetime]) -> None:
        self._client = client
        self._credentials = (client_id, secret)
        self._now = now
        self._token: str | None = None
        self._token_until = 0.0

    def head(self, customer: str) -> Head:
        """The head of the customer's chain. Raises Unavailable."""
        answer = _read(_Head, self._call("GET", f"/ingest/v1/customers/{customer}/head"))
        return Head(answer.sequence, answer.hash)

    def stored(self, customer: str, ids: Sequence[str]) -> list[str]:
        """Which of these events are in the customer's ledger. Raises Unavailable."""
        answer = self._call("POST", f"/ingest/v1/customers/{customer}/stored", json={"ids": list(ids)})
        return _read(_Ids, answer).ids

    def store(self, batch: Batch) -> None:
        """Return when the batch is in the ledger. Raises Conflict, Refused or Unavailable."""
        headers = {"Idempotency-Key": batch.key, "Content-Type": "application/json"}
        answer = self._call("POST", "/ingest/v1/batches", content=batch.body, headers=headers)
        if answer.status_code == HTTPStatus.CONFLICT:
            raise Conflict(_reason(answer, _problem(answer)))
        if answer.status_code in REFUSED:
            problem = _problem(answer)
            raise Refused(_reason(answer, problem), problem.get("event"))
        receipt = _read(_Head, answer)
        if (receipt.sequence, receipt.hash) != (batch.head.sequence, batch.head.hash):
            raise Conflict("the API stored something else under this key")

    def _call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request with a token; with a fresh one when the API no longer takes it."""
        answer = self._send(method, path, **request)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            self._token = None
            answer = self._send(method, path, **request)
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise UserError(f"the API does not let the client {self._credentials[0]} in: {_reason(answer, _problem(answer))}")
        return answer

    def _send(self, method: str, path: str, headers: dict[str, str] | None = None, **request: Any) -> httpx.Response:
        authorised = {**(headers or {}), "Authorization": f"Bearer {self._access()}"}
        return self._request(method, path, headers=authorised, **request)

    def _access(self) -> str:
        now = self._now().timestamp()
        if self._token is None or now >= self._token_until:
            form = {"grant_type": "client_credentials", "scope": "ingest"}
            answer = self._request("POST", "/oauth/token", data=form, auth=self._credentials)
            if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.BAD_REQUEST):
                raise UserError(
                    f"the API does not know the client {self._credentials[0]} with this secret and the scope ingest: "
                    "check FACTORYSTREAM_API_CLIENT_ID and FACTORYSTREAM_API_CLIENT_SECRET_FILE"
                )
            grant = _read(_Grant, answer)
            self._token = grant.access_token
            self._token_until = now + grant.expires_in - TOKEN_MARGIN_S
        return self._token

    def _request(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = self._client.request(method, path, **request)
        except httpx.TransportError as exc:
            raise Unavailable(f"{method} {path}: {type(exc).__name__}") from exc
        if answer.status_code >= 500 or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            wait = retry_after(answer.headers.get("Retry-After"), self._now())
            raise Unavailable(f"{method} {path}: {answer.status_code}", wait)
        return answer


def _read(model: type[Answer], answer: httpx.Response) -> Answer:
    """The body of a success. Anything else is not our API (a proxy, a captive portal): try again later."""
    try:
        if answer.is_success:
            return model.model_validate_json(answer.content)
    except ValidationError as exc:
        raise Unavailable(f"{answer.request.url.path}: {answer.status_code} with a body that is not the API's") from exc
    raise Unavailable(f"{answer.request.url.path}: {answer.status_code}")


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _reason(answer: httpx.Response, problem: dict[str, Any]) -> str:
    return str(problem.get("detail") or f"status {answer.status_code}")
