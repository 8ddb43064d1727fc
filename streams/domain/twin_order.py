"""What is known of an order: its own record and the KPIs of the order so far."""

from dataclasses import dataclass, field
from typing import Any, Literal

from schemas.envelope import Event
from schemas.events.kpi_value import Kpi, KpiValue
from schemas.events.order import Order
from schemas.events.twin_state import OrderState
from schemas.instant import from_micros, to_micros
from streams.domain.fold import Outcome

RECORD, KPIS = 0, 1  # places in counts


@dataclass(slots=True)
class OrderTwin:
    """``record`` is [version, line, part, customer, planned, due in microseconds], ``revisions`` the newest of each KPI."""

    counts: list[int] = field(default_factory=lambda: [0, 0])
    time: int = 0
    record: list[Any] = field(default_factory=lambda: [0, None, None, None, None, None])
    revisions: dict[str, int] = field(default_factory=dict)
    produced: int = 0
    good: int = 0
    busy_us: int = 0
    availability: float | None = None

    def apply(self, event: Event) -> Outcome:
        """A version of the order's record, or the availability or the quality ratio of the order."""
        if isinstance(event, Order):
            return self._order(event)
        assert isinstance(event, KpiValue)
        if event.revision <= self.revisions.get(event.kpi.value, 0):
            return Outcome.DUPLICATE
        self.revisions[event.kpi.value] = event.revision
        if event.kpi is Kpi.AVAILABILITY:
            self.availability, self.busy_us = event.value, event.denominator
        else:
            assert event.kpi is Kpi.QUALITY_RATIO
            self.produced, self.good = event.denominator, max(0, event.numerator)
        self.counts[KPIS] += 1
        return Outcome.APPLIED

    def visible(self) -> Any:
        """Everything that the event shows."""
        return tuple(self.record[1:]), self.produced, self.good, self.availability, self.phase

    @property
    def phase(self) -> Literal["planned", "running", "complete"]:
        """Running from the first time or unit on it, complete when as many good units are made as were ordered."""
        planned = self.record[4]
        if planned is not None and self.good >= planned:
            return "complete"
        return "running" if self.produced or self.busy_us else "planned"

    def shown(self) -> dict[str, Any]:
        """The event's ``order``."""
        _, line, part, customer, planned, due = self.record
        state = OrderState(
            line=line,
            part=part,
            customer=customer,
            planned=planned,
            due=None if due is None else from_micros(due),
            produced=self.produced,
            good=self.good,
            availability=self.availability,
            phase=self.phase,
        )
        return {"order": state}

    def row(self) -> list[Any]:
        """See ``restore``."""
        return [self.record, self.revisions, self.produced, self.good, self.busy_us, self.availability]

    def restore(self, row: list[Any]) -> None:
        """Take over what ``row`` gave."""
        self.record, self.revisions, self.produced, self.good, self.busy_us, self.availability = row

    def _order(self, event: Order) -> Outcome:
        if event.version <= self.record[0]:
            return Outcome.DUPLICATE
        due = None if event.due is None else to_micros(event.due)
        self.record = [event.version, event.line, event.part, event.customer, event.planned, due]
        self.counts[RECORD] += 1
        return Outcome.APPLIED
