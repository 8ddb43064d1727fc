"""The processes of the embedded mode: their command lines, their settings, and how each shows that it works."""

import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kafka.errors import KafkaError

from services.broker.ports import check_port, free_ports
from services.runtime.errors import UserError
from services.runtime.kafka import admin
from services.stack.child import Program
from services.stack.folder import DataFolder
from services.stack.scrape import responds

HOST = "127.0.0.1"
STREAMS_GROUP = "factorystream-streams"
BRIDGE_GROUP = "factorystream-bridge"
CLIENT_ID = "factorystream-stack"
BRIDGE_CLIENT = "bridge"


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports on loopback: those that were asked for, else free ones."""

    broker: int
    api: int
    broker_metrics: int
    api_metrics: int
    bridge_metrics: int
    streams_metrics: int

    @classmethod
    def chosen(cls, broker: int | None = None, api: int | None = None) -> "Ports":
        """Raises UserError when a port that was asked for is busy."""
        for port in (broker, api):
            if port is not None:
                check_port(port)
        free = [port for port in free_ports(8) if port not in (broker, api)]
        return cls(broker or free[0], api or free[1], *free[2:6])


def python_module(name: str, *arguments: str) -> tuple[str, ...]:
    """The command line of one of our modules, in this interpreter."""
    return (sys.executable, "-m", name, *arguments)


def metrics_url(port: int) -> str:
    """Where a service with that metrics port serves its metrics."""
    return f"http://{HOST}:{port}/metrics"


def broker(folder: DataFolder, ports: Ports) -> Program:
    """Kafka; it stops last and may take its time to write everything out."""
    return Program(
        "broker",
        python_module("services.broker", "--data-dir", str(folder.broker), "--port", str(ports.broker)),
        lambda: broker_answers(ports.broker),
        stop_seconds=40.0,
    )


def streams(ports: Ports, bootstrap: str) -> Program:
    """One worker of the streams with all steps."""
    url = metrics_url(ports.streams_metrics)
    return Program(
        "streams",
        python_module("streams"),
        lambda: responds(url),
        {
            "FACTORYSTREAM_BOOTSTRAP": bootstrap,
            "FACTORYSTREAM_GROUP": STREAMS_GROUP,
            "FACTORYSTREAM_METRICS_PORT": str(ports.streams_metrics),
        },
        metrics_url=url,
    )


def api(folder: DataFolder, ports: Ports) -> Program:
    """The customers' API on SQLite."""
    return Program(
        "api",
        python_module("services.api", "serve"),
        lambda: responds(f"http://{HOST}:{ports.api}/healthz"),
        {
            "FACTORYSTREAM_API_HOST": HOST,
            "FACTORYSTREAM_API_PORT": str(ports.api),
            "FACTORYSTREAM_API_DATA_DIR": str(folder.api),
            "FACTORYSTREAM_METRICS_PORT": str(ports.api_metrics),
        },
        metrics_url=metrics_url(ports.api_metrics),
    )


def bridge(ports: Ports, bootstrap: str, secret: Path) -> Program:
    """The one process that reads the factory's topics and writes to the customers' side."""
    url = metrics_url(ports.bridge_metrics)
    return Program(
        "bridge",
        python_module("services.bridge"),
        lambda: responds(url),
        {
            "FACTORYSTREAM_BOOTSTRAP": bootstrap,
            "FACTORYSTREAM_API_URL": f"http://{HOST}:{ports.api}",
            "FACTORYSTREAM_API_CLIENT_ID": BRIDGE_CLIENT,
            "FACTORYSTREAM_API_CLIENT_SECRET_FILE": str(secret),
            "FACTORYSTREAM_METRICS_PORT": str(ports.bridge_metrics),
        },
        metrics_url=url,
    )


def gateway(folder: DataFolder, name: str, bootstrap: str, metrics_port: int, arguments: Sequence[str]) -> Program:
    """A run of the gateway that ends with its recording. ``name`` is its spool's: two runs must not share one."""
    url = metrics_url(metrics_port)
    return Program(
        name,
        python_module("services.gateway", *arguments, "--json"),
        lambda: responds(url),
        {
            "FACTORYSTREAM_BOOTSTRAP": bootstrap,
            "FACTORYSTREAM_GATEWAY_DATA_DIR": str(folder.gateway / name),
            "FACTORYSTREAM_METRICS_PORT": str(metrics_port),
        },
        metrics_url=url,
        stop_seconds=30.0,
    )


def broker_answers(port: int) -> bool:
    """Whether an admin call is answered."""
    try:
        # Asking the client library only when something listens keeps its warnings out of the user's sight.
        socket.create_connection((HOST, port), timeout=1).close()
        client = admin(f"{HOST}:{port}", CLIENT_ID)
    except (OSError, UserError):
        return False
    try:
        client.describe_cluster()
    except KafkaError:
        return False
    finally:
        client.close()
    return True
