"""Asks an MTConnect agent over HTTP."""

import httpx

from services.gateway.devices import Device, device_named, parse_devices
from services.gateway.streams_document import Answer, NotMtconnect, parse_answer
from services.runtime.errors import UserError

TIMEOUT_S = 10.0
MOST_BYTES = 64 * 1024 * 1024


class Unreachable(Exception):
    """No answer, or one that is not MTConnect."""


class AgentClient:
    """``url`` is that of the agent, or of one device of it; ``device`` keeps to that one."""

    def __init__(self, url: str, device: str | None, transport: httpx.BaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        self._device = device
        self._http = httpx.Client(timeout=TIMEOUT_S, transport=transport, headers={"Accept": "text/xml, application/xml"})

    def probe(self) -> list[Device]:
        """The devices. Raises Unreachable, or UserError when the named one is not among them."""
        try:
            devices = parse_devices(self._get("probe"), f"the answer of {self._url}/probe")
        except UserError as exc:
            raise Unreachable(str(exc)) from exc
        if self._device is None:
            return devices
        device = device_named(devices, self._device)
        if device is None:
            raise UserError(f"agent {self._url} has no device {self._device}; it has {', '.join(d.name for d in devices)}")
        return [device]

    def current(self) -> Answer:
        """What holds now. Raises Unreachable."""
        return self._answer("current")

    def sample(self, first: int, count: int) -> Answer:
        """Observations from number ``first`` on. Raises Unreachable, or OutOfRange."""
        return self._answer("sample", {"from": str(first), "count": str(count)})

    def _answer(self, request: str, query: dict[str, str] | None = None) -> Answer:
        document = self._get(request, query)
        try:
            return parse_answer(document)
        except NotMtconnect as exc:
            raise Unreachable(str(exc)) from exc

    def _get(self, request: str, query: dict[str, str] | None = None) -> bytes:
        """The document; an agent may send an MTConnectError with status 404 or 400."""
        try:
            response = self._http.get(f"{self._url}/{request}", params=query)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise Unreachable(str(exc) or type(exc).__name__) from exc
        if response.status_code >= 500 or len(response.content) > MOST_BYTES:
            raise Unreachable(f"status {response.status_code}, {len(response.content)} bytes")
        return response.content
