"""What one customer may read: every query that answers a customer is here, and none can be made without the customer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, and_, func, or_, select

from schemas.chain import Head, Json
from services.api.tables import LedgerEntry

Event = dict[str, Json]

ORDER = "order"
KPI = "kpi"

_COLUMNS = (
    LedgerEntry.sequence,
    LedgerEntry.event_id,
    LedgerEntry.product,
    LedgerEntry.subject,
    LedgerEntry.event_time,
    LedgerEntry.payload,
    LedgerEntry.previous_hash,
    LedgerEntry.hash,
    LedgerEntry.series,
)


@dataclass(frozen=True, slots=True)
class Page:
    """Some events and, when there are more, the place to go on from."""

    events: list[Event]
    more: bool


class CustomerLedger:
    """The ledger of one customer. Nothing in here can name another one."""

    def __init__(self, engine: Engine, customer: str) -> None:
        self._engine = engine
        self._mine = LedgerEntry.customer == customer

    def head(self) -> Head:
        """The end of the chain."""
        query = select(LedgerEntry.sequence, LedgerEntry.hash).where(self._mine).order_by(LedgerEntry.sequence.desc()).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return Head() if row is None else Head(row[0], row[1])

    def events(self, after: int, limit: int, order: str | None = None) -> Page:
        """Events with a sequence beyond ``after``, in sequence, of one order or of all."""
        query = select(*_COLUMNS).where(self._mine, LedgerEntry.sequence > after)
        if order is not None:
            query = query.where(LedgerEntry.subject == order)
        return _page(self._rows(query.order_by(LedgerEntry.sequence).limit(limit + 1)), limit)

    def orders(self, after: str, limit: int) -> Page:
        """The newest progress of each order whose id sorts beyond ``after``, by id."""
        return _page(self._newest(ORDER, limit + 1, LedgerEntry.subject > after), limit)

    def order(self, order: str) -> Event | None:
        """The newest progress of one order."""
        rows = self._newest(ORDER, 1, LedgerEntry.subject == order)
        return _event(rows[0]) if rows else None

    def knows(self, order: str) -> bool:
        """Whether anything has been said about this order."""
        return bool(self._rows(select(*_COLUMNS).where(self._mine, LedgerEntry.subject == order).limit(1)))

    def kpis(self, after: tuple[str, str], limit: int) -> Page:
        """The newest value of each KPI of each order beyond ``after`` (order, KPI), by order and KPI."""
        order, name = after
        beyond = or_(LedgerEntry.subject > order, and_(LedgerEntry.subject == order, LedgerEntry.series > name))
        return _page(self._newest(KPI, limit + 1, beyond), limit)

    def order_kpis(self, order: str) -> list[Event]:
        """The newest value of each KPI of one order. There are as many as KPI names, which are few."""
        return [_event(row) for row in self._newest(KPI, None, LedgerEntry.subject == order)]

    def kpi_history(self, order: str, name: str, limit: int) -> list[Event]:
        """The values of one KPI of one order, newest first, at most ``limit``."""
        query = (
            select(*_COLUMNS)
            .where(self._mine, LedgerEntry.product == KPI, LedgerEntry.subject == order, LedgerEntry.series == name)
            .order_by(LedgerEntry.revision.desc(), LedgerEntry.sequence.desc())
            .limit(limit)
        )
        return [_event(row) for row in self._rows(query)]

    def _newest(self, product: str, limit: int | None, where: ColumnElement[bool]) -> list[Row[Any]]:
        """Per subject and series, the row of the highest revision. The groups come straight from the index ledger_newest."""
        tops = (
            select(LedgerEntry.subject, LedgerEntry.series, func.max(LedgerEntry.revision).label("revision"))
            .where(self._mine, LedgerEntry.product == product, where)
            .group_by(LedgerEntry.subject, LedgerEntry.series)
            .order_by(LedgerEntry.subject, LedgerEntry.series)
            .limit(limit)
            .subquery()
        )
        same = and_(
            LedgerEntry.subject == tops.c.subject,
            LedgerEntry.series == tops.c.series,
            LedgerEntry.revision == tops.c.revision,
        )
        query = (
            select(*_COLUMNS)
            .join(tops, same)
            .where(self._mine, LedgerEntry.product == product)
            .order_by(LedgerEntry.subject, LedgerEntry.series, LedgerEntry.sequence.desc())
        )
        newest: dict[tuple[str, str], Row[Any]] = {}
        for row in self._rows(query):
            newest.setdefault((row.subject, row.series), row)  # two rows of one revision: the later one was delivered last
        return list(newest.values())

    def _rows(self, query: Any) -> Sequence[Row[Any]]:
        with self._engine.connect() as connection:
            return connection.execute(query).all()


def name_of(event: Event) -> str:
    """The KPI that an event of the product ``kpi`` is about."""
    payload = event["payload"]
    assert isinstance(payload, dict)
    return str(payload["kpi"])


def _page(rows: Sequence[Row[Any]], limit: int) -> Page:
    return Page([_event(row) for row in rows[:limit]], len(rows) > limit)


def _event(row: Row[Any]) -> Event:
    """The customer's event, member for member what the hash covers."""
    return {
        "sequence": row.sequence,
        "id": row.event_id,
        "type": row.product,
        "subject": row.subject,
        "event_time": row.event_time,
        "payload": json.loads(row.payload),
        "previous_hash": row.previous_hash,
        "hash": row.hash,
    }
