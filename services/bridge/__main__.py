"""``python -m services.bridge``: take what customers may be shown to the customer API, through the gate."""

import argparse
import logging
import random
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx
from kafka.errors import KafkaError
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from schemas.registry import AUDIT, EXPORT_POLICY
from services.bridge.audit_log import AuditLog
from services.bridge.customer_api import CustomerApi
from services.bridge.follower import Follower
from services.bridge.gate import Gate
from services.bridge.intake import Intake
from services.bridge.memory import Memory
from services.bridge.metrics import BridgeMetrics
from services.bridge.policy_topic import PolicyTopic
from services.bridge.settings import BridgeSettings
from services.bridge.worker import Bridge, Pace, Parts
from services.runtime.drain import Drain
from services.runtime.errors import UserError, run
from services.runtime.kafka import producer
from services.runtime.metrics import serve_metrics

CONNECT_S = 5.0
CLIENT_ID = "factorystream-bridge"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    return argparse.ArgumentParser(
        prog="python -m services.bridge",
        description="Reads factory.outbound.v1, asks the export policies, records every decision on factory.audit.v1 and delivers "
        "to the customer API. Settings are environment variables: FACTORYSTREAM_BOOTSTRAP, FACTORYSTREAM_API_URL, "
        "FACTORYSTREAM_API_CLIENT_ID, FACTORYSTREAM_API_CLIENT_SECRET_FILE, FACTORYSTREAM_METRICS_PORT.",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; 0 then. Raises UserError for what a person can set right."""
    parser().parse_args(arguments)
    settings = load_settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("kafka", "httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
    registry = CollectorRegistry()
    metrics = BridgeMetrics(registry)
    with Drain() as drain:
        port = serve_metrics(settings.metrics_host, settings.metrics_port, registry)
        print(f"metrics on http://{settings.metrics_host}:{port}/metrics", flush=True)
        try:
            work(settings, metrics, drain)
        except KafkaError as exc:
            raise UserError(
                f"Kafka at {settings.bootstrap} failed ({exc}); what was in hand comes again at the next start"
            ) from exc
    return 0


def work(settings: BridgeSettings, metrics: BridgeMetrics, drain: Drain) -> None:
    """Connect, run and disconnect."""
    secret = read_secret(settings)
    memory = Memory(settings.bridge_memory)
    sender = producer(settings.bootstrap, CLIENT_ID)
    policies = Follower(settings.bootstrap, f"{CLIENT_ID}-policies", EXPORT_POLICY)
    audit = Follower(settings.bootstrap, f"{CLIENT_ID}-audit", AUDIT)
    intake = Intake(settings.bootstrap, settings.bridge_group, settings.bridge_records, settings.bridge_session_s)
    with httpx.Client(base_url=settings.api_url, timeout=httpx.Timeout(settings.api_timeout_s, connect=CONNECT_S)) as client:
        parts = Parts(
            intake=intake,
            gate=Gate(PolicyTopic(policies), AuditLog(audit, sender, memory), memory, settings.api_url, wall_clock),
            api=CustomerApi(client, settings.api_client_id, secret, wall_clock),
            producer=sender,
            memory=memory,
            metrics=metrics,
            pace=Pace(settings.backoff_first_s, settings.backoff_longest_s, random.random),
            now=wall_clock,
        )
        try:
            Bridge(parts).run(drain)
        finally:
            for part in (intake, policies, audit, sender):
                part.close()


def wall_clock() -> datetime:
    """Now, UTC."""
    return datetime.now(UTC)


def load_settings() -> BridgeSettings:
    """The settings of the environment. Raises UserError that names the variable at fault."""
    try:
        return BridgeSettings()
    except ValidationError as exc:
        first = exc.errors()[0]
        raise UserError(f"FACTORYSTREAM_{str(first['loc'][0]).upper()}: {first['msg']}") from exc


def read_secret(settings: BridgeSettings) -> str:
    """The secret of the API client. Raises UserError."""
    path = settings.api_client_secret_file
    if path is None:
        raise UserError(
            "FACTORYSTREAM_API_CLIENT_SECRET_FILE is not set: it names the file with the secret of the bridge's API client"
        )
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise UserError(f"FACTORYSTREAM_API_CLIENT_SECRET_FILE: {path} can't be read ({exc})") from exc


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    run(main)
