"""Who gets in and what they see: tokens, scopes, and tenants that don't know of each other."""

import base64
import hmac
import json
from typing import Any

import pytest
from api_lab import NOW, Api, batch, chained, kpi_body, order_body
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from fastapi.routing import APIRoute
from joserfc import jwt
from joserfc.jwk import ECKey

from services.api.access import SCOPES
from services.api.app import ROUTERS
from services.api.clients import CUSTOMER_SCOPES
from services.api.keys import signing_key
from services.api.tokens import AUDIENCE

pytest_plugins = ("api_fixtures",)

SECONDS = int(NOW.timestamp())
CLAIMS = {
    "iss": "urn:factorystream:api",
    "aud": AUDIENCE,
    "sub": "acme",
    "client_id": "acme",
    "scope": "orders:read kpis:read events:read",
    "iat": SECONDS,
    "exp": SECONDS + 600,
    "jti": "1",
}
HEADER = {"alg": "ES256", "typ": "at+jwt"}
#: every route that a customer reads, with an order that only globex has
READS = {
    "/v1/orders": "orders:read",
    "/v1/orders/{order}": "orders:read",
    "/v1/orders/{order}/kpis": "kpis:read",
    "/v1/kpis": "kpis:read",
    "/v1/events": "events:read",
    "/v1/proof": "events:read",
}


def ask(api: Api, token: str, path: str = "/v1/proof") -> int:
    """The status with that token."""
    return api.http.get(path, headers={"Authorization": f"Bearer {token}"}).status_code


def signed(
    api: Api, claims: dict[str, Any], header: dict[str, Any] | None = None, key: Any = None, algorithm: str = "ES256"
) -> str:
    """A token signed with the key of the API, unless another is given."""
    return jwt.encode({**HEADER, **(header or {})}, claims, key or signing_key(api.settings.api_data_dir), algorithms=[algorithm])


def test_the_forger_of_these_tests_can_make_a_good_token(sqlite_api: Api) -> None:
    assert ask(sqlite_api, signed(sqlite_api, CLAIMS)) == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "urn:factorystream:another-api"},
        {"aud": None},
        {"iss": "urn:somebody"},
        {"iss": None},
        {"exp": SECONDS},
        {"exp": SECONDS - 1},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": None},
        {"nbf": SECONDS + 60},
        {"sub": None},
        {"jti": None},
        {"client_id": None},
        {"client_id": "nobody"},
        {"client_id": ["acme"]},
        {"scope": None},
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(sqlite_api: Api, claims: dict[str, Any]) -> None:
    changed = {k: v for k, v in {**CLAIMS, **claims}.items() if v is not None}
    assert ask(sqlite_api, signed(sqlite_api, changed)) == 401


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt2", "dpop+jwt"])
def test_another_type_of_token_is_refused(sqlite_api: Api, kind: str) -> None:
    assert ask(sqlite_api, signed(sqlite_api, CLAIMS, {"typ": kind})) == 401


def test_another_key_is_refused(sqlite_api: Api) -> None:
    assert ask(sqlite_api, signed(sqlite_api, CLAIMS, key=ECKey.generate_key("P-256"))) == 401


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE"])
def test_no_algorithm_is_no_signature(sqlite_api: Api, algorithm: str) -> None:
    for signature in ("", signed(sqlite_api, CLAIMS).rpartition(".")[2]):
        assert ask(sqlite_api, f"{_part({'alg': algorithm, 'typ': 'at+jwt'})}.{_part(CLAIMS)}.{signature}") == 401


def test_the_public_key_is_no_shared_secret(sqlite_api: Api) -> None:
    public = signing_key(sqlite_api.settings.api_data_dir).as_pem(private=False)
    for secret in (public, public.strip()):
        content = f"{_part({'alg': 'HS256', 'typ': 'at+jwt'})}.{_part(CLAIMS)}"
        mac = base64.urlsafe_b64encode(hmac.digest(secret, content.encode(), "sha256")).rstrip(b"=").decode()
        assert ask(sqlite_api, f"{content}.{mac}") == 401


def test_a_key_in_the_header_is_not_believed(sqlite_api: Api) -> None:
    own = ECKey.generate_key("P-256")
    assert ask(sqlite_api, signed(sqlite_api, CLAIMS, {"jwk": own.as_dict(private=False)}, own)) == 401


def test_a_critical_header_that_is_not_understood_is_refused(sqlite_api: Api) -> None:
    key = signing_key(sqlite_api.settings.api_data_dir)
    good = signed(sqlite_api, CLAIMS)
    header, claims, _ = good.split(".")
    critical = _part({**HEADER, "crit": ["exp"], "exp": 1})
    resigned = _sign(key, f"{critical}.{claims}")
    assert ask(sqlite_api, _sign(key, f"{header}.{claims}")) == 200
    assert ask(sqlite_api, resigned) == 401


def _sign(key: ECKey, content: str) -> str:
    """ES256 by hand (RFC 7518, 3.4), for headers that the library would not write."""
    private = key.private_key
    assert private is not None
    r, s = decode_dss_signature(private.sign(content.encode(), ECDSA(SHA256())))
    signature = base64.urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).rstrip(b"=").decode()
    return f"{content}.{signature}"


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_changed_part_is_refused(sqlite_api: Api, at: int) -> None:
    parts = signed(sqlite_api, CLAIMS).split(".")
    parts[at] = ("A" if parts[at][0] != "A" else "B") + parts[at][1:]
    assert ask(sqlite_api, ".".join(parts)) == 401


@pytest.mark.parametrize(
    "header", [None, b"", b"Bearer", b"Bearer ", b"Bearer a.b.c", b"Basic YTpi", b"Bearer " + b"a" * 5000, b"Bearer \x80"]
)
def test_what_is_no_token_is_refused_with_a_challenge(sqlite_api: Api, header: bytes | None) -> None:
    answer = sqlite_api.http.get("/v1/proof", headers={"Authorization": header} if header is not None else {})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_ends_on_time(sqlite_api: Api) -> None:
    token = sqlite_api.token("acme")
    sqlite_api.clock.forward(599)
    assert ask(sqlite_api, token) == 200
    sqlite_api.clock.forward(1)
    assert ask(sqlite_api, token) == 401


def test_rotating_the_secret_ends_the_old_one_and_its_tokens(api: Api) -> None:
    token, old = api.token("acme"), api.secrets["acme"]
    api.clock.forward(1)
    api.secrets["acme"] = api.clients.rotate("acme")
    assert ask(api, token) == 401
    form = {"grant_type": "client_credentials"}
    assert api.http.post("/oauth/token", data=form, auth=("acme", old)).status_code == 401
    assert ask(api, api.token("acme")) == 200


def test_the_token_endpoint_takes_basic_or_form_and_says_what_rfc_6749_says(api: Api) -> None:
    secret = api.secrets["acme"]
    form = {"grant_type": "client_credentials", "client_id": "acme", "client_secret": secret, "scope": "orders:read"}
    answer = api.http.post("/oauth/token", data=form)
    body = answer.json()
    assert (answer.status_code, body["token_type"], body["expires_in"], body["scope"]) == (200, "Bearer", 600, "orders:read")
    assert answer.headers["Cache-Control"] == "no-store"
    header = jwt.decode(body["access_token"], signing_key(api.settings.api_data_dir), algorithms=["ES256"]).header
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    assert ask(api, body["access_token"], "/v1/orders") == 200
    assert ask(api, body["access_token"], "/v1/proof") == 403


@pytest.mark.parametrize(
    ("form", "auth", "status", "error"),
    [
        ({}, ("acme", "right"), 400, "invalid_request"),
        ({"grant_type": "password"}, ("acme", "right"), 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, ("acme", "wrong"), 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, ("nobody", "wrong"), 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, None, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "scope": "ingest"}, ("acme", "right"), 400, "invalid_scope"),
        ({"grant_type": "client_credentials", "client_secret": "x"}, ("acme", "right"), 400, "invalid_request"),
    ],
)
def test_errors_of_the_token_endpoint(
    sqlite_api: Api, form: dict[str, str], auth: tuple[str, str] | None, status: int, error: str
) -> None:
    given = (auth[0], sqlite_api.secrets["acme"] if auth[1] == "right" else "wrong") if auth else None
    answer = sqlite_api.http.post("/oauth/token", data=form, auth=given)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_scopes_open_their_routes_and_no_others(sqlite_api: Api) -> None:
    sqlite_api.give("acme", order_body("o1", 1), kpi_body("o1", 1))
    for scope in CUSTOMER_SCOPES:
        token = sqlite_api.issue("acme", [scope])
        for path, needed in READS.items():
            answer = sqlite_api.http.get(path.format(order="o1"), headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == (200 if scope == needed else 403), (scope, path)
            if scope != needed:
                assert f'scope="{needed}"' in answer.headers["WWW-Authenticate"]


def test_a_customer_may_not_ingest_and_the_bridge_may_not_read(sqlite_api: Api) -> None:
    assert sqlite_api.store(batch("acme", chained([order_body("o1", 1)])), client_id="acme").status_code == 403
    assert sqlite_api.get("/ingest/v1/customers/acme/head", "acme").status_code == 403
    for path in READS:
        assert sqlite_api.get(path.format(order="o1"), "bridge").status_code == 403


def test_a_scope_that_was_taken_from_the_client_is_gone_from_its_tokens(sqlite_api: Api) -> None:
    sqlite_api.add("narrow", "acme", ["orders:read"])
    assert ask(sqlite_api, sqlite_api.issue("narrow", ["orders:read", "events:read"]), "/v1/proof") == 403


def test_every_route_needs_a_token_but_three(sqlite_api: Api) -> None:
    free = {"/oauth/token", "/healthz", "/openapi.json"}
    for path, methods in served().items():
        for method in methods:
            status = sqlite_api.http.request(method, path.format(order="o1", customer="acme")).status_code
            assert (status == 401) == (path not in free), (method, path, status)


def test_nobody_sees_that_another_customer_exists(api: Api) -> None:
    """Every reading route, with every id of the other tenant: the same bytes as for ids that nobody has."""
    foreign = api.give("globex", order_body("globex-order", 1), kpi_body("globex-order", 1))
    api.give("acme", order_body("acme-order", 1), kpi_body("acme-order", 1))
    ids = ["globex-order", foreign[0]["id"], foreign[1]["id"], foreign[1]["payload"]["kpi_id"], foreign[0]["hash"], "globex"]
    for path in READS:
        if "{order}" in path:
            unknown = api.get(path.format(order="nobody-has-this"))
            assert unknown.status_code == 404
            for other in ids:
                answer = api.get(path.format(order=other))
                assert (answer.status_code, answer.content) == (404, unknown.content), (path, other)
        else:
            text = api.get(path).text
            assert not [i for i in ids if i in text], path
    unknown = api.get("/v1/events?order=nobody-has-this")
    for other in ids:
        assert api.get(f"/v1/events?order={other}").content == unknown.content
    assert unknown.status_code == 404


def test_the_same_order_id_at_two_customers_is_two_orders(api: Api) -> None:
    """Same subject, series and revision: only the customer tells them apart."""
    for customer, part in (("acme", "part-of-acme"), ("globex", "part-of-globex")):
        bodies = [order_body("o1", 1, part=part), kpi_body("o1", 1, null_reason=part), kpi_body("o1", 2, null_reason=part)]
        for body in bodies:
            body["id"] += customer
        api.give(customer, *bodies)
    for path in (*READS, "/v1/orders/{order}/kpis?history=true", "/v1/events?order=o1"):
        for customer, other in (("acme", "globex"), ("globex", "acme")):
            answer = api.get(path.format(order="o1"), customer).text
            assert f"part-of-{other}" not in answer, path
            assert f"part-of-{customer}" in answer or path == "/v1/proof", path


def test_answers_show_only_what_the_contract_lists(api: Api) -> None:
    api.give("acme", order_body("o1", 1), kpi_body("o1", 1))
    members = {"sequence", "id", "type", "subject", "event_time", "payload", "previous_hash", "hash"}
    for path in ("/v1/orders", "/v1/kpis", "/v1/events", "/v1/orders/o1/kpis"):
        assert all(set(item) == members for item in api.get(path).json()["items"]), path
    assert set(api.get("/v1/orders/o1").json()) == members


def test_every_reading_route_is_in_these_tests() -> None:
    assert {p for p in served() if p.startswith("/v1/")} == set(READS)


def test_what_is_served_is_what_the_document_says(sqlite_api: Api) -> None:
    document = sqlite_api.http.get("/openapi.json").json()
    described = {path: {m.upper() for m in operations} for path, operations in document["paths"].items()}
    assert {p: m for p, m in served().items() if p != "/openapi.json"} == described
    assert set(document["components"]["securitySchemes"]["clientCredentials"]["flows"]["clientCredentials"]["scopes"]) == set(
        SCOPES
    )
    assert _dangling(document) == []


def test_the_document_loads_nothing_from_outside(sqlite_api: Api) -> None:
    text = sqlite_api.http.get("/openapi.json").text
    assert "http://" not in text
    assert "https://" not in text
    for page in ("/docs", "/redoc"):
        assert sqlite_api.http.get(page).status_code == 404


def served() -> dict[str, set[str]]:
    """The routes of the application and their methods."""
    found: dict[str, set[str]] = {"/openapi.json": {"GET"}}
    for route in (r for router in ROUTERS for r in router.routes):
        if isinstance(route, APIRoute):
            found.setdefault(route.path, set()).update(route.methods)
    return found


def _dangling(document: dict[str, Any]) -> list[str]:
    """References that lead nowhere."""
    text = json.dumps(document)
    names = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    return sorted(n for n in names if n not in document["components"]["schemas"])
