"""Facts of a made-up machine for tests: one source numbers them, times are written as clock times of one day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from schemas.envelope import Window
from schemas.events.asset import Asset, Channel
from schemas.events.calendar import Calendar
from schemas.events.heartbeat import Heartbeat
from schemas.events.inspection_result import InspectionResult
from schemas.events.kpi_value import Kpi, KpiValue
from schemas.events.loss_model import LossModel
from schemas.events.machine_event import (
    ConditionChanged,
    EnergyRead,
    Execution,
    ExecutionChanged,
    MachineEvent,
    ModeChanged,
    OrderAssigned,
    PackMLChanged,
    ProgramChanged,
    StopCoded,
    UnitProduced,
)
from schemas.events.measure import AccountEntry, ElementEntry, Measure, NamedWindow, Quantity
from schemas.events.order import Order
from schemas.events.sensor_frame import SensorFrame
from schemas.instant import HOUR_US, from_micros, to_micros
from schemas.packml import PackMLState
from schemas.time_element import TimeElement

DAY = datetime(2026, 11, 24, tzinfo=UTC)


def at(clock: str | int) -> datetime:
    """``10:05``, ``10:05:01.5`` or ``+2 10:05`` (two days later); an int is microseconds since 1970."""
    if isinstance(clock, int):
        return from_micros(clock)
    days, _, time = clock.rpartition(" ")
    hours, minutes, seconds = [*time.split(":"), "0"][:3]
    return DAY + timedelta(days=int(days or 0), hours=int(hours), minutes=int(minutes), microseconds=round(float(seconds) * 1e6))


def us(clock: str) -> int:
    """The clock time as microseconds since 1970."""
    return to_micros(at(clock))


def minutes(n: float) -> int:
    """Minutes in microseconds."""
    return round(n * 60_000_000)


def machine(asset: str = "m1", line: str = "l1", **channels: Channel) -> Asset:
    """The description of an asset."""
    return Asset(event_time=DAY, version=1, asset=asset, name=asset, site="s1", area="a1", line=line, channels=dict(channels))


class Source:
    """A source of one asset: each fact gets the next sequence."""

    def __init__(self, asset: str = "m1", source: str = "gw") -> None:
        self.asset, self.source, self.sequence = asset, source, 0

    def state(self, clock: str | int, state: str) -> MachineEvent:
        return self._fact(clock, ExecutionChanged(state=Execution(state)))

    def order(self, clock: str | int, order: str | None) -> MachineEvent:
        return self._fact(clock, OrderAssigned(order=order))

    def produced(self, clock: str | int, produced: int, scrap: int = 0, rework: int = 0, order: str | None = None) -> MachineEvent:
        return self._fact(clock, UnitProduced(produced=produced, scrap=scrap, rework=rework, order=order))

    def condition(self, clock: str | int, item: str, level: Literal["normal", "warning", "fault", "unavailable"]) -> MachineEvent:
        return self._fact(clock, ConditionChanged(item=item, level=level))

    def mode(self, clock: str | int, mode: str) -> MachineEvent:
        return self._fact(clock, ModeChanged(mode=mode))

    def program(self, clock: str | int, program: str) -> MachineEvent:
        return self._fact(clock, ProgramChanged(program=program))

    def energy(self, clock: str | int, counter_kwh: float = 1.0) -> MachineEvent:
        return self._fact(clock, EnergyRead(counter_kwh=counter_kwh))

    def packml(self, clock: str | int, state: str) -> MachineEvent:
        return self._fact(clock, PackMLChanged(state=PackMLState(state)))

    def coded(self, clock: str | int, reason: str) -> MachineEvent:
        return self._fact(clock, StopCoded(reason=reason))

    def verdict(
        self, clock: str | int, unit: str, verdict: Literal["pass", "fail", "uncertain"], attempt: int = 1, order: str | None = None
    ) -> InspectionResult:
        return InspectionResult(
            event_time=at(clock), unit=unit, verdict=verdict, attempt=attempt, order=order, confidence=1.0, inspector="model",
            **self._identity(),
        )  # fmt: skip

    def alive(self, clock: str | int) -> Heartbeat:
        return Heartbeat(event_time=at(clock), **self._identity())

    def ending(self, clock: str | int) -> Heartbeat:
        return Heartbeat(event_time=at(clock), phase="ending", **self._identity())

    def reading(self, clock: str | int, value: float, channel: str = "temp") -> SensorFrame:
        return self.frame(clock, {channel: [value]})

    def frame(self, clock: str | int, columns: dict[str, list[float | None]], step_us: int = 1_000_000) -> SensorFrame:
        rows = len(next(iter(columns.values())))
        return SensorFrame(event_time=at(clock), times_us=[i * step_us for i in range(rows)], columns=columns, **self._identity())

    def _fact(self, clock: str | int, fact: Any) -> MachineEvent:
        return MachineEvent(event_time=at(clock), fact=fact, **self._identity())

    def _identity(self) -> dict[str, Any]:
        self.sequence += 1
        return {"asset": self.asset, "source": self.source, "sequence": self.sequence}


def measure(
    hour: str,
    revision: int = 1,
    status: Literal["provisional", "final", "restated"] = "final",
    account: dict[tuple[str | None, str], int] | None = None,
    quantities: dict[str | None, tuple[int, int, int]] | None = None,
    asset: str = "m1",
    line: str = "l1",
    until: str | None = None,
    **fields: Any,
) -> Measure:
    """A measure of the hour that begins at ``hour``; ``account`` is minutes per (order, state), None for ACTIVE all the time.

    The elements are those of the default loss model, the day is that of UTC, unless ``fields`` says otherwise.
    """
    start = us(hour)
    end = start + HOUR_US if until is None else us(until)
    spent = {(None, "ACTIVE"): (end - start) / 60e6} if account is None else account
    entries = [AccountEntry(order=o, state=Execution(e), duration_us=minutes(n)) for (o, e), n in spent.items()]
    rest = end - start - sum(e.duration_us for e in entries)
    elements = [elapsed(start, default_element(e), e.duration_us, order=e.order) for e in entries]
    day = start // (24 * HOUR_US) * 24 * HOUR_US
    whole: dict[str, Any] = {
        "event_time": from_micros(end),
        "id": f"{asset}-{start}-{revision}",
        "asset": asset,
        "line": line,
        "window": {"start": from_micros(start), "end": from_micros(start + HOUR_US)},
        "revision": revision,
        "status": status,
        "due": status != "provisional",
        "observed_until": from_micros(end),
        "account": entries,
        "elements": [*elements, *([elapsed(start, TimeElement.UNKNOWN, rest)] if rest else [])],
        "quantities": [
            Quantity(day=hour_day(start), shift=None, order=o, part=None, produced=p, scrap=s, rework=r)
            for o, (p, s, r) in (quantities or {}).items()
        ],
        "windows": [named("day", hour_day(start), day, day + 24 * HOUR_US)],
        "inputs": [],
    }
    return Measure(**{**whole, **fields})


def default_element(entry: AccountEntry) -> TimeElement:
    """The time element of a state without a loss model."""
    if entry.state is Execution.UNAVAILABLE:
        return TimeElement.UNKNOWN
    if entry.state is Execution.ACTIVE:
        return TimeElement.PRODUCTION
    return TimeElement.NO_ORDER if entry.order is None else TimeElement.DELAY


def elapsed(start: int, element: TimeElement, duration_us: int, begun: int = 0, **place: str | None) -> ElementEntry:
    """Time of an element, outside of shifts, orders and parts unless ``place`` names them; the day is that of ``start``."""
    there: dict[str, Any] = {"day": hour_day(start), "shift": None, "order": None, "part": None, **place}
    return ElementEntry(element=element, duration_us=duration_us, begun=begun, **there)


def named(kind: Literal["shift", "day"], name: str, start: int, end: int) -> NamedWindow:
    """A window with its bounds in microseconds."""
    return NamedWindow(kind=kind, id=name, window=Window(start=from_micros(start), end=from_micros(end)))


def hour_day(start: int) -> str:
    """The date in UTC of an instant in microseconds."""
    return from_micros(start).date().isoformat()


def order_record(
    order: str = "A-1", version: int = 1, planned: int = 10, customer: str = "c1", run_time_us: int | None = None, part: str = "P-1"
) -> Order:
    """An order's record."""
    return Order(
        event_time=DAY, version=version, order=order, customer=customer, part=part, line="l1", planned=planned, due=at("18:00"),
        planned_run_time_us=run_time_us,
    )  # fmt: skip


def loss_model(version: int = 1, since: str = "-300 00:00", rules: Any = (), **limits: float) -> LossModel:
    """A loss model of l1; limits in minutes, e.g. ``micro_stop=5``."""
    micros = {f"{name}_us": minutes(n) for name, n in limits.items()}
    return LossModel.model_validate(
        {"event_time": DAY, "version": version, "line": "l1", "valid_from": at(since), "rules": [*rules], **micros}, strict=False
    )


EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def calendar(version: int = 1, since: str = "-300 00:00", zone: str = "UTC", **shifts: str) -> Calendar:
    """A calendar of l1 for every day; a shift is ``early="06:00-14:00"`` or, with a break, ``"06:00-14:00 10:00-10:30"``."""
    rows = []
    for name, text in shifts.items():
        (start, end), *breaks = ((*span.split("-"),) for span in text.split())
        rows.append({"name": name, "days": EVERY_DAY, "start": start, "end": end, "breaks": breaks})
    return Calendar.model_validate(
        {"event_time": DAY, "version": version, "line": "l1", "zone": zone, "valid_from": at(since), "shifts": rows}, strict=False
    )


def kpi_value(
    kpi: Kpi,
    revision: int = 1,
    numerator: int = 1,
    denominator: int = 2,
    kind: str = "order",
    scope: str = "A-1",
    hour: str = "10:00",
    **fields: Any,
) -> KpiValue:
    """A KPI of an order, or of another scope and hour; ``fields`` are as they are on the wire."""
    start = at(hour)
    return KpiValue.model_validate(
        {
            "event_time": start + timedelta(minutes=30),
            "id": f"{kpi}-{kind}-{scope}-{hour}-{revision}",
            "kpi": kpi,
            "scope": {"kind": kind, "id": scope},
            "window_kind": "order" if kind == "order" else "hour",
            "window": {"start": start, "end": start + timedelta(hours=1)},
            "revision": revision,
            "status": "provisional",
            "value": numerator / denominator if denominator else None,
            "null_reason": None if denominator else "no unit was produced",
            "numerator": numerator,
            "denominator": denominator,
            "formula": "f",
            "coverage": 1.0,
            "inputs": [],
            **fields,
        }
    )
