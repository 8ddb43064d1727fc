"""Recorded tables as a feed: a time column, channel columns and, if there is one, a column with the state of the machine."""

import csv
import gzip
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TextIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

from schemas.events.asset import Channel
from schemas.events.machine_event import Execution
from schemas.identity import AssetId, ChannelName
from schemas.instant import to_micros
from services.gateway.asset_card import AssetCard, channel_name
from services.gateway.devices import DataItem, Device, Kind
from services.gateway.draft import Draft
from services.gateway.feed import Item, Moment, Reject
from services.gateway.interpreter import Interpreter
from services.gateway.log_feed import file_fingerprint
from services.gateway.observation import UNAVAILABLE, Observation
from services.gateway.tally import Tally
from services.runtime.errors import UserError

SILENT = {"", "nan", "na", "n/a", "null", "none", "unavailable"}
STATE = "execution"


class TimeColumn(BaseModel):
    """``format`` is iso, unix (seconds), unix_ms or a strptime format; ``zone`` is that of times without one. Where clocks are
    set back, an ambiguous local time means the first of the two."""

    model_config = ConfigDict(extra="forbid")

    column: str
    format: str = "iso"
    zone: str = "UTC"

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as exc:
            raise ValueError(f"{zone!r} is no IANA time zone") from exc
        return zone

    def instant(self, text: str) -> int:
        """Microseconds since 1970. Raises ValueError."""
        if self.format in ("unix", "unix_ms"):
            return round(float(text) * (1_000_000 if self.format == "unix" else 1_000))
        moment = datetime.fromisoformat(text) if self.format == "iso" else datetime.strptime(text, self.format)
        return to_micros(moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC))


class ChannelColumn(Channel):
    """A column that is a channel: its unit and limits, and its name if it is not that of the column."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    name: ChannelName | None = None


class StateColumn(BaseModel):
    """A column that says what the machine does, and what its words mean."""

    model_config = ConfigDict(extra="forbid")

    column: str
    values: dict[str, Execution] = Field(min_length=1)


class CsvMapping(BaseModel):
    """What the columns of a table mean."""

    model_config = ConfigDict(extra="forbid")

    asset: AssetId
    name: str = ""
    site: AssetId = "site-1"
    area: AssetId = "area-1"
    line: AssetId = "line-1"
    simulated: bool = False
    delimiter: str = Field(",", min_length=1, max_length=1)
    decimal: Literal[".", ","] = "."
    time: TimeColumn
    channels: dict[str, ChannelColumn] = Field(min_length=1)
    state: StateColumn | None = None

    def card(self) -> AssetCard:
        """The asset with its channels."""
        card = AssetCard(self.asset, self.name or self.asset, self.site, self.area, self.line, self.simulated)
        for column, channel in self.channels.items():
            words: dict[str, Any] = channel.model_dump(exclude={"name", "unit"}, exclude_none=True)
            card.declare(channel.name or channel_name(column), channel.unit, words)
        return card

    def device(self) -> Device:
        """The columns as data items."""
        items = {c: DataItem(m.name or channel_name(c), Kind.READING, "", m.unit) for c, m in self.channels.items()}
        if self.state is not None:
            items[self.state.column] = DataItem(STATE, Kind.EXECUTION, "EXECUTION", "1")
        return Device(self.asset, self.name or self.asset, items)

    def columns(self) -> list[str]:
        """Every column that is used."""
        return [self.time.column, *self.channels, *([self.state.column] if self.state else [])]


class CsvFeed:
    """The rows of a table, in the order of the file. A cell is counted like a line of a log."""

    beat_us: int | None = None

    def __init__(self, path: Path, mapping: CsvMapping, source: str, strict: bool = False) -> None:
        self.source = source
        self.tally = Tally()
        self._path = path
        self._mapping = mapping
        self._strict = strict
        self._left_out = False
        self._card = mapping.card()
        self._interpreter = Interpreter(self._card, source, mapping.device(), self.tally)

    def fingerprint(self) -> str:
        return repr((self.source, self._mapping.model_dump_json(), file_fingerprint(self._path)))

    def parts(self) -> list[str]:
        if self._left_out:
            return []
        mapping = hashlib.sha256(self._mapping.model_dump_json().encode()).hexdigest()[:16]
        return [f"{self.source}/{self._card.asset}/{mapping}/{file_fingerprint(self._path)}"]

    def leave_out(self, parts: set[str]) -> None:
        self._left_out = bool(parts & set(self.parts()))

    def assets(self) -> list[str]:
        return [self._card.asset]

    def opening(self) -> list[Draft]:
        first = next((m.clock_us for m in self._rows() if m.clock_us), 0)
        return [self._card.draft(self.source, first)]

    def moments(self) -> Iterator[Moment]:
        previous = 0
        for moment in self._rows():
            if isinstance(moment.payload, tuple):
                time_us = moment.payload[1]
                self.tally.steps_back += time_us < previous
                self.tally.late += time_us < moment.clock_us
                previous = time_us
            yield moment

    def items(self, moment: Moment) -> list[Item]:
        payload = moment.payload
        if isinstance(payload, Reject):
            self.tally.read += 1
            return [self._malformed(payload)]
        assert isinstance(payload, tuple)
        origin, time_us, row = payload
        out: list[Item] = []
        for column in self._mapping.columns()[1:]:
            self.tally.read += 1
            try:
                out += self._interpreter.observe(Observation(time_us, column, self._value(column, row)), origin)
            except ValueError as exc:
                out.append(self._malformed(Reject(origin, str(exc), self._mapping.delimiter.join(row.values()))))
        return out

    def flush(self, asset: str) -> list[Draft]:
        return self._interpreter.flush() if asset == self._card.asset else []

    def _value(self, column: str, row: dict[str, str]) -> str:
        text = row[column].strip()
        state = self._mapping.state
        if text.lower() in SILENT:
            return UNAVAILABLE
        if state is None or column != state.column:
            return text.replace(",", ".") if self._mapping.decimal == "," else text
        if text not in state.values:
            raise ValueError(f"column {column} says {text[:60]!r}, which the mapping does not explain")
        return state.values[text].value

    def _malformed(self, reject: Reject) -> Reject:
        if self._strict:
            raise UserError(
                f"{self._path.parent / reject.origin}: {reject.reason}. Mend it, or leave out --strict to set it aside."
            )
        self.tally.lines["malformed"] += 1
        return reject

    def _rows(self) -> Iterator[Moment]:
        clock_us = 0
        try:
            with _open(self._path) as file:
                reader = csv.DictReader(file, delimiter=self._mapping.delimiter)
                self._check_columns(reader.fieldnames or [])
                for row in reader:
                    origin = f"{self._path.name}:{reader.line_num}"
                    payload = self._row(row, origin)
                    if isinstance(payload, tuple):
                        clock_us = max(clock_us, payload[1])
                    yield Moment(clock_us, self._card.asset if clock_us else None, payload)
        except (OSError, UnicodeDecodeError, csv.Error) as exc:
            raise UserError(f"table {self._path} can't be read: {getattr(exc, 'strerror', None) or exc}") from exc

    def _row(self, row: dict[str, Any], origin: str) -> Reject | tuple[str, int, dict[str, str]]:
        text = self._mapping.delimiter.join(str(v) for v in row.values())
        if None in row or None in row.values():
            return Reject(origin, "the row has more or fewer cells than the head of the table", text)
        try:
            return origin, self._mapping.time.instant(row[self._mapping.time.column].strip()), row
        except (ValueError, OverflowError) as exc:
            return Reject(origin, f"column {self._mapping.time.column}: {exc}", text)

    def _check_columns(self, head: Any) -> None:
        missing = [c for c in self._mapping.columns() if c not in head]
        if missing:
            raise UserError(f"table {self._path} has no column {', '.join(missing)}; it has {', '.join(head) or 'none'}")


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")
