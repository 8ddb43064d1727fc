"""What customers read: newest values, lists in pages, cursors, and errors in one sentence."""

import base64
import re
from typing import Any

import pytest
from api_lab import Api, batch, chained, kpi_body, order_body
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from sqlalchemy import text

from services.api.cursor import Cursors
from services.api.limits import Limiter
from services.api.problem import Problem

pytest_plugins = ("api_fixtures",)


def pages(api: Api, path: str, client: str = "acme") -> list[list[dict[str, Any]]]:
    """All pages of a list, by its Link headers."""
    found, url = [], path
    while url:
        answer = api.get(url, client)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["items"])
        url = answer.links.get("next", {}).get("url", "")
    return found


def test_the_order_list_has_the_newest_of_each_order(api: Api) -> None:
    api.give("acme", *(order_body(f"o{i}", r) for r in (1, 2, 3) for i in range(5)), kpi_body("only-kpi", 1))
    listed = pages(api, "/v1/orders?limit=2")
    assert [[e["subject"] for e in page] for page in listed] == [["o0", "o1"], ["o2", "o3"], ["o4"]]
    assert {e["payload"]["revision"] for page in listed for e in page} == {3}


def test_a_higher_revision_wins_even_if_it_came_first(api: Api) -> None:
    api.give("acme", order_body("o1", 7), order_body("o1", 3), kpi_body("o1", 9), kpi_body("o1", 2))
    assert api.get("/v1/orders/o1").json()["payload"]["revision"] == 7
    assert [e["payload"]["revision"] for e in api.get("/v1/orders/o1/kpis").json()["items"]] == [9]


def test_kpis_of_an_order_with_history(api: Api) -> None:
    api.give(
        "acme", *(kpi_body("o1", r, name) for r in range(1, 5) for name in ("availability", "quality ratio")), kpi_body("o2", 1)
    )
    plain = api.get("/v1/orders/o1/kpis").json()
    assert set(plain) == {"items"}
    assert [(e["payload"]["kpi"], e["payload"]["revision"]) for e in plain["items"]] == [("availability", 4), ("quality ratio", 4)]
    told = api.get("/v1/orders/o1/kpis?history=true&limit=3").json()
    assert told["items"] == plain["items"]
    assert {k: [e["payload"]["revision"] for e in v] for k, v in told["history"].items()} == {
        "availability": [4, 3, 2],
        "quality ratio": [4, 3, 2],
    }


def test_an_order_without_kpis_has_none_and_an_unknown_one_is_not_found(api: Api) -> None:
    api.give("acme", order_body("o1", 1), kpi_body("o2", 1))
    assert api.get("/v1/orders/o1/kpis").json() == {"items": []}
    assert api.get("/v1/orders/o3/kpis").status_code == 404
    assert api.get("/v1/orders/o2").status_code == 404


def test_the_kpi_list_goes_over_all_orders(api: Api) -> None:
    api.give("acme", *(kpi_body(f"o{i}", r, name) for i in range(3) for r in (1, 2) for name in ("availability", "quality ratio")))
    listed = [
        (e["subject"], e["payload"]["kpi"], e["payload"]["revision"]) for page in pages(api, "/v1/kpis?limit=4") for e in page
    ]
    assert listed == [(f"o{i}", name, 2) for i in range(3) for name in ("availability", "quality ratio")]


def test_events_come_in_sequence_and_the_cursor_waits_for_more(api: Api) -> None:
    first = api.give("acme", *(order_body(f"o{i % 2}", 1 + i) for i in range(5)))
    listed = pages(api, "/v1/events?limit=2")
    assert [e for page in listed for e in page] == first
    assert [len(page) for page in listed] == [2, 2, 1]
    cursor = api.get("/v1/events").json()["cursor"]
    waiting = api.get(f"/v1/events?cursor={cursor}").json()
    assert waiting == {"items": [], "cursor": cursor}
    later = api.give("acme", order_body("o0", 9))
    assert api.get(f"/v1/events?cursor={cursor}").json()["items"] == later


def test_events_of_one_order(api: Api) -> None:
    events = api.give("acme", *(order_body(f"o{i % 2}", 1 + i) for i in range(6)))
    assert [e for page in pages(api, "/v1/events?order=o1&limit=2") for e in page] == events[1::2]


def test_a_new_customer_has_empty_lists(sqlite_api: Api) -> None:
    for path in ("/v1/orders", "/v1/kpis", "/v1/events"):
        assert sqlite_api.get(path).json() == {"items": [], "cursor": None}


def test_a_cursor_is_good_for_its_customer_list_and_filter_only(sqlite_api: Api) -> None:
    for customer in ("acme", "globex"):
        sqlite_api.give(customer, *(order_body(f"o{i}", 1) for i in range(3)), *(kpi_body(f"o{i}", 1) for i in range(3)))
    cursors = {p: sqlite_api.get(f"{p}{'&' if '?' in p else '?'}limit=1").json()["cursor"] for p in LISTS}
    for source, cursor in cursors.items():
        for target in LISTS:
            joined = f"{target}{'&' if '?' in target else '?'}cursor={cursor}"
            assert sqlite_api.get(joined).status_code == (200 if source == target else 400), (source, target)
            assert sqlite_api.get(joined, "globex").status_code == 400


LISTS = ("/v1/orders", "/v1/kpis", "/v1/events", "/v1/events?order=o1", "/v1/events?order=o2")


@given(st.binary(max_size=60))
def test_made_up_cursors_are_refused(raw: bytes) -> None:
    cursors = Cursors(b"k" * 32, "acme")
    made_up = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    with pytest.raises(Problem):
        cursors.read("events", made_up)


@given(st.integers(0, 2**40), st.data())
def test_a_cursor_with_any_character_changed_is_refused(sequence: int, data: st.DataObject) -> None:
    cursors = Cursors(b"k" * 32, "acme")
    cursor = cursors.write("events", [sequence])
    assert cursors.read("events", cursor) == [sequence]
    at = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda c: c != cursor[at]))
    for changed in (cursor[:at] + other + cursor[at + 1 :], cursor[:at] + cursor[at + 1 :], cursor + other):
        with pytest.raises(Problem):
            cursors.read("events", changed)


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=-1", "cursor=" + "a" * 401])
def test_pages_have_limits(sqlite_api: Api, query: str) -> None:
    for path in ("/v1/orders", "/v1/kpis", "/v1/events"):
        assert_problem(sqlite_api.get(f"{path}?{query}"), 422)


@pytest.mark.parametrize("order", ["%00", "a%00b", "%2e%2e%2fledger", "' OR 1=1 --", "a" * 5000, "\U0001f600", "%ff"])
def test_an_id_that_can_be_none_is_simply_unknown(api: Api, order: str) -> None:
    api.give("acme", order_body("o1", 1))
    for path in (f"/v1/orders/{order}", f"/v1/orders/{order}/kpis", f"/v1/events?order={order}"):
        assert api.get(path).status_code == 404, path


def assert_problem(answer: Any, status: int) -> None:
    """RFC 9457, one sentence, nothing from inside."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:factorystream:problem:")
    assert body["detail"].endswith(".")
    assert not re.search(r"Traceback|File \"|sqlite|psycopg|sqlalchemy", answer.text, re.IGNORECASE)


def test_every_kind_of_error_is_a_problem(sqlite_api: Api) -> None:
    assert_problem(sqlite_api.http.get("/v1/orders"), 401)
    assert_problem(sqlite_api.get("/v1/orders", "bridge"), 403)
    assert_problem(sqlite_api.get("/v1/orders/none"), 404)
    assert_problem(sqlite_api.get("/none"), 404)
    assert_problem(sqlite_api.http.post("/v1/orders"), 405)
    assert_problem(sqlite_api.http.delete("/v1/proof"), 405)
    assert_problem(sqlite_api.store(b"{"), 422)


def test_a_body_beyond_the_limit_is_refused_declared_or_not(sqlite_api: Api) -> None:
    large = b"x" * (sqlite_api.settings.largest_body + 1)
    assert_problem(sqlite_api.store(large), 413)
    headers = {"Authorization": f"Bearer {sqlite_api.tokens['bridge']}", "Idempotency-Key": "k"}
    chunks = (large[i : i + 65_536] for i in range(0, len(large), 65_536))
    assert_problem(sqlite_api.http.post("/ingest/v1/batches", content=chunks, headers=headers), 413)


def test_a_database_that_fails_is_a_503_and_says_nothing_of_itself(sqlite_api: Api) -> None:
    with sqlite_api.engine.begin() as connection:
        connection.execute(text("ALTER TABLE ledger RENAME TO elsewhere"))
        connection.execute(text("ALTER TABLE client RENAME TO nowhere"))
    assert_problem(sqlite_api.http.get("/healthz"), 503)
    answer = sqlite_api.get("/v1/orders")
    assert_problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0


def test_a_defect_of_ours_is_a_500_without_details(sqlite_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("services.api.ledger.CustomerLedger.head", broken)
    answer = sqlite_api.get("/v1/proof")
    assert_problem(answer, 500)
    assert "secret" not in answer.text


def test_health_is_work_done(api: Api) -> None:
    answer = api.http.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_quotas_are_told_and_kept(sqlite_api: Api) -> None:
    quota = sqlite_api.settings.requests_per_minute
    answer = sqlite_api.get("/v1/proof")
    assert answer.headers["RateLimit-Policy"] == f'"default";q={quota};w=60'
    assert re.fullmatch(rf'"default";r={quota - 1};t=\d+', answer.headers["RateLimit"])
    stored = sqlite_api.store(batch("acme", chained([order_body("o1", 1)])))
    assert stored.headers["RateLimit-Policy"] == f'"default";q={sqlite_api.settings.ingest_requests_per_minute};w=60'


def test_a_client_beyond_its_quota_waits_and_the_others_do_not() -> None:
    time = [0.0]
    limiter = Limiter(lambda: time[0])
    taken = [limiter.take("a", 3) for _ in range(4)]
    assert [t.remaining for t in taken] == [2, 1, 0, -1]
    assert [t.exceeded for t in taken] == [False, False, False, True]
    assert not limiter.take("b", 3).exceeded
    assert taken[3].reset_s == 60
    time[0] = 59.5
    assert limiter.take("a", 3).exceeded
    time[0] = 60.0
    assert not limiter.take("a", 3).exceeded


def test_metrics_never_name_a_customer_or_an_id(sqlite_api: Api) -> None:
    sqlite_api.give("acme", order_body("order-of-acme", 1))
    sqlite_api.get("/v1/orders/order-of-acme")
    sqlite_api.get("/somewhere/else")
    exported = generate_latest(sqlite_api.registry).decode()
    assert 'factory_api_request_seconds_count{method="GET",route="/v1/orders/{order}",status="200"} 1.0' in exported
    assert "factory_api_ledger_entries_total 1.0" in exported
    assert "acme" not in exported
    assert "somewhere" not in exported


def test_headers_of_every_answer(sqlite_api: Api) -> None:
    for path in ("/v1/proof", "/none", "/openapi.json", "/healthz"):
        headers = sqlite_api.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
