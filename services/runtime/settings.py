"""Settings that every service shares. Each is an environment variable with the prefix FACTORYSTREAM_."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """``FACTORYSTREAM_BOOTSTRAP`` and so on. Services derive from this and add their own."""

    model_config = SettingsConfigDict(env_prefix="FACTORYSTREAM_", extra="ignore")

    bootstrap: str = Field("127.0.0.1:9092", description="Kafka bootstrap servers, host:port, comma separated")
    metrics_host: str = Field("127.0.0.1", description="Address that the metrics are served on")
    metrics_port: int = Field(0, ge=0, le=65535, description="Port of the metrics; 0 takes a free one and prints it")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
