"""One row of a table of job reports, read: an operation on one resource from start to complete, with its pieces."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas.events.machine_event import MAX_UNITS
from schemas.instant import END_OF_TIME, to_micros
from services.gateway.job_mapping import JobMapping, ReportType
from services.gateway.job_time import LocalClock

Row = Mapping[str, str]
END_US = to_micros(END_OF_TIME)
LONGEST = 200  # of a word that goes into a message


class BadCell(ValueError):
    """A cell that can't be used. ``column`` names it."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(f"column {column}: {reason}")
        self.column = column


@dataclass(frozen=True, slots=True)
class JobReport:
    """``number`` counts the rows in the order of the files. Names are those of the table; ``order`` '' is none.

    ``produced`` are all pieces, ``scrap`` and ``rework`` are among them. Times are microseconds since 1970.
    """

    number: int
    origin: str
    resource: str
    kind: ReportType
    start_us: int
    complete_us: int
    order: str = ""
    part: str = ""
    activity: str = ""
    planned: int = 0
    produced: int = 0
    scrap: int = 0
    rework: int = 0


class ReportReader:
    """Makes reports of rows. ``seen`` counts what is uncertain about their times."""

    def __init__(self, mapping: JobMapping, seen: Counter[str]) -> None:
        self._mapping = mapping
        self._clock = LocalClock(mapping.zone, mapping.time_format, seen)

    def report(self, row: Row, number: int, origin: str) -> JobReport:
        """The report of a row. Raises BadCell."""
        columns = self._mapping.columns
        resource = row[columns.resource].strip()
        if not resource:
            raise BadCell(columns.resource, "is empty")
        start_us, complete_us = self._times(row)
        produced, scrap, rework = self._pieces(row)
        return JobReport(
            number, origin, resource, self._kind(row), start_us, complete_us,
            order=row[columns.order].strip(), part=_text(row, columns.part), activity=_text(row, columns.activity),
            planned=_count(row, columns.order_quantity), produced=produced, scrap=scrap, rework=rework,
        )  # fmt: skip

    def _kind(self, row: Row) -> ReportType:
        column = self._mapping.columns.report
        word = row[column].strip()
        if word not in self._mapping.reports:
            raise BadCell(column, f"{word[:LONGEST]!r} is not explained by the mapping")
        return self._mapping.reports[word]

    def _times(self, row: Row) -> tuple[int, int]:
        columns = self._mapping.columns
        start_us = _believed(columns.start, lambda: self._clock.start(row[columns.start].strip()))
        complete_us = _believed(columns.complete, lambda: self._clock.complete(row[columns.complete].strip(), start_us))
        if complete_us < start_us:
            raise BadCell(columns.complete, f"{row[columns.complete].strip()} is before the start, {row[columns.start].strip()}")
        return start_us, complete_us

    def _pieces(self, row: Row) -> tuple[int, int, int]:
        """Produced, scrap, rework. Pieces for the material review board are scrap: they are not good until it has decided.

        A rework flag makes all pieces of the report that are not scrap rework: none of them was good at first.
        """
        columns = self._mapping.columns
        completed = _count(row, columns.completed)
        scrap = _count(row, columns.rejected) + _count(row, columns.mrb)
        if self._mapping.completed_are == "all" and scrap > completed:
            raise BadCell(columns.completed, f"{completed} completed pieces can't have {scrap} rejected or held ones among them")
        produced = completed if self._mapping.completed_are == "all" else completed + scrap
        if produced > MAX_UNITS:
            raise BadCell(columns.completed, f"more than {MAX_UNITS} pieces")
        return produced, scrap, produced - scrap if _text(row, columns.rework) in self._mapping.rework_words else 0


def _believed(column: str, read: Callable[[], int]) -> int:
    try:
        time_us = read()
    except (ValueError, OverflowError) as exc:
        raise BadCell(column, str(exc)) from exc
    if not 0 <= time_us < END_US:
        raise BadCell(column, "lies before 1970 or after 9998")
    return time_us


def _text(row: Row, column: str | None) -> str:
    return "" if column is None else row[column].strip()


def _count(row: Row, column: str | None) -> int:
    """A number of pieces: 12, 12.0 or, for none, an empty cell."""
    text = _text(row, column)
    if column is None or not text:
        return 0
    whole, _, rest = text.partition(".")
    if not (whole.isascii() and whole.isdigit()) or rest.strip("0") or len(whole) > 10:
        raise BadCell(column, f"{text[:LONGEST]!r} is no number of pieces")
    return int(whole)
