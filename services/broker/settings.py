"""Where the embedded broker keeps its jars and which Maven repository they come from."""

import os
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.runtime.errors import UserError


def default_cache() -> Path:
    """``$XDG_CACHE_HOME/factorystream``, by default ``~/.cache/factorystream``. Raises UserError for a user without a home."""
    base = os.environ.get("XDG_CACHE_HOME")
    if base:
        return Path(base) / "factorystream"
    try:
        return Path.home() / ".cache" / "factorystream"
    except RuntimeError as exc:
        raise UserError("this user has no home folder for the cache; set FACTORYSTREAM_CACHE to a folder") from exc


class BrokerSettings(BaseSettings):
    """``FACTORYSTREAM_CACHE`` and ``FACTORYSTREAM_MAVEN_REPOSITORY``."""

    model_config = SettingsConfigDict(env_prefix="FACTORYSTREAM_", extra="ignore")

    cache: Path = Field(default_factory=default_cache, description="Cache folder; the jars of Kafka are in kafka/VERSION")
    maven_repository: str | None = Field(None, description="URL of the Maven repository to use, such as a site's mirror")

    @field_validator("cache")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return value.expanduser()
