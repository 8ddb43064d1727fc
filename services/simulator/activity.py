"""When real machines were active: the output of ``python -m services.gateway inspect mtconnect LOG --json``."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from schemas.identity import AssetId
from schemas.instant import Instant, to_micros
from services.runtime.errors import UserError


@dataclass(frozen=True, slots=True)
class Span:
    """[start, end) in microseconds since 1970."""

    start_us: int
    end_us: int


class _Interval(BaseModel):
    model_config = ConfigDict(extra="ignore")

    asset: AssetId
    start: Instant
    end: Instant


class _Report(BaseModel):
    model_config = ConfigDict(extra="ignore")

    activity: list[_Interval] = Field(min_length=1)


def read_activity(path: Path) -> dict[str, list[Span]]:
    """The spans of ACTIVE of each asset, in time order and apart from each other. Raises UserError."""
    try:
        report = TypeAdapter(_Report).validate_json(path.read_bytes())
    except OSError as exc:
        raise UserError(f"activity file {path} can't be read: {exc.strerror}") from exc
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        where = ".".join(str(p) for p in first["loc"]) or "document"
        raise UserError(f"{path}: {where}: {first['msg']}; it is to be what `gateway inspect mtconnect LOG --json` prints") from exc
    spans: dict[str, list[Span]] = defaultdict(list)
    for interval in sorted(report.activity, key=lambda i: i.start):
        span = Span(to_micros(interval.start), to_micros(interval.end))
        before = spans[interval.asset][-1].end_us if spans[interval.asset] else 0
        if span.end_us <= span.start_us or span.start_us < before:
            raise UserError(f"{path}: activity of {interval.asset} from {interval.start} is empty or overlaps the one before")
        spans[interval.asset].append(span)
    return dict(spans)
