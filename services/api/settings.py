"""Settings of the customer API."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field, SecretStr

from services.runtime.settings import ServiceSettings

SQLITE_FILE = "ledger.sqlite"


def wall_clock() -> datetime:
    """Now, UTC."""
    return datetime.now(UTC)


class ApiSettings(ServiceSettings):
    """``FACTORYSTREAM_DATABASE_URL``, ``FACTORYSTREAM_API_HOST`` and so on."""

    api_host: str = Field("127.0.0.1", description="Address that the API is served on")
    api_port: int = Field(8080, ge=0, le=65535, description="Port of the API; 0 takes a free one and prints it")
    api_data_dir: Path = Field(Path(".data/api"), description="Folder of the keys and, with SQLite, of the ledger")
    database_url: SecretStr | None = Field(None, description="postgresql://... ; unset: SQLite in the data folder")
    api_issuer: str = Field("urn:factorystream:api", description="Claim iss of the access tokens")
    token_seconds: int = Field(600, ge=30, le=3600, description="How long an access token is good")
    largest_body: int = Field(4 * 1024 * 1024, ge=1024, description="Largest request body in bytes")
    requests_per_minute: int = Field(1_200, ge=1, description="Requests of one customer's client")
    ingest_requests_per_minute: int = Field(12_000, ge=1, description="Requests of the bridge")
    token_requests_per_minute: int = Field(120, ge=1, description="Token requests from one address")

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the ledger."""
        if self.database_url is None:
            return f"sqlite:///{(self.api_data_dir / SQLITE_FILE).absolute()}"
        given = self.database_url.get_secret_value()
        scheme, _, rest = given.partition("://")
        return f"postgresql+psycopg://{rest}" if scheme in ("postgresql", "postgres") else given
