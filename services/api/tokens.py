"""Access tokens: JWTs of RFC 9068 (``at+jwt``), verified as RFC 8725 asks: one algorithm, one type, issuer, audience, expiry."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

ALGORITHM = "ES256"
TYPE = "at+jwt"
AUDIENCE = "urn:factorystream:customer-api"
LONGEST_TOKEN = 4_096
LEEWAY_S = 0  # one clock issues and checks


class InvalidToken(Exception):
    """The token is not one of ours, not for us, or no longer good."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a token says. ``issued_at`` is in Unix seconds."""

    client_id: str
    scopes: frozenset[str]
    issued_at: int


class Tokens:
    """Issues and verifies. ``now`` is the clock, ``lifetime_s`` how long a token is good."""

    def __init__(self, key: ECKey, issuer: str, lifetime_s: int, now: Callable[[], datetime]) -> None:
        self._key = key
        self._issuer = issuer
        self._now = now
        self._registry = JWSRegistry(algorithms=[ALGORITHM])
        self.lifetime_s = lifetime_s

    def issue(self, client_id: str, scopes: Sequence[str]) -> str:
        """A token for ``client_id`` with ``scopes``."""
        issued = int(self._now().timestamp())
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": client_id,
            "client_id": client_id,
            "scope": " ".join(scopes),
            "iat": issued,
            "exp": issued + self.lifetime_s,
            "jti": secrets.token_urlsafe(16),
        }
        return jwt.encode({"alg": ALGORITHM, "typ": TYPE, "kid": self._key.kid}, claims, self._key, registry=self._registry)

    def verify(self, token: str) -> Access:
        """What the token says. Raises InvalidToken."""
        if len(token) > LONGEST_TOKEN:
            raise InvalidToken
        try:
            decoded = jwt.decode(token, self._key, registry=self._registry)
            rules = jwt.JWTClaimsRegistry(
                now=lambda: int(self._now().timestamp()),
                leeway=LEEWAY_S,
                iss={"essential": True, "value": self._issuer},
                aud={"essential": True, "value": AUDIENCE},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
                jti={"essential": True},
            )
            rules.validate(decoded.claims)
        except (JoseError, ValueError, TypeError) as exc:
            raise InvalidToken from exc
        if decoded.header.get("typ") not in (TYPE, f"application/{TYPE}"):
            raise InvalidToken
        client_id, scope = decoded.claims.get("client_id"), decoded.claims.get("scope")
        if not isinstance(client_id, str) or not isinstance(scope, str):
            raise InvalidToken
        return Access(client_id, frozenset(scope.split()), int(decoded.claims["iat"]))
