"""POST /oauth/token: OAuth 2.0 client credentials (RFC 6749, 4.4); the answers to errors are those of its section 5.2."""

from typing import Annotated
from urllib.parse import unquote_plus

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from schemas.envelope import Closed
from services.api.access import State, limited

router = APIRouter(tags=["access"])
basic = HTTPBasic(auto_error=False, scheme_name="clientSecretBasic")
LONGEST = 400


class TokenAnswer(Closed):
    """An access token. ``expires_in`` is in seconds."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str


@router.post("/oauth/token", summary="Get an access token", responses={200: {"model": TokenAnswer}}, response_model=None)
def token(
    request: Request,
    state: State,
    credentials: Annotated[HTTPBasicCredentials | None, Depends(basic)],
    grant_type: Annotated[str, Form(max_length=LONGEST, description="client_credentials")] = "",
    scope: Annotated[str, Form(max_length=LONGEST, description="Scopes, separated by spaces; all of the client's when empty")] = "",
    client_id: Annotated[str, Form(max_length=LONGEST)] = "",
    client_secret: Annotated[str, Form(max_length=LONGEST)] = "",
) -> JSONResponse:
    """The client says who it is with HTTP Basic or in the form, not both."""
    address = request.client.host if request.client else ""
    limited(request, state.limiter.take(f"token {address}", state.settings.token_requests_per_minute))
    if grant_type != "client_credentials":
        return _error("unsupported_grant_type" if grant_type else "invalid_request", "grant_type must be client_credentials")
    if credentials is not None and client_secret:
        return _error("invalid_request", "the client must authenticate in one way only")
    if credentials is not None:
        client_id, client_secret = unquote_plus(credentials.username), unquote_plus(credentials.password)
    client = state.clients.authenticate(client_id, client_secret)
    if client is None:
        return _error("invalid_client", "the client is unknown or its secret is wrong", 401)
    wanted = scope.split() or list(client.scopes)
    if any(s not in client.scopes for s in wanted):
        return _error("invalid_scope", f"this client may ask for: {' '.join(client.scopes)}")
    granted = " ".join(dict.fromkeys(wanted))
    body = TokenAnswer(
        access_token=state.tokens.issue(client.client_id, granted.split()),
        token_type="Bearer",
        expires_in=state.tokens.lifetime_s,
        scope=granted,
    )
    return JSONResponse(body.model_dump(), headers={"Pragma": "no-cache"})


def _error(code: str, description: str, status: int = 400) -> JSONResponse:
    headers = {"WWW-Authenticate": 'Basic realm="factorystream"'} if status == 401 else {}
    return JSONResponse({"error": code, "error_description": description}, status, headers)
