"""Descriptions of sources, from the command line or from a configuration file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.identity import AssetId
from services.runtime.errors import UserError

M = TypeVar("M", bound=BaseModel)


class Spec(BaseModel):
    """What every source says."""

    model_config = ConfigDict(extra="forbid")

    source: AssetId = Field("mtconnect-replay", description="Id of the source: it numbers the facts")


class Place(Spec):
    """Where an asset stands (ISA-95), and limits of its channels: ``{"Stemp": {"high": 60, "deadband": 2}}`` in a JSON file."""

    asset: AssetId | None = None
    line: AssetId = "line-1"
    site: AssetId = "site-1"
    area: AssetId = "area-1"
    limits: Path | None = None


class LogSpec(Place):
    """Recorded MTConnect logs: files, or a folder of them."""

    kind: Literal["mtconnect-log"] = "mtconnect-log"
    paths: list[Path] = Field(min_length=1)
    devices: Path | None = None
    device: str | None = None
    strict: bool = False


class EventsSpec(Spec):
    """Events as JSON lines. ``follow`` waits for more at the end of the file."""

    kind: Literal["events"] = "events"
    source: AssetId = "simulator"
    paths: list[Path] = Field(min_length=1)
    follow: bool = False


class CsvSpec(Spec):
    """A table, with a file that says what its columns mean."""

    kind: Literal["csv"] = "csv"
    source: AssetId = "csv-replay"
    paths: list[Path] = Field(min_length=1)
    mapping: Path
    strict: bool = False


class JobsSpec(Spec):
    """Tables of job reports that belong together, with a file that says what their columns mean.

    ``behind`` sends reports even where the platform already knows of later ones of the same asset.
    """

    kind: Literal["jobs"] = "jobs"
    source: AssetId = "job-reports"
    paths: list[Path] = Field(min_length=1)
    mapping: Path
    strict: bool = False
    behind: bool = False


class AgentSpec(Place):
    """A live MTConnect agent, asked every ``interval`` seconds for at most ``count`` observations."""

    kind: Literal["mtconnect-agent"] = "mtconnect-agent"
    source: AssetId = "mtconnect-agent"
    url: str = Field(pattern=r"^https?://")
    device: str | None = None
    interval: float = Field(1.0, ge=0.05, le=10)
    count: int = Field(1000, ge=1, le=10_000)
    timeout: float = Field(10.0, ge=0)


AnySpec = Annotated[LogSpec | EventsSpec | CsvSpec | JobsSpec | AgentSpec, Field(discriminator="kind")]


class RunSpec(BaseModel):
    """A configuration file: ``{"sources": [{"kind": "mtconnect-log", "paths": [...]}, ...], "speed": 60}``."""

    model_config = ConfigDict(extra="forbid")

    sources: list[AnySpec] = Field(min_length=1)
    speed: float = Field(0.0, ge=0)
    max_wait: float | None = Field(None, ge=0)


def read_config(path: Path) -> RunSpec:
    """The configuration of ``run --config``; relative paths in it start at its folder. Raises UserError."""
    spec: RunSpec = read_json(path, RunSpec)
    for source in spec.sources:
        for name, value in source:
            if isinstance(value, Path):
                setattr(source, name, path.parent / value)
            elif isinstance(value, list):
                setattr(source, name, [path.parent / v if isinstance(v, Path) else v for v in value])
    return spec


def read_json(path: Path, model: type[M]) -> M:
    """A JSON file as a model. Raises UserError that names the file and the field."""
    return read_document(path, model, json.loads, "JSON")


def read_document(path: Path, model: type[M], parse: Callable[[str], Any], kind: str) -> M:
    """A file that ``parse`` reads as a model; ``kind`` is what it should be. Raises UserError that names the file and the field."""
    try:
        return model.model_validate(parse(path.read_text(encoding="utf-8")))
    except OSError as exc:
        raise UserError(f"{path} can't be read: {exc.strerror}") from exc
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        raise UserError(f"{path}: {'.'.join(str(p) for p in first['loc']) or 'document'}: {first['msg']}") from exc
    except ValueError as exc:
        raise UserError(f"{path} is not {kind}: {exc}") from exc
