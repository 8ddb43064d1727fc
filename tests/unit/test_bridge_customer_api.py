"""What each answer of the API means to the bridge."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest
from overseas_lab import progress

from schemas.chain import Head
from schemas.codec import encode
from services.bridge.batch import Batch, batches
from services.bridge.customer_api import Conflict, CustomerApi, Refused, Unavailable
from services.bridge.decision import Decision
from services.bridge.pending import Pending
from services.runtime.errors import UserError

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOKEN = {"access_token": "t", "token_type": "Bearer", "expires_in": 600}
Answer = Callable[[httpx.Request], httpx.Response]


def batch() -> Batch:
    """A batch of one."""
    event = progress("acme", "o1", 1)
    pending = Pending(0, 0, 0.0, b"acme", encode(event).value, event)
    return next(batches("acme", [(pending, Decision("allow", ""))], Head(), 10, 10**6))


class Double:
    """Gives tokens, and ``answer`` to everything else; keeps the requests."""

    def __init__(self, answer: Answer, token: Answer | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self.now = NOW

        def handle(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            if request.url.path == "/oauth/token":
                return token(request) if token is not None else httpx.Response(200, json=TOKEN)
            return answer(request)

        client = httpx.Client(base_url="https://api.example", transport=httpx.MockTransport(handle))
        self.api = CustomerApi(client, "bridge", "secret", lambda: self.now)

    @property
    def paths(self) -> list[str]:
        """What was asked for."""
        return [r.url.path for r in self.requests]


def always(status: int, **words: object) -> Answer:
    """The same answer to everything."""
    return lambda _: httpx.Response(status, **words)  # type: ignore[arg-type]


def test_a_batch_that_is_stored() -> None:
    made = batch()
    double = Double(always(201, json={"sequence": 1, "hash": made.head.hash, "stored": 1}))
    double.api.store(made)
    request = double.requests[-1]
    assert request.headers["Idempotency-Key"] == made.key
    assert request.headers["Authorization"] == "Bearer t"
    assert request.content == made.body


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_trouble_of_the_server_is_waited_out(status: int) -> None:
    double = Double(always(status, headers={"Retry-After": "7"}))
    with pytest.raises(Unavailable) as raised:
        double.api.store(batch())
    assert raised.value.wait_s == 7.0


@pytest.mark.parametrize("status", [200, 204, 301, 302, 307, 308, 404, 410, 418])
def test_an_answer_that_is_not_the_apis_is_waited_out_and_redirects_are_not_followed(status: int) -> None:
    double = Double(always(status, headers={"Location": "https://elsewhere.example/"}, text="<html>"))
    with pytest.raises(Unavailable):
        double.api.store(batch())
    assert double.paths == ["/oauth/token", "/ingest/v1/batches"]


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout("late"), httpx.RemoteProtocolError("cut off")])
def test_a_broken_connection_is_waited_out(error: Exception) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(Unavailable, match=type(error).__name__):
        Double(answer).api.store(batch())


def test_a_batch_that_is_not_next_is_a_conflict() -> None:
    with pytest.raises(Conflict, match="the chain ends elsewhere"):
        Double(always(409, json={"detail": "the chain ends elsewhere"})).api.store(batch())


def test_a_receipt_for_something_else_is_a_conflict() -> None:
    with pytest.raises(Conflict):
        Double(always(201, json={"sequence": 1, "hash": "f" * 64, "stored": 1})).api.store(batch())


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refusal_names_the_event_when_the_api_does(status: int) -> None:
    with pytest.raises(Refused) as raised:
        Double(always(status, json={"detail": "no", "event": "x"})).api.store(batch())
    assert (raised.value.event, str(raised.value)) == ("x", "no")
    with pytest.raises(Refused) as raised:
        Double(always(status, text="<html>")).api.store(batch())
    assert (raised.value.event, str(raised.value)) == (None, f"status {status}")


def test_a_token_is_kept_until_shortly_before_it_ends() -> None:
    double = Double(always(200, json={"sequence": 0, "hash": "0" * 64}))
    double.api.head("acme")
    double.api.head("acme")
    double.now = datetime.fromtimestamp(NOW.timestamp() + 571, UTC)
    double.api.head("acme")
    assert double.paths.count("/oauth/token") == 2


def test_a_token_that_is_no_longer_taken_is_replaced_once() -> None:
    seen: list[int] = []

    def answer(_: httpx.Request) -> httpx.Response:
        seen.append(1)
        return httpx.Response(401) if len(seen) == 1 else httpx.Response(200, json={"sequence": 3, "hash": "a" * 64, "source": []})

    double = Double(answer)
    assert double.api.head("acme") == Head(3, "a" * 64)
    assert double.paths.count("/oauth/token") == 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_client_that_is_not_let_in_is_one_sentence(status: int) -> None:
    with pytest.raises(UserError, match="does not let the client bridge in"):
        Double(always(status, json={"detail": "no"})).api.head("acme")


@pytest.mark.parametrize("status", [400, 401])
def test_a_wrong_secret_is_one_sentence_without_the_secret(status: int) -> None:
    double = Double(always(200), token=always(status, json={"error": "invalid_client"}))
    with pytest.raises(UserError, match="FACTORYSTREAM_API_CLIENT_SECRET_FILE") as raised:
        double.api.head("acme")
    assert "secret and the scope" in str(raised.value)


def test_a_token_endpoint_in_trouble_is_waited_out() -> None:
    with pytest.raises(Unavailable):
        Double(always(200), token=always(503)).api.head("acme")
    with pytest.raises(Unavailable):
        Double(always(200), token=always(200, text="<html>")).api.head("acme")


def test_which_events_are_stored() -> None:
    double = Double(always(200, json={"ids": ["b"]}))
    assert double.api.stored("acme", ["a", "b"]) == ["b"]
    assert double.requests[-1].read() == b'{"ids":["a","b"]}'
