"""Serves a recorded log as a live MTConnect agent would, on loopback: for trying the gateway without a machine."""

import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from services.runtime.errors import UserError
from services.simulator.agent_buffer import AgentBuffer, OutOfRange
from services.simulator.agent_document import error, streams

HOST = "127.0.0.1"
MOST = 10_000


class AgentServer:
    """``with AgentServer(buffer, devices) as server: ... server.url``. ``port`` 0 takes a free one."""

    def __init__(self, buffer: AgentBuffer, devices: bytes, port: int = 0, version: str = "1.3") -> None:
        self.buffer = buffer
        self._devices = devices
        self._version = version
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"server_of": self})
        try:
            self._http = ThreadingHTTPServer((HOST, port), handler)
        except OSError as exc:
            raise UserError(f"the agent can't listen on {HOST}:{port}: {exc.strerror}. Give another --port.") from exc
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._http.server_port)

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://{HOST}:{self.port}"

    def say(self, lines: Iterable[str]) -> None:
        """Take in lines of a log."""
        with self._lock:
            for line in lines:
                self.buffer.add(line)

    def restart(self, buffer: AgentBuffer) -> None:
        """Go on with another memory, as an agent does that is started again."""
        with self._lock:
            self.buffer = buffer

    def answer(self, request: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        """Status and document for a request."""
        with self._lock:
            if request == "probe":
                return 200, self._devices
            if request == "current":
                return 200, streams(self.buffer, self.buffer.current(), self.buffer.next, self._version).encode()
            if request != "sample":
                return 404, error(self.buffer, "UNSUPPORTED", f"no request {request}", self._version).encode()
            return self._sample(query)

    def _sample(self, query: dict[str, list[str]]) -> tuple[int, bytes]:
        try:
            first = int(query.get("from", [str(self.buffer.first)])[0])
            count = int(query.get("count", ["100"])[0])
            if not 0 < count <= MOST:
                raise ValueError(f"'count' must be between 1 and {MOST}")
            said = self.buffer.sample(first, count)
        except OutOfRange as exc:
            return 404, error(self.buffer, "OUT_OF_RANGE", str(exc), self._version).encode()
        except ValueError as exc:
            return 400, error(self.buffer, "QUERY_ERROR", str(exc), self._version).encode()
        return 200, streams(self.buffer, said, first + len(said), self._version).encode()

    def __enter__(self) -> "AgentServer":
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    server_of: ClassVar[AgentServer]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer; the last word of the path is the request, one before it names a device."""
        address = urlsplit(self.path)
        status, document = self.server_of.answer(address.path.rstrip("/").rpartition("/")[2] or "probe", parse_qs(address.query))
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(document)))
        self.end_headers()
        self.wfile.write(document)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a request a second is no news."""
        del format, args
