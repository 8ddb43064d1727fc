"""Settings of the gateway; a command-line option overrides the environment."""

from pathlib import Path

from pydantic import Field

from services.runtime.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    """``FACTORYSTREAM_GATEWAY_DATA_DIR`` and so on, besides the settings that every service has."""

    gateway_data_dir: Path = Field(Path("data/gateway"), description="Folder of the spool and the rejects file")
    gateway_spool_limit_mb: int = Field(1024, ge=1, description="Size of the spool at which sources are slowed down")
    gateway_broker_timeout_s: float = Field(60.0, ge=0, description="How long to wait for a broker at start")
    gateway_drain_timeout_s: float = Field(10.0, ge=0, description="How long to go on forwarding after SIGTERM")
