"""Every event a customer was given, in sequence, and the proof that these are all."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response, Security

from schemas.envelope import Closed
from services.api.access import customer_cursors, customer_ledger
from services.api.cursor import Cursors
from services.api.ledger import CustomerLedger
from services.api.problem import not_found
from services.api.routes.orders import ORDER_ID
from services.api.routes.page import PAGE, Cursor, EventPage, Limit, after, answer

router = APIRouter(prefix="/v1", tags=["events"])

EventsRead = Annotated[CustomerLedger, Security(customer_ledger, scopes=["events:read"])]
MyCursors = Annotated[Cursors, Depends(customer_cursors)]


class Proof(Closed):
    """The head of the customer's chain: the sequence and hash of its last event (zeros when there is none)."""

    sequence: int
    hash: str


@router.get("/events", summary="Events in sequence", response_model=None, responses={200: {"model": EventPage}})
def events(
    request: Request,
    response: Response,
    ledger: EventsRead,
    cursors: MyCursors,
    cursor: Cursor = None,
    limit: Limit = PAGE,
    order: Annotated[str | None, Query(description="Only events of this order")] = None,
) -> dict[str, Any]:
    """All events, or those of one order. Ask again with the last cursor to get what has come since."""
    if order is not None and not (ORDER_ID.match(order) and ledger.knows(order)):
        raise not_found()
    listing = f"events order={order}" if order is not None else "events"
    place = cursors.read(listing, cursor) if cursor else [0]
    page = ledger.events(int(place[0]), limit, order)
    last = [int(str(page.events[-1]["sequence"]))] if page.events else place
    return answer(request, response, page, after(cursors, listing, page.events, last, cursor))


@router.get("/proof", summary="Head of your chain")
def proof(ledger: EventsRead) -> Proof:
    """Compare it with the head that you computed from /v1/events: equal means nothing was changed, dropped or added."""
    head = ledger.head()
    return Proof(sequence=head.sequence, hash=head.hash)
