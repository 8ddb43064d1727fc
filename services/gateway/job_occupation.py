"""Which report of a resource is in force at each instant, where reports overlap."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.gateway.job_mapping import ReportType
from services.gateway.job_report import JobReport

RANK = {ReportType.PRODUCTION: 0, ReportType.SET_UP: 1, ReportType.BREAKDOWN: 2}


@dataclass(frozen=True, slots=True)
class Span:
    """``report`` is in force in [start_us, end_us)."""

    start_us: int
    end_us: int
    report: JobReport


def in_force(reports: Sequence[JobReport]) -> list[Span]:
    """The spans of one resource in time order, neither overlapping nor empty; between them no report is in force.

    Of the reports that cover an instant the one that started last is in force; of equal starts production before set-up before
    breakdown, then the later row. So a later start takes over, and the earlier report goes on when the later one is complete.
    """
    waiting = sorted((r for r in reports if r.start_us < r.complete_us), key=lambda r: r.start_us)
    bounds = sorted({t for r in waiting for t in (r.start_us, r.complete_us)})
    open_reports: list[tuple[int, int, int, JobReport]] = []
    spans: list[Span] = []
    at = 0
    for start_us, end_us in pairwise(bounds):
        while at < len(waiting) and waiting[at].start_us == start_us:
            report = waiting[at]
            heapq.heappush(open_reports, (-report.start_us, RANK[report.kind], -report.number, report))
            at += 1
        while open_reports and open_reports[0][3].complete_us <= start_us:
            heapq.heappop(open_reports)
        if open_reports:
            _append(spans, Span(start_us, end_us, open_reports[0][3]))
    return spans


def overlapped(reports: Sequence[JobReport], spans: Sequence[Span]) -> tuple[int, int]:
    """How many reports are not in force for all of their time, and the microseconds that are so missing."""
    left = {r.number: r.complete_us - r.start_us for r in reports}
    for span in spans:
        left[span.report.number] -= span.end_us - span.start_us
    return sum(missing > 0 for missing in left.values()), sum(left.values())


def _append(spans: list[Span], span: Span) -> None:
    if spans and spans[-1].report is span.report and spans[-1].end_us == span.start_us:
        span = Span(spans.pop().start_us, span.end_us, span.report)
    spans.append(span)
