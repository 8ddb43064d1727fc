"""Ingest: a batch is stored whole, once, at the head of the chain, and only if it may leave."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from api_lab import Api, batch, chained, kpi_body, order_body
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from schemas.chain import GENESIS_HASH, Head, verify
from services.api.ingest import Request
from services.api.problem import Problem
from services.api.state import ApiState

pytest_plugins = ("api_fixtures",)


def kind(answer: object) -> str:
    """The kind of problem."""
    return str(answer.json()["type"]).removeprefix("urn:factorystream:problem:")  # type: ignore[attr-defined]


def test_a_batch_becomes_the_customers_events(api: Api) -> None:
    events = chained([order_body("o1", 1), kpi_body("o1", 1, value=0.1), order_body("o1", 2)])
    answer = api.store(batch("acme", events))
    assert answer.status_code == 201
    assert answer.json() == {"sequence": 3, "hash": events[-1]["hash"], "stored": 3}
    read = api.get("/v1/events").json()["items"]
    assert read == events
    assert verify(read) == Head(**api.get("/v1/proof").json())


def test_the_head_tells_where_to_go_on(api: Api) -> None:
    assert api.get("/ingest/v1/customers/acme/head", "bridge").json() == {"sequence": 0, "hash": GENESIS_HASH, "source": []}
    events = api.give("acme", order_body("o1", 1), order_body("o1", 2))
    assert api.get("/ingest/v1/customers/acme/head", "bridge").json() == {
        "sequence": 2,
        "hash": events[-1]["hash"],
        "source": [{"partition": 0, "offset": 1, "id": events[-1]["id"]}],
    }
    assert api.get("/ingest/v1/customers/globex/head", "bridge").json()["sequence"] == 0


def test_the_ledger_tells_which_events_it_has(api: Api) -> None:
    events = api.give("acme", order_body("o1", 1), order_body("o1", 2))
    headers = {"Authorization": f"Bearer {api.tokens['bridge']}"}
    asked = {"ids": [events[1]["id"], "unknown", events[0]["id"]]}
    answer = api.http.post("/ingest/v1/customers/acme/stored", json=asked, headers=headers)
    assert answer.json() == {"ids": sorted(e["id"] for e in events)}
    assert api.http.post("/ingest/v1/customers/globex/stored", json=asked, headers=headers).json() == {"ids": []}


def test_the_same_request_twice_is_stored_once_and_answered_alike(api: Api) -> None:
    body = batch("acme", chained([order_body("o1", 1)]))
    first, second = api.store(body, key="k"), api.store(body, key="k")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert api.get("/v1/proof").json()["sequence"] == 1


def test_a_key_is_not_good_for_another_body(api: Api) -> None:
    events = chained([order_body("o1", 1), order_body("o1", 2)])
    assert api.store(batch("acme", events[:1]), key="k").status_code == 201
    answer = api.store(batch("acme", events[1:]), key="k")
    assert (answer.status_code, kind(answer)) == (422, "idempotency-key-reused")
    assert api.get("/v1/proof").json()["sequence"] == 1


@pytest.mark.parametrize("key", [None, "", " ", "x" * 101])
def test_a_batch_needs_a_usable_key(sqlite_api: Api, key: str | None) -> None:
    answer = sqlite_api.store(batch("acme", chained([order_body("o1", 1)])), key=key)
    assert answer.status_code == 400
    assert sqlite_api.get("/v1/proof").json()["sequence"] == 0


def test_the_same_batch_under_another_key_is_a_conflict(api: Api) -> None:
    body = batch("acme", chained([order_body("o1", 1)]))
    api.store(body)
    answer = api.store(body)
    assert (answer.status_code, kind(answer)) == (409, "already-stored")
    assert answer.json()["already_stored"] == [order_body("o1", 1)["id"]]


def test_an_overlapping_batch_stores_nothing_and_names_what_is_there(api: Api) -> None:
    events = chained([order_body("o1", n) for n in range(1, 6)])
    api.store(batch("acme", events[:3]))
    answer = api.store(batch("acme", events[1:]))
    assert (answer.status_code, kind(answer)) == (409, "already-stored")
    assert answer.json()["already_stored"] == sorted(e["id"] for e in events[1:3])
    assert api.get("/v1/proof").json()["sequence"] == 3


def test_an_event_twice_in_one_batch_is_a_conflict(api: Api) -> None:
    answer = api.store(batch("acme", chained([order_body("o1", 1), order_body("o1", 1)])))
    assert (answer.status_code, kind(answer)) == (409, "already-stored")


def test_a_gap_is_a_conflict_that_tells_the_head(api: Api) -> None:
    events = chained([order_body("o1", n) for n in range(1, 4)])
    api.store(batch("acme", events[:1]))
    answer = api.store(batch("acme", events[2:]))
    assert (answer.status_code, kind(answer)) == (409, "not-at-head")
    assert (answer.json()["sequence"], answer.json()["hash"]) == (1, events[0]["hash"])


def test_another_previous_hash_is_a_conflict(api: Api) -> None:
    api.give("acme", order_body("o1", 1))
    forked = chained([order_body("o1", 2)], Head(1, "f" * 64))
    answer = api.store(batch("acme", forked))
    assert (answer.status_code, kind(answer)) == (409, "not-at-head")


def test_a_chain_that_breaks_inside_the_batch_is_refused(api: Api) -> None:
    events = chained([order_body("o1", n) for n in range(1, 4)])
    events[1] = {**events[1], "payload": {**events[1]["payload"], "good": 0}}
    answer = api.store(batch("acme", events))
    assert (answer.status_code, kind(answer), answer.json()["sequence"]) == (422, "broken-chain", 2)
    assert api.get("/v1/proof").json()["sequence"] == 0


@pytest.mark.parametrize(
    "change",
    [
        {"operator": "somebody"},
        {"good": -1},
        {"order": "o2"},
        {"product": "kpi"},
        {"revision": None},
        {"planned": "100"},
    ],
)
def test_a_payload_that_is_no_product_is_refused_by_name(sqlite_api: Api, change: dict[str, object]) -> None:
    good, bad = order_body("o1", 1), order_body("o1", 2)
    bad["payload"] = {**bad["payload"], **change}
    answer = sqlite_api.store(batch("acme", chained([good, bad])))
    assert (answer.status_code, kind(answer)) == (422, "event-refused")
    assert (answer.json()["sequence"], answer.json()["event"]) == (2, bad["id"])
    assert sqlite_api.get("/v1/proof").json()["sequence"] == 0


def test_cut_fields_are_fine_but_not_those_that_identify(sqlite_api: Api) -> None:
    body = order_body("o1", 1)
    body["payload"] = {k: v for k, v in body["payload"].items() if k not in ("good", "due")}
    assert sqlite_api.store(batch("acme", chained([body]))).status_code == 201
    body = order_body("o1", 2)
    del body["payload"]["order"]
    head = sqlite_api.get("/v1/proof").json()
    answer = sqlite_api.store(batch("acme", chained([body], Head(**head))))
    assert (answer.status_code, kind(answer)) == (422, "event-refused")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"customer":"acme","entries":[]}',
        b"\xff",
        b'{"customer":"ACME","entries":[{}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_batch_gets_one_sentence(sqlite_api: Api, body: bytes) -> None:
    answer = sqlite_api.store(body)
    assert (answer.status_code, kind(answer)) == (422, "invalid-batch")
    assert "Traceback" not in answer.text


def test_a_nan_never_gets_in(sqlite_api: Api) -> None:
    body = batch("acme", chained([kpi_body("o1", 1)])).replace(b'"value":0.125', b'"value":NaN')
    assert sqlite_api.store(body).status_code == 422


CHANGES = {
    "sqlite": [
        "UPDATE ledger SET payload = '{}'",
        "DELETE FROM ledger WHERE sequence = 1",
        "REPLACE INTO ledger SELECT * FROM ledger",
        "INSERT OR REPLACE INTO ledger SELECT * FROM ledger WHERE sequence = 1",
    ],
    "postgresql": [
        "UPDATE ledger SET payload = '{}'",
        "DELETE FROM ledger WHERE sequence = 1",
        "TRUNCATE ledger",
        "INSERT INTO ledger SELECT * FROM ledger ON CONFLICT (customer, sequence) DO UPDATE SET payload = '{}'",
    ],
}


def test_the_ledger_refuses_to_be_changed(api: Api) -> None:
    events = api.give("acme", order_body("o1", 1), order_body("o1", 2))
    for statement in CHANGES[api.engine.dialect.name]:
        with pytest.raises(DBAPIError, match="append-only"), api.engine.begin() as connection:
            connection.execute(text(statement))
    assert api.get("/v1/events").json()["items"] == events


def test_customers_have_chains_of_their_own(api: Api) -> None:
    acme = api.give("acme", order_body("o1", 1), order_body("o1", 2))
    globex = api.give("globex", order_body("o1", 1))
    assert api.get("/v1/events").json()["items"] == acme
    assert api.get("/v1/events", "globex").json()["items"] == globex
    assert globex[0]["sequence"] == 1


def test_what_is_stored_is_what_was_hashed(api: Api) -> None:
    body = order_body("o1", 1, part="part-1")
    body["payload"] = json.loads(json.dumps(body["payload"]))
    events = api.give("acme", body)
    with api.engine.connect() as connection:
        stored = connection.execute(text("SELECT payload FROM ledger")).scalar_one()
    assert json.loads(stored) == events[0]["payload"]
    assert " " not in stored


@pytest.mark.parametrize("same_key", [True, False])
def test_writers_at_the_same_moment_store_it_once(api: Api, same_key: bool) -> None:
    """The batch of a bridge that was believed dead, and that of its successor."""
    body = batch("acme", chained([order_body("o1", 1), order_body("o1", 2)]))
    state: ApiState = api.app.state.api
    start = Barrier(6)

    def write(number: int) -> int:
        start.wait()
        try:
            state.ingest.store(Request("bridge", "key" if same_key else f"key-{number}", body))
        except Problem as problem:
            return problem.status
        return 201

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(write, range(6)))
    assert answers[0] == 201
    assert set(answers) <= {201, 409}
    assert same_key or answers.count(201) == 1
    assert api.get("/v1/proof").json()["sequence"] == 2
