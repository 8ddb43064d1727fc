"""Settings of the bridge."""

from pathlib import Path

from pydantic import Field

from services.runtime.settings import ServiceSettings


class BridgeSettings(ServiceSettings):
    """``FACTORYSTREAM_API_URL``, ``FACTORYSTREAM_API_CLIENT_ID`` and so on."""

    api_url: str = Field("http://127.0.0.1:8080", description="Where the customer API is")
    api_client_id: str = Field("bridge", description="Client of the API with the scope ingest")
    api_client_secret_file: Path | None = Field(None, description="File with the secret of that client")
    api_timeout_s: float = Field(30.0, gt=0, description="How long an answer of the API may take")
    bridge_group: str = Field("factorystream-bridge", description="Consumer group")
    bridge_session_s: float = Field(10.0, ge=6, le=300, description="How long after a crash the group gives its partitions away")
    bridge_records: int = Field(200, ge=1, le=1_000, description="Most records in hand at once")
    bridge_memory: int = Field(200_000, ge=2_000, description="Decisions remembered; older duplicates are found by the API")
    backoff_first_s: float = Field(0.2, gt=0, description="First wait after the API did not answer")
    backoff_longest_s: float = Field(60.0, gt=0, description="Longest wait, unless the API asks for a longer one")
