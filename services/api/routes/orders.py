"""Orders and their KPIs: the newest of what the ledger says about each."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response, Security

from schemas.customer_event import CustomerEvent
from schemas.envelope import Closed
from services.api.access import customer_cursors, customer_ledger
from services.api.cursor import Cursors
from services.api.ledger import CustomerLedger, name_of
from services.api.problem import not_found
from services.api.routes.page import PAGE, Cursor, EventPage, Limit, after, answer

router = APIRouter(prefix="/v1")
ORDER_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")

OrdersRead = Annotated[CustomerLedger, Security(customer_ledger, scopes=["orders:read"])]
KpisRead = Annotated[CustomerLedger, Security(customer_ledger, scopes=["kpis:read"])]
MyCursors = Annotated[Cursors, Depends(customer_cursors)]


def order_id(order: Annotated[str, Path(description="Order id")]) -> str:
    """The id of the path. What can't be an id does not exist, like any other unknown id."""
    if not ORDER_ID.match(order):
        raise not_found()
    return order


OrderPath = Annotated[str, Depends(order_id)]


class OrderKpis(Closed):
    """The newest value of each KPI of one order and, on request, the values before it by KPI, newest first."""

    items: list[CustomerEvent]
    history: dict[str, list[CustomerEvent]] | None = None


@router.get("/orders", summary="Your orders", tags=["orders"], response_model=None, responses={200: {"model": EventPage}})
def orders(
    request: Request, response: Response, ledger: OrdersRead, cursors: MyCursors, cursor: Cursor = None, limit: Limit = PAGE
) -> dict[str, Any]:
    """The newest progress of each order, by order id."""
    place = cursors.read("orders", cursor) if cursor else [""]
    page = ledger.orders(str(place[0]), limit)
    last = [str(page.events[-1]["subject"])] if page.events else place
    return answer(request, response, page, after(cursors, "orders", page.events, last, cursor))


@router.get("/orders/{order}", summary="One order", tags=["orders"], response_model=None, responses={200: {"model": CustomerEvent}})
def one_order(ledger: OrdersRead, order: OrderPath) -> dict[str, Any]:
    """The newest progress of one order."""
    event = ledger.order(order)
    if event is None:
        raise not_found()
    return event


@router.get(
    "/orders/{order}/kpis", summary="KPIs of one order", tags=["kpis"], response_model=None, responses={200: {"model": OrderKpis}}
)
def order_kpis(
    ledger: KpisRead,
    order: OrderPath,
    history: Annotated[bool, Query(description="Add the revision history of each KPI")] = False,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """The newest value of each KPI. The history has at most ``limit`` values per KPI; /v1/events has all."""
    items = ledger.order_kpis(order)
    if not items and not ledger.knows(order):
        raise not_found()
    if not history:
        return {"items": items}
    return {"items": items, "history": {name_of(e): ledger.kpi_history(order, name_of(e), limit) for e in items}}


@router.get("/kpis", summary="KPIs of your orders", tags=["kpis"], response_model=None, responses={200: {"model": EventPage}})
def kpis(
    request: Request, response: Response, ledger: KpisRead, cursors: MyCursors, cursor: Cursor = None, limit: Limit = PAGE
) -> dict[str, Any]:
    """The newest value of each KPI of each order, by order id and KPI."""
    place = cursors.read("kpis", cursor) if cursor else ["", ""]
    page = ledger.kpis((str(place[0]), str(place[1])), limit)
    last = [str(page.events[-1]["subject"]), name_of(page.events[-1])] if page.events else place
    return answer(request, response, page, after(cursors, "kpis", page.events, last, cursor))
