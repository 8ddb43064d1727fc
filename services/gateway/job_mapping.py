"""What the columns of a table of job reports mean: a TOML file (or the same words as JSON)."""

import codecs
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from schemas.identity import AssetId, CustomerId, LineId, OrderId, PartId
from schemas.zone import Zone
from services.gateway.source_spec import read_document, read_json


class ReportType(StrEnum):
    """What a machine did during a report."""

    PRODUCTION = "production"
    SET_UP = "set-up"
    BREAKDOWN = "breakdown"


class JobColumns(BaseModel):
    """Names of the columns. ``mrb`` are pieces for the material review board, ``rework`` a flag."""

    model_config = ConfigDict(extra="forbid")

    order: str
    resource: str
    start: str
    complete: str
    report: str
    completed: str
    rejected: str | None = None
    mrb: str | None = None
    rework: str | None = None
    activity: str | None = None
    part: str | None = None
    order_quantity: str | None = None

    def names(self) -> list[str]:
        """Every column that is used."""
        return [name for name in self.model_dump().values() if name is not None]


class Resource(BaseModel):
    """What the table does not say of a resource: an id of its own, or another line."""

    model_config = ConfigDict(extra="forbid")

    id: AssetId | None = None
    line: LineId | None = None


class JobMapping(BaseModel):
    """``line`` is that of all resources: an order is made on one line.

    ``where`` keeps the rows of which each named column has one of the words. ``ignore`` are columns in which repeated rows may
    differ. ``resources``, ``order_ids`` and ``part_ids`` give ids by name, for names that make none or the same one.
    ``completed_are`` says whether the completed pieces are the good ones alone, or all with the scrap among them.
    ``pieces_at`` are the resources whose pieces count: where each operation reports the same piece, name the last one alone.
    """

    model_config = ConfigDict(extra="forbid")

    customer: CustomerId
    line: LineId
    site: AssetId = "site-1"
    area: AssetId = "area-1"
    simulated: bool = False
    zone: Zone
    time_format: str = "iso"
    delimiter: str = Field(",", min_length=1, max_length=1)
    encoding: str = "utf-8-sig"
    columns: JobColumns
    reports: dict[str, ReportType] = Field(min_length=1)
    rework_words: list[str] = ["Y", "y", "yes", "1", "true"]
    completed_are: Literal["good", "all"] = "good"
    pieces_at: list[str] | None = Field(None, min_length=1)
    where: dict[str, list[str]] = {}
    ignore: list[str] = []
    resources: dict[str, Resource] = {}
    order_ids: dict[str, OrderId] = {}
    part_ids: dict[str, PartId] = {}
    orders: bool = True
    loss_model: bool = True

    @field_validator("encoding")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            codecs.lookup(name)
        except LookupError as exc:
            raise ValueError(f"{name!r} is no encoding") from exc
        return name

    @model_validator(mode="after")
    def _orders_need_their_columns(self) -> Self:
        if self.orders and None in (self.columns.part, self.columns.order_quantity):
            raise ValueError("a record of an order needs columns.part and columns.order_quantity; or say orders = false")
        return self

    def needed(self) -> list[str]:
        """Every column that must be in the table."""
        return list(dict.fromkeys([*self.columns.names(), *self.where, *self.ignore]))

    def line_of(self, resource: str) -> str:
        """The line of a resource."""
        own = self.resources.get(resource)
        return own.line if own is not None and own.line is not None else self.line


def read_mapping(path: Path) -> JobMapping:
    """The mapping in a file: JSON if its name ends so, else TOML. Raises UserError that names the file and the field."""
    if path.suffix == ".json":
        return read_json(path, JobMapping)
    return read_document(path, JobMapping, tomllib.loads, "TOML")
