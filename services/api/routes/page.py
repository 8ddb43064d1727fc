"""Lists: how many at once, where to go on."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query, Request, Response

from schemas.customer_event import CustomerEvent
from schemas.envelope import Closed
from services.api.cursor import Cursors, Place
from services.api.ledger import Event, Page

LARGEST_PAGE = 200
PAGE = 50
LONGEST_CURSOR = 400

Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Most items in the answer")]
Cursor = Annotated[str | None, Query(max_length=LONGEST_CURSOR, description="`cursor` of an earlier answer: go on after it")]


class EventPage(Closed):
    """Some events. ``cursor`` goes on after the last of them; when more are there now, ``Link: rel="next"`` says so."""

    items: list[CustomerEvent]
    cursor: str | None


def answer(request: Request, response: Response, page: Page, cursor: str | None) -> dict[str, Any]:
    """The body of a page, and its Link header."""
    if page.more and cursor is not None:
        kept = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
        target = f"{request.url.path}?{urlencode([*kept, ('cursor', cursor)])}"
        response.headers["Link"] = f'<{target}>; rel="next"'
    return {"items": page.events, "cursor": cursor}


def after(cursors: Cursors, listing: str, events: list[Event], place: Place, given: str | None) -> str | None:
    """The cursor after the last of ``events``, whose place is ``place``; the given one when there is no event."""
    return cursors.write(listing, place) if events else given
