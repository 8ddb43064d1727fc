"""Settings of a worker. Each is an environment variable with the prefix FACTORYSTREAM_."""

from __future__ import annotations

import ssl
from typing import Any, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class StreamSettings(BaseSettings):
    """``FACTORYSTREAM_BOOTSTRAP`` and so on. Defaults fit one broker on this machine."""

    model_config = SettingsConfigDict(env_prefix="FACTORYSTREAM_", extra="ignore")

    bootstrap: str = Field("127.0.0.1:9092", description="Kafka bootstrap servers, host:port, comma separated")
    group: str = Field("factorystream-streams", description="Consumer group of the workers")
    steps: str = Field("all", description="Steps this worker runs, comma separated, or all")
    metrics_host: str = Field("127.0.0.1", description="Address that the metrics are served on")
    metrics_port: int = Field(0, ge=0, le=65535, description="Port of the metrics; 0 takes a free one and prints it")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severity that is logged")

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str = ""
    sasl_password: SecretStr = SecretStr("")
    ssl_ca_file: str | None = Field(None, description="Certificate authority of the broker; the system's when unset")

    batch_records: int = Field(10_000, ge=1, description="Most records in one batch of a partition")
    batch_bytes: int = Field(4 << 20, ge=1, description="Most bytes in one batch of a partition")
    outstanding_records: int = Field(60_000, ge=1, description="Nothing is fetched while so many are unfinished")
    outstanding_bytes: int = Field(64 << 20, ge=1, description="Nothing is fetched while so many bytes are unfinished")
    session_timeout_s: float = Field(10.0, gt=0, description="A worker that is silent for so long loses its partitions")
    heartbeat_s: float = Field(2.0, gt=0, description="Interval of the group's heartbeats")
    commit_interval_s: float = Field(1.0, gt=0, description="Interval of the commits")
    send_timeout_s: float = Field(60.0, gt=0, description="A record that is not acknowledged by then ends the worker")
    broker_wait_s: float = Field(15.0, ge=0, description="How long to wait for a broker at the start")

    def ssl_context(self) -> ssl.SSLContext | None:
        """The context for an encrypted connection, None for a plain one. Raises OSError for a bad CA file."""
        if not self.security_protocol.endswith("SSL"):
            return None
        return ssl.create_default_context(cafile=self.ssl_ca_file)

    def client_options(self) -> dict[str, Any]:
        """Options that every aiokafka client of a worker shares."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security_protocol,
            "ssl_context": self.ssl_context(),
        }
        if self.security_protocol.startswith("SASL"):
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.sasl_username
            options["sasl_plain_password"] = self.sasl_password.get_secret_value()
        return options
