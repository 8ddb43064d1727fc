"""Who asks, and what they may see: token, scope, quota, and the ledger of their own customer only."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi.models import OAuthFlowClientCredentials, OAuthFlows
from fastapi.security import OAuth2, SecurityScopes

from services.api.clients import INGEST_SCOPE, Client
from services.api.cursor import Cursors
from services.api.ledger import CustomerLedger
from services.api.limits import Allowance
from services.api.problem import Problem
from services.api.state import ApiState, api_state
from services.api.tokens import InvalidToken

SCOPES = {
    "orders:read": "Read the progress of your orders",
    "kpis:read": "Read the KPIs of your orders",
    "events:read": "Read every event you were given, and the proof of it",
    INGEST_SCOPE: "Store events (the bridge only)",
}
_oauth2 = OAuth2(
    flows=OAuthFlows(clientCredentials=OAuthFlowClientCredentials(tokenUrl="oauth/token", scopes=SCOPES)),
    scheme_name="clientCredentials",
    auto_error=False,
)
State = Annotated[ApiState, Depends(api_state)]


def authorised(
    request: Request,
    state: State,
    needed: SecurityScopes,
    authorization: Annotated[str | None, Depends(_oauth2)],
) -> Client:
    """The client behind the bearer token, when it has the scopes that the route needs and requests left. Raises Problem."""
    scheme, _, token = (authorization or "").partition(" ")
    if not token or scheme.lower() != "bearer":
        raise _unauthorised("Send an access token: Authorization: Bearer ...", "")
    try:
        access = state.tokens.verify(token.strip())
    except InvalidToken:
        raise _unauthorised(
            "The access token is not valid or has expired; get a new one at /oauth/token.", ' error="invalid_token"'
        ) from None
    client = state.clients.get(access.client_id)
    if client is None or access.issued_at < client.secret_since:
        raise _unauthorised("The access token is no longer valid; get a new one at /oauth/token.", ' error="invalid_token"')
    _count(request, state, client)
    granted = access.scopes & set(client.scopes)
    missing = [s for s in needed.scopes if s not in granted]
    if missing:
        challenge = f'Bearer error="insufficient_scope", scope="{" ".join(needed.scopes)}"'
        raise Problem(403, "insufficient-scope", f"The access token lacks the scope {missing[0]}.", {"WWW-Authenticate": challenge})
    return client


def customer_of(client: Annotated[Client, Depends(authorised)]) -> str:
    """The customer that the client reads for. Raises a 403 Problem for a client that belongs to none."""
    if client.customer is None:
        raise Problem(403, "not-a-customer", "This client belongs to no customer.")
    return client.customer


Customer = Annotated[str, Depends(customer_of)]


def customer_ledger(state: State, customer: Customer) -> CustomerLedger:
    """The ledger of the customer that asks. The only way by which a route gets to read one."""
    return CustomerLedger(state.engine, customer)


def customer_cursors(state: State, customer: Customer) -> Cursors:
    """The cursors of the customer that asks."""
    return Cursors(state.cursor_key, customer)


def limited(request: Request, allowance: Allowance) -> None:
    """Tell the allowance in the headers. Raises a 429 Problem when it is used up."""
    request.state.rate_limit = allowance.headers()
    if allowance.exceeded:
        retry = {"Retry-After": str(allowance.reset_s)}
        raise Problem(429, "too-many-requests", f"Too many requests; wait {allowance.reset_s} s.", retry)


def _count(request: Request, state: ApiState, client: Client) -> None:
    settings = state.settings
    quota = settings.ingest_requests_per_minute if client.customer is None else settings.requests_per_minute
    limited(request, state.limiter.take(f"client {client.client_id}", quota))


def _unauthorised(detail: str, error: str) -> Problem:
    return Problem(401, "unauthorised", detail, {"WWW-Authenticate": f'Bearer realm="factorystream"{"," if error else ""}{error}'})
