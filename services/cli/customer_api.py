"""The customers' API as a customer uses it: OAuth 2.0 client credentials, pages, and the proof that nothing is missing."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import httpx

from schemas.chain import BrokenChain, Head, verify
from services.runtime.errors import UserError

PAGE = 200
TIMEOUT_S = 10.0


class CustomerApi:
    """A client of one customer. Raises UserError when the API does not answer or refuses the client."""

    def __init__(self, url: str, client_id: str, secret: str) -> None:
        self._url = url.rstrip("/")
        self._credentials = (client_id, secret)
        # Settings for a proxy are for other hosts than this machine's own API; a remote API is named with its real address.
        self._http = httpx.Client(base_url=self._url, timeout=TIMEOUT_S, trust_env=False)
        try:
            self._sign_in()
        except UserError:
            self.close()
            raise

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at ``path``. Raises UserError for any answer but 200."""
        answer = self._ask(path, query)
        if answer.status_code != httpx.codes.OK:
            raise UserError(f"the API at {self._url} answers {path} with {answer.status_code}: {_reason(answer)}")
        return answer.json()

    def exists(self, path: str) -> bool:
        """Whether this customer may know of ``path`` (404 is the answer for what is not there and for what is somebody else's)."""
        return self._ask(path, {}).status_code != httpx.codes.NOT_FOUND

    def items(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """The items of a list, page after page."""
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, limit=PAGE, **query, **cursor)
            yield from page["items"]
            if len(page["items"]) < PAGE or page["cursor"] is None:
                return
            cursor = {"cursor": page["cursor"]}

    def verified_head(self) -> Head:
        """Recompute the hash chain of every event and compare its end with the API's proof. Raises BrokenChain."""
        proof = self.get("/v1/proof")
        head = verify(event for event in self.items("/v1/events") if event["sequence"] <= proof["sequence"])
        if head != Head(proof["sequence"], proof["hash"]):
            raise BrokenChain(head.sequence + 1, f"the chain ends here, and the proof names {proof['sequence']} as the last")
        return head

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _sign_in(self) -> None:
        """Get a new access token: they are good for some minutes only."""
        answer = self._send("POST", "/oauth/token", auth=self._credentials, data={"grant_type": "client_credentials"})
        if answer.status_code != httpx.codes.OK:
            raise UserError(f"the API at {self._url} refuses the client {self._credentials[0]}: {_reason(answer)}")
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def _ask(self, path: str, query: dict[str, Any]) -> httpx.Response:
        answer = self._send("GET", path, params=query)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._sign_in()
            answer = self._send("GET", path, params=query)
        return answer

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **more)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
            raise UserError(f"{self._url!r} is no address of an API: {exc}") from exc
        except httpx.TransportError as exc:
            raise UserError(f"no API answers at {self._url} ({type(exc).__name__}): name the right address with --api-url") from exc


def judge(api: CustomerApi, customer: str) -> dict[str, Any]:
    """What the recomputation finds, as JSON."""
    try:
        head = api.verified_head()
    except BrokenChain as exc:
        return {"customer": customer, "chain": "broken", "sequence": exc.sequence, "reason": str(exc)}
    return {"customer": customer, "chain": "verified", "events": head.sequence, "head": head.hash}


def _reason(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.reason_phrase
    return str(body.get("detail") or body.get("error_description") or body.get("title") or answer.reason_phrase)
