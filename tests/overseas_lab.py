"""The overseas side for tests: events, policies, API and bridge as processes, and a proxy between them that fails on demand."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import httpx
import uvicorn
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from prometheus_client import CollectorRegistry

from schemas.codec import encode
from schemas.envelope import Event, Window
from schemas.events.export_policy import ExportPolicy
from schemas.events.kpi_value import Kpi
from schemas.events.outbound_event import OrderKpi, OrderProgress, OutboundEvent
from schemas.identity import derived_id
from schemas.registry import AUDIT, EXPORT_POLICY, OUTBOUND, dead_letter_topic
from services.api.app import create_app
from services.api.clients import CUSTOMER_SCOPES, INGEST_SCOPE, Clients
from services.api.database import migrate, open_database
from services.api.settings import ApiSettings, wall_clock

ROOT = Path(__file__).parent.parent
START = datetime(2026, 11, 24, 8, tzinfo=UTC)
TOPICS = (OUTBOUND, AUDIT, EXPORT_POLICY, dead_letter_topic(OUTBOUND))
PATIENCE_S = 180.0


def progress(customer: str, order: str, revision: int, **more: Any) -> OutboundEvent:
    """An order that has made ``revision`` units of 100."""
    payload = OrderProgress(
        order=order, part="part-1", planned=100, produced=revision, good=revision, phase="running", revision=revision, **more
    )
    return _outbound(customer, order, payload, revision)


def kpi(customer: str, order: str, revision: int, value: float | None = 0.5, n: int = 100, hours: float = 1.0) -> OutboundEvent:
    """The availability of an order."""
    payload = OrderKpi(
        order=order,
        kpi=Kpi.AVAILABILITY,
        kpi_id=derived_id("kpi", order, revision),
        window=Window(start=START, end=START + timedelta(hours=hours)),
        revision=revision,
        status="provisional",
        value=value,
        null_reason=None if value is not None else "no time observed",
        n=n,
        coverage=1.0,
    )
    return _outbound(customer, order, payload, revision)


def _outbound(customer: str, order: str, payload: OrderProgress | OrderKpi, revision: int) -> OutboundEvent:
    return OutboundEvent(
        event_time=START + timedelta(seconds=revision),
        id=derived_id(OutboundEvent.TYPE, customer, payload.product, order, revision),
        customer=customer,
        subject=order,
        payload=payload,
    )


def policy(customer: str, version: int = 1, **changes: Any) -> ExportPolicy:
    """A policy that permits both products for a hundred years."""
    words: dict[str, Any] = {
        "event_time": START,
        "version": version,
        "customer": customer,
        "approver": "export officer",
        "second_approver": "head of sales",
        "purpose": "order transparency",
        "contract": "C-1",
        "destination": "DE",
        "products": ["order", "kpi"],
        "valid_until": datetime(2126, 1, 1, tzinfo=UTC),
    }
    return ExportPolicy(**{**words, **changes})


class Log:
    """The topics as a test writes and reads them."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=2)

    def write(self, *events: Event) -> None:
        """Write events and return when the broker has them."""
        records = [encode(event) for event in events]
        for future in [self._producer.send(r.topic, key=r.key, value=r.value, headers=r.headers) for r in records]:
            future.get(30)

    def write_raw(self, topic: str, key: bytes, value: bytes | None) -> None:
        """Write a record as it is."""
        self._producer.send(topic, key=key, value=value).get(30)

    def read(self, topic: str) -> list[Any]:
        """Every record of a topic now."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap)
        try:
            partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)]
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            ends = consumer.end_offsets(partitions)
            records: list[Any] = []
            while any(consumer.position(p) < ends[p] for p in partitions):
                for polled in consumer.poll(timeout_ms=200).values():
                    records += polled
            return records
        finally:
            consumer.close()

    def audit(self, customer: str) -> list[dict[str, Any]]:
        """The audit records of a customer, as JSON objects, in order."""
        return [json.loads(r.value) for r in self.read(AUDIT.name) if r.key == customer.encode()]

    def close(self) -> None:
        """Disconnect."""
        self._producer.close()


class Process:
    """One of our services as a process; its lines of output can be waited for."""

    def __init__(self, module: str, environment: dict[str, str], *arguments: str) -> None:
        self.module = module
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self.lines.append(line.rstrip())
                self._changed.notify_all()

    def word_after(self, prefix: str) -> str:
        """The rest of the first line that begins so. Raises AssertionError when it does not come."""
        with self._changed:
            found = self._changed.wait_for(lambda: self._find(prefix) or self._process.poll() is not None, PATIENCE_S)
            line = self._find(prefix)
        assert found and line is not None, f"no line {prefix!r} in {self.lines}"
        return line.removeprefix(prefix).strip()

    def _find(self, prefix: str) -> str | None:
        return next((line for line in self.lines if line.startswith(prefix)), None)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """``kill -9``; returns when it is gone."""
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def ask_to_end(self) -> None:
        """SIGTERM."""
        self._process.send_signal(signal.SIGTERM)

    def exit_code(self) -> int:
        """Waits for the end."""
        return self._process.wait(PATIENCE_S)

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        self.ask_to_end()
        return self.exit_code()


class Proxy:
    """Between bridge and API. ``mode`` says what it does: ``pass`` hands on; ``down`` answers 503, with ``retry_after`` when set;
    ``hang`` hands a batch on and then never answers, so that it is stored and the bridge does not know."""

    def __init__(self) -> None:
        self.mode: Literal["pass", "down", "hang"] = "pass"
        self.retry_after: str | None = None
        self.target = ""
        self.batches = 0
        self.refused = 0
        self.hanging = threading.Event()
        self._release = threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy.handle(self)

            def do_POST(self) -> None:
                proxy.handle(self)

            def log_message(self, format: str, *args: Any) -> None:
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        """One request."""
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if self.mode == "down":
            self.refused += 1
            headers = {"Retry-After": self.retry_after} if self.retry_after else {}
            _answer(request, 503, b"{}", headers)
            return
        kept = {k: v for k, v in request.headers.items() if k.lower() not in ("host", "content-length", "connection")}
        answer = httpx.request(request.command, self.target + request.path, content=body, headers=kept, timeout=30)
        if request.path == "/ingest/v1/batches":
            self.batches += 1
            if self.mode == "hang":
                self.hanging.set()
                self._release.wait(PATIENCE_S)
                return
        _answer(request, answer.status_code, answer.content, {"Content-Type": answer.headers.get("Content-Type", "")})

    def close(self) -> None:
        """Stop listening."""
        self._release.set()
        self._server.shutdown()
        self._server.server_close()


def _answer(request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
    request.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


class Overseas:
    """The API as a process with its clients, and bridges that reach it through ``proxy``."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.folder = folder
        self.proxy = Proxy()
        self.processes: list[Process] = []
        self._secrets: dict[str, str] = {}
        self._tokens: dict[str, str] = {}
        self._server: uvicorn.Server | None = None
        self._settings = ApiSettings(api_data_dir=folder)
        self._engine = open_database(self._settings.url)
        migrate(self._engine)
        (folder / "bridge.secret").write_text(Clients(self._engine, wall_clock).add("bridge", None, [INGEST_SCOPE]))

    def add_customer(self, customer: str) -> None:
        """A client for that customer."""
        self._secrets[customer] = Clients(self._engine, wall_clock).add(customer, customer, CUSTOMER_SCOPES)

    def start_api(self) -> Process:
        """Start the API (again) as a process and let the proxy lead to it."""
        names = {"FACTORYSTREAM_API_DATA_DIR": str(self.folder), "FACTORYSTREAM_API_PORT": "0", "FACTORYSTREAM_METRICS_PORT": "0"}
        process = self._start("services.api", names, "serve")
        self.proxy.target = process.word_after("api on ")
        return process

    def serve_api(self) -> None:
        """The same API in a thread of the test, for tests that don't end it."""
        listener = socket.create_server(("127.0.0.1", 0))
        app = create_app(self._settings, self._engine, CollectorRegistry())
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        threading.Thread(target=self._server.run, args=([listener],), daemon=True).start()
        self.proxy.target = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def start_bridge(self, **environment: str) -> Process:
        """Start a bridge."""
        return self._start(
            "services.bridge",
            {
                "FACTORYSTREAM_BOOTSTRAP": self.bootstrap,
                "FACTORYSTREAM_API_URL": self.proxy.url,
                "FACTORYSTREAM_API_CLIENT_SECRET_FILE": str(self.folder / "bridge.secret"),
                "FACTORYSTREAM_METRICS_PORT": "0",
                "FACTORYSTREAM_BACKOFF_LONGEST_S": "1",
                "FACTORYSTREAM_BRIDGE_SESSION_S": "6",
                **environment,
            },
        )

    def get(self, customer: str, path: str) -> Any:
        """What the customer reads at ``path``."""
        answer = httpx.get(self.proxy.target + path, headers={"Authorization": f"Bearer {self.token(customer)}"})
        answer.raise_for_status()
        return answer.json()

    def token(self, customer: str) -> str:
        """An access token of that customer."""
        if customer not in self._tokens:
            form = {"grant_type": "client_credentials"}
            answer = httpx.post(f"{self.proxy.target}/oauth/token", data=form, auth=(customer, self._secrets[customer]))
            self._tokens[customer] = answer.json()["access_token"]
        return self._tokens[customer]

    def events(self, customer: str) -> list[dict[str, Any]]:
        """Everything the customer was given, page by page."""
        headers = {"Authorization": f"Bearer {self.token(customer)}"}
        found: list[dict[str, Any]] = []
        url = "/v1/events?limit=200"
        while url:
            answer = httpx.get(self.proxy.target + url, headers=headers)
            answer.raise_for_status()
            found += answer.json()["items"]
            url = answer.links.get("next", {}).get("url", "")
        return found

    def await_events(self, customer: str, count: int) -> list[dict[str, Any]]:
        """Everything the customer was given, once it is ``count`` events or more."""
        until(lambda: self.get(customer, "/v1/proof")["sequence"], lambda sequence: sequence >= count)
        return self.events(customer)

    def _start(self, module: str, environment: dict[str, str], *arguments: str) -> Process:
        process = Process(module, environment, *arguments)
        self.processes.append(process)
        return process

    def close(self) -> None:
        """End everything."""
        self.proxy.close()
        if self._server is not None:
            self._server.should_exit = True
        for process in self.processes:
            # pytest shows this when the test fails: what the service said last, and whether it had ended by itself
            print(f"{process.module} {'runs' if process.alive else 'has ended'}:", *process.lines[-40:], sep="\n  ")
            if process.alive:
                process.kill()


def samples(process: Process, name: str) -> dict[str, float]:
    """The samples of one metric of a service, by their labels as text."""
    text = httpx.get(process.word_after("metrics on ")).text
    lines = [line for line in text.splitlines() if line.startswith((name + "{", name + " "))]
    return {line.rpartition(" ")[0].removeprefix(name): float(line.rpartition(" ")[2]) for line in lines}


def until(look: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    """What ``look`` sees once it is good. Raises AssertionError when it does not become so."""
    deadline = time.monotonic() + PATIENCE_S
    while not good(seen := look()):
        assert time.monotonic() < deadline, f"still {str(seen)[:2000]}"
        time.sleep(0.05)
    return seen


@contextmanager
def overseas(bootstrap: str, folder: Path) -> Iterator[tuple[Log, Overseas]]:
    """The topics and the overseas side, ended at the end."""
    log, side = Log(bootstrap), Overseas(bootstrap, folder)
    try:
        yield log, side
    finally:
        side.close()
        log.close()
