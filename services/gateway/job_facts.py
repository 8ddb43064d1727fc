"""Facts of a machine that follow from job reports, in time order, and the reference data that go with them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.packml import PackMLState
from schemas.time_element import TimeElement
from services.gateway.job_mapping import JobMapping, ReportType
from services.gateway.job_occupation import Span, in_force, overlapped
from services.gateway.job_report import JobReport
from services.gateway.job_table import JobTable

#: set-up is Stopped with a code, not Resetting: a machine passes through the acting states by itself, and a set-up waits for people
STATES = {
    ReportType.PRODUCTION: PackMLState.EXECUTE,
    ReportType.SET_UP: PackMLState.STOPPED,
    ReportType.BREAKDOWN: PackMLState.ABORTED,
}
#: rules of the loss model that give each state its time element
ELEMENTS = {
    PackMLState.EXECUTE: TimeElement.PRODUCTION,
    PackMLState.STOPPED: TimeElement.SET_UP,
    PackMLState.ABORTED: TimeElement.BREAKDOWN,
    PackMLState.IDLE: TimeElement.NO_ORDER,
}
ACTIVITY = "activity"
OVERLAPPING = "overlapping reports"
OVERLAPPED_S = "seconds given to a later report"
NO_ORDER = "reports with pieces and no order: they count for the order in work at that instant"
NOT_COUNTED = "pieces at resources whose pieces do not count"
SEVERAL_PARTS = "orders with several parts, the first taken"
SEVERAL_QUANTITIES = "orders with several quantities, the first taken"
NO_RECORD = "orders without a part or a quantity, so without a record"


@dataclass(frozen=True, slots=True)
class Told:
    """A fact (a body of schemas.events.machine_event.Fact) and the row that it comes from."""

    time_us: int
    fact: dict[str, Any]
    origin: str


def facts_of(table: JobTable, resource: str) -> list[Told]:
    """The facts of one resource in time order. At one instant pieces go first: they are of the report that ends there."""
    reports = table.reports[resource]
    spans = in_force(reports)
    count, missing_us = overlapped(reports, spans)
    traps = table.tally.traps
    traps[OVERLAPPING] += count
    traps[OVERLAPPED_S] += missing_us // 1_000_000
    pieces = list(_pieces(table, resource, traps))
    return sorted([*pieces, *_states(spans, table.orders)], key=lambda told: told.time_us)


def order_bodies(table: JobTable) -> Iterator[tuple[int, dict[str, Any], str]]:
    """(start of its first report, record without a time, origin) of each order, in the order of time."""
    by_order: dict[str, list[JobReport]] = {}
    for report in sorted(table.all_reports, key=lambda r: (r.start_us, r.number)):
        if report.order:
            by_order.setdefault(report.order, []).append(report)
    traps = table.tally.traps
    for order, reports in by_order.items():
        parts = list(dict.fromkeys(r.part for r in reports if r.part))
        quantities = list(dict.fromkeys(r.planned for r in reports if r.planned))
        traps[SEVERAL_PARTS] += len(parts) > 1
        traps[SEVERAL_QUANTITIES] += len(quantities) > 1
        if not parts or not quantities:
            traps[NO_RECORD] += 1
            continue
        mapping = table.mapping
        body = {
            "type": "factory.order.v1", "version": 1, "order": table.orders[order], "customer": mapping.customer,
            "part": table.parts[parts[0]], "line": mapping.line_of(reports[0].resource), "planned": quantities[0],
            "simulated": mapping.simulated,
        }  # fmt: skip
        yield reports[0].start_us, body, reports[0].origin


def loss_models(mapping: JobMapping, resources: Iterable[str]) -> list[dict[str, Any]]:
    """Version 1 of the loss model of each line, valid from the epoch: the element of a state is that of its reports."""
    rules = [{"states": [state.value], "element": element.value} for state, element in ELEMENTS.items()]
    epoch = "1970-01-01T00:00:00Z"
    head = {"type": "factory.loss-model.v1", "event_time": epoch, "version": 1, "valid_from": epoch, "rules": rules}
    return [{**head, "line": line} for line in sorted({mapping.line_of(r) for r in resources})]


def _pieces(table: JobTable, resource: str, traps: Counter[str]) -> Iterator[Told]:
    at = table.mapping.pieces_at
    for r in sorted(table.reports[resource], key=lambda r: (r.complete_us, r.number)):
        if not r.produced:
            continue
        if at is not None and resource not in at:
            traps[NOT_COUNTED] += r.produced
            continue
        traps[NO_ORDER] += not r.order
        fact = {"kind": "produced", "produced": r.produced, "scrap": r.scrap, "rework": r.rework}
        named = {"order": table.orders.get(r.order), "part": table.parts.get(r.part)}
        yield Told(r.complete_us, fact | named, r.origin)


def _states(spans: Iterable[Span], orders: Mapping[str, str]) -> Iterator[Told]:
    """What changes where a span begins, and Idle without an order where no report is in force any more."""
    order, state, activity = "", PackMLState.IDLE, ""
    end_us, origin = -1, ""
    for span in spans:
        report = span.report
        if end_us >= 0 and span.start_us > end_us:
            yield from _idle(end_us, order, origin)
            order, state = "", PackMLState.IDLE
        if report.order != order:
            yield Told(span.start_us, {"kind": "order", "order": orders.get(report.order)}, report.origin)
        if STATES[report.kind] is not state:
            yield from _state(span)
        if report.activity not in ("", activity):
            yield Told(span.start_us, {"kind": "signal", "item": ACTIVITY, "value": report.activity}, report.origin)
            activity = report.activity
        order, state, end_us, origin = report.order, STATES[report.kind], span.end_us, report.origin
    if end_us >= 0:
        yield from _idle(end_us, order, origin)


def _state(span: Span) -> Iterator[Told]:
    """A state, and for a stop its code."""
    kind, origin = span.report.kind, span.report.origin
    yield Told(span.start_us, {"kind": "packml", "state": STATES[kind].value}, origin)
    if kind is not ReportType.PRODUCTION:
        yield Told(span.start_us, {"kind": "stop", "reason": kind.value}, origin)


def _idle(time_us: int, order: str, origin: str) -> Iterator[Told]:
    if order:
        yield Told(time_us, {"kind": "order", "order": None}, origin)
    yield Told(time_us, {"kind": "packml", "state": PackMLState.IDLE.value}, origin)
