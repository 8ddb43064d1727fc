"""A table of job reports, read whole: reports per resource, what was set aside, and a count of every trap."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from services.gateway.feed import Reject
from services.gateway.job_ids import apart, distinct_ids
from services.gateway.job_mapping import JobMapping
from services.gateway.job_report import BadCell, JobReport, ReportReader
from services.gateway.tally import Tally
from services.runtime.errors import UserError

FILTERED = "rows left out by the mapping"
REPEATED = "repeated rows"
OUT_OF_ORDER = "rows out of time order"
NO_TIME = "reports without duration"


@dataclass(slots=True)
class JobTable:
    """``reports`` by resource in the order of the rows; ``assets``, ``orders`` and ``parts`` are ids by name."""

    mapping: JobMapping
    reports: dict[str, list[JobReport]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    assets: dict[str, str] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)

    @property
    def all_reports(self) -> list[JobReport]:
        """Every report, in the order of the rows."""
        return sorted((r for reports in self.reports.values() for r in reports), key=lambda r: r.number)

    @property
    def first_us(self) -> int:
        """When the first report starts; 0 when there is none."""
        return min((r.start_us for reports in self.reports.values() for r in reports), default=0)


def read_table(paths: Sequence[Path], mapping: JobMapping, strict: bool = False) -> JobTable:
    """The reports of all files together. Raises UserError for a file that can't be read, a column that is missing, two names
    with one id, an order on two lines and, if ``strict``, for a row that can't be used."""
    table = JobTable(mapping)
    found = defaultdict(list)
    for report in _Rows(table, strict).reports(paths):
        found[report.resource].append(report)
    table.reports = dict(sorted(found.items()))
    _name(table)
    return table


class _Rows:
    """The rows of the files. Each ends in one class of the tally: report, filtered, repeated or malformed."""

    def __init__(self, table: JobTable, strict: bool) -> None:
        self._table = table
        self._mapping = table.mapping
        self._tally = table.tally
        self._strict = strict
        self._reader = ReportReader(table.mapping, table.tally.traps)
        self._seen: set[tuple[str, ...]] = set()
        self._last_us = 0

    def reports(self, paths: Sequence[Path]) -> Iterator[JobReport]:
        for path in paths:
            for origin, row in self._rows(path):
                self._tally.read += 1
                report = self._report(row, origin)
                if report is not None:
                    self._note(report)
                    yield report

    def _rows(self, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
        try:
            with _open(path, self._mapping.encoding) as file:
                reader = csv.DictReader(file, delimiter=self._mapping.delimiter)
                head = reader.fieldnames or []
                missing = [c for c in self._mapping.needed() if c not in head]
                if missing:
                    raise UserError(f"table {path} has no column {', '.join(missing)}; it has {', '.join(head) or 'none'}")
                for row in reader:
                    yield f"{path.name}:{reader.line_num}", row
        except (OSError, EOFError, UnicodeError, csv.Error) as exc:
            raise UserError(f"table {path} can't be read: {getattr(exc, 'strerror', None) or exc}") from exc

    def _report(self, row: dict[str, Any], origin: str) -> JobReport | None:
        if None in row or None in row.values():
            self._refuse(row, origin, "the row has more or fewer cells than the head of the table", "")
            return None
        if any(row[column].strip() not in words for column, words in self._mapping.where.items()):
            self._leave_out("filtered", FILTERED)
            return None
        cells = tuple(cell for column, cell in row.items() if column not in self._mapping.ignore)
        if cells in self._seen:
            self._leave_out("repeated row", REPEATED)
            return None
        try:
            report = self._reader.report(row, self._tally.read, origin)
        except BadCell as exc:
            self._refuse(row, origin, str(exc), exc.column)
            return None
        self._seen.add(cells)
        return report

    def _refuse(self, row: dict[str, Any], origin: str, reason: str, column: str) -> None:
        if self._strict:
            raise UserError(f"{origin}: {reason}. Mend it, or leave out --strict to set it aside.")
        self._tally.lines["malformed"] += 1
        cells = [c for v in row.values() for c in (v if isinstance(v, list) else [v]) if c is not None]
        self._table.rejects.append(Reject(origin, reason, self._mapping.delimiter.join(cells), column))

    def _leave_out(self, name: str, trap: str) -> None:
        self._tally.lines[name] += 1
        self._tally.traps[trap] += 1

    def _note(self, report: JobReport) -> None:
        self._tally.lines["report"] += 1
        self._tally.saw(report.start_us)
        self._tally.saw(report.complete_us)
        self._tally.traps[OUT_OF_ORDER] += report.start_us < self._last_us
        self._tally.traps[NO_TIME] += report.start_us == report.complete_us
        self._last_us = report.start_us


def _name(table: JobTable) -> None:
    """Give ids to resources, orders and parts."""
    mapping, reports = table.mapping, table.all_reports
    own = {name: r.id for name, r in mapping.resources.items() if r.id is not None}
    table.assets = distinct_ids(
        "resource", table.reports, own, 'give it an id in the mapping, e.g. [resources."NAME"] id = "press-1"', lower=True
    )
    table.orders = distinct_ids(
        "order", {r.order for r in reports if r.order}, dict(mapping.order_ids), "see order_ids in the mapping"
    )
    table.parts = distinct_ids("part", {r.part for r in reports if r.part}, dict(mapping.part_ids), "see part_ids in the mapping")
    lines = {mapping.line_of(name) for name in table.reports}
    apart(asset=table.assets.values(), line=lines, order=table.orders.values())
    line_of: dict[str, str] = {}
    for report in reports:
        line = mapping.line_of(report.resource)
        if report.order and line_of.setdefault(report.order, line) != line:
            raise UserError(
                f"{report.origin}: order {report.order} is on the lines {line_of[report.order]} and {line}, but an order is "
                "made on one line: give all its resources the same line in the mapping"
            )


def _open(path: Path, encoding: str) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")
