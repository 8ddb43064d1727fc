"""The stack of docker-compose.yml works: from a simulated line to two customers, over a ``down`` and ``up``, and scaled."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from compose_lab import ROOT, ComposeStack, build_images, compose_words, events_of

from schemas.chain import Head, verify
from schemas.instant import rfc3339

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1500)]  # the first build of the images takes minutes

CUSTOMERS = ("acme", "borealis")
LINE_FILE = "/var/lib/factorystream/line/events.jsonl"
FACTORY, OVERSEAS = "prometheus-factory", "prometheus-overseas"
TARGETS = {FACTORY: {"prometheus": 1, "gateway": 1, "streams": 1, "bridge": 1}, OVERSEAS: {"prometheus": 1, "api": 1}}


@dataclass(frozen=True)
class Made:
    """What a simulated line made, counted from its events: units and good units by order, and whose order it is."""

    customer: dict[str, str]
    produced: Counter[str]
    good: Counter[str]

    def of(self, customer: str) -> dict[str, tuple[int, int]]:
        """Units and good units of each order of that customer."""
        return {order: (self.produced[order], self.good[order]) for order, owner in self.customer.items() if owner == customer}


@dataclass(frozen=True)
class Seen:
    """What one customer saw. ``foreign`` has the answers' codes for the ids of the other's orders."""

    orders: dict[str, tuple[int, int]]
    events: list[dict[str, Any]]
    proof: Head
    foreign: dict[str, int]


@dataclass(frozen=True)
class Visit:
    """What both customers saw, what had been made until then, and the targets that were up at each Prometheus."""

    made: dict[str, dict[str, tuple[int, int]]]
    seen: dict[str, Seen]
    targets: dict[str, Counter[str]]


class Plant:
    """A stack with two customers and a simulated line."""

    def __init__(self, stack: ComposeStack) -> None:
        self.stack = stack
        self.made: dict[str, dict[str, tuple[int, int]]] = {customer: {} for customer in CUSTOMERS}
        self._secrets: dict[str, str] = {}

    def admit(self, customer: str) -> None:
        """Give the customer a client of the API and a policy, with the commands that docker-compose.yml tells."""
        said = self.stack.compose("exec", "-T", "api", "python", "-m", "services.api", "clients", "add", customer)
        self._secrets[customer] = dict(line.split(": ") for line in said.splitlines())["client_secret"]
        self.stack.compose("run", "--rm", "-T", "export-policy", stdin=policy(customer))

    def produce(self, line: str, start: str) -> None:
        """Simulate an hour of a line, put it where the gateway looks, and return when the customers see what was made."""
        plant = (
            f"python -m services.simulator plant --line {line} --start {start} --hours 1 --machines 2 --order-units 10"
            f" --customers {','.join(CUSTOMERS)} --out {LINE_FILE}.new && cat {LINE_FILE}.new && mv {LINE_FILE}.new {LINE_FILE}"
        )
        count, *events = events_of(self.stack.compose("run", "--rm", "-T", "simulator", "sh", "-c", plant))
        assert count == {"events": len(events)}
        made = count_units(events)
        for customer in CUSTOMERS:
            self.made[customer] |= made.of(customer)
            self.stack.until(lambda customer=customer: self.orders(customer), lambda orders, c=customer: orders == self.made[c])

    def orders(self, customer: str) -> dict[str, tuple[int, int]]:
        """Units and good units of each order, as the API says."""
        with self.client(customer) as client:
            payloads = [item["payload"] for item in pages(client, "/v1/orders")]
        return {p["order"]: (p["produced"], p["good"]) for p in payloads}

    def visit(self, workers: int) -> Visit:
        """Look at everything."""
        targets = {site: self._targets(site, workers) for site in TARGETS}
        return Visit({c: dict(orders) for c, orders in self.made.items()}, {c: self._seen(c) for c in CUSTOMERS}, targets)

    def client(self, customer: str) -> httpx.Client:
        """The API with a fresh access token of that customer."""
        api = self.stack.url("api", 8080)
        form = {"grant_type": "client_credentials"}
        answer = httpx.post(f"{api}/oauth/token", auth=(customer, self._secrets[customer]), data=form, trust_env=False, timeout=30)
        headers = {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}
        return httpx.Client(base_url=api, headers=headers, trust_env=False, timeout=30)

    def _seen(self, customer: str) -> Seen:
        foreign = [order for other in CUSTOMERS if other != customer for order in self.made[other]]
        with self.client(customer) as client:
            codes = {order: client.get(f"/v1/orders/{order}").status_code for order in foreign}
            events = list(pages(client, "/v1/events"))
            proof = client.get("/v1/proof").raise_for_status().json()
        return Seen(self.orders(customer), events, Head(proof["sequence"], proof["hash"]), codes)

    def _targets(self, site: str, workers: int) -> Counter[str]:
        """The targets by job, once those that there should be are up."""
        wanted = {job: workers if job == "streams" else count for job, count in TARGETS[site].items()}
        url = f"{self.stack.url(site, 9090)}/api/v1/targets"

        def up() -> Counter[str]:
            active = httpx.get(url, params={"state": "active"}, trust_env=False, timeout=30).json()["data"]["activeTargets"]
            return Counter(t["labels"]["job"] if t["health"] == "up" else f"{t['scrapeUrl']} {t['health']}" for t in active)

        return self.stack.until(up, lambda found: found == wanted)


def policy(customer: str, **changes: Any) -> str:
    """The example of the repository, for that customer and from now on."""
    example = json.loads((ROOT / "infra/docker/export-policy.json").read_text(encoding="utf-8"))
    until = rfc3339(datetime.now(UTC) + timedelta(days=1))
    return json.dumps({**example, "customer": customer, "valid_until": until, **changes})


def count_units(events: list[dict[str, Any]]) -> Made:
    """What the facts of the line add up to."""
    made = Made({e["order"]: e["customer"] for e in events if e["type"] == "factory.order.v1"}, Counter(), Counter())
    for fact in (e["fact"] for e in events if e["type"] == "factory.machine-event.v1"):
        if fact["kind"] == "produced":
            made.produced[fact["order"]] += fact["produced"]
            made.good[fact["order"]] += fact["produced"] - fact["scrap"] - fact["rework"]
    return made


def pages(client: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    """The items of a list, page after page."""
    url: str | None = f"{path}?limit=200"
    while url:
        answer = client.get(url).raise_for_status()
        yield from answer.json()["items"]
        url = answer.links.get("next", {}).get("url")


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """The stack as it is after ``up``, with both customers admitted."""
    if compose_words() is None:
        pytest.skip("no Docker engine with Compose: neither docker compose nor docker-compose is here")
    build_images()
    stack = ComposeStack(tmp_path_factory.mktemp("compose"))
    try:
        stack.compose("up", "-d")
        plant = Plant(stack)
        for customer in CUSTOMERS:
            plant.admit(customer)
        yield plant
    finally:
        stack.close()


@pytest.fixture(scope="module")
def first(plant: Plant) -> Visit:
    """What is seen after an hour of a line."""
    plant.produce("line-a", "2026-03-02T06:00:00Z")
    plant.stack.await_healthy()
    return plant.visit(workers=1)


@pytest.fixture(scope="module")
def second(plant: Plant, first: Visit) -> Visit:
    """What is seen after ``down``, ``up`` with two workers, and an hour of another line."""
    del first
    plant.stack.compose("down")
    plant.stack.compose("up", "-d", "--scale", "streams=2")
    plant.produce("line-b", "2026-03-02T12:00:00Z")
    plant.stack.await_healthy()
    return plant.visit(workers=2)


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_a_customer_sees_his_orders_with_the_units_that_were_made(first: Visit, customer: str) -> None:
    assert first.seen[customer].orders == first.made[customer]
    assert len(first.made[customer]) >= 2
    assert sum(produced for produced, _ in first.made[customer].values()) > 20
    assert {event["subject"] for event in first.seen[customer].events} == set(first.made[customer])


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_his_chain_holds_and_ends_where_the_proof_says(first: Visit, customer: str) -> None:
    assert verify(first.seen[customer].events) == first.seen[customer].proof
    assert first.seen[customer].proof.sequence > 0


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_the_orders_of_the_other_customer_do_not_exist_for_him(first: Visit, customer: str) -> None:
    assert first.seen[customer].foreign
    assert set(first.seen[customer].foreign.values()) == {404}


def test_nobody_reads_without_a_token(plant: Plant) -> None:
    assert httpx.get(f"{plant.stack.url('api', 8080)}/v1/orders", trust_env=False, timeout=30).status_code == 401


def test_each_prometheus_has_every_target_up(first: Visit) -> None:
    assert first.targets == TARGETS


def test_a_policy_is_not_replaced_by_another_of_the_same_version(plant: Plant) -> None:
    refused = plant.stack.attempt("run", "--rm", "-T", "export-policy", stdin=policy(CUSTOMERS[0], products=[]))
    assert refused.returncode == 1
    assert f"error: version 1 for {CUSTOMERS[0]} holds" in refused.stdout + refused.stderr


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_down_and_up_loses_nothing_and_the_sequence_goes_on(first: Visit, second: Visit, customer: str) -> None:
    before, after = first.seen[customer], second.seen[customer]
    assert after.events[: len(before.events)] == before.events
    assert [event["sequence"] for event in after.events] == list(range(1, len(after.events) + 1))
    assert verify(after.events) == after.proof


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_data_flow_through_two_workers(first: Visit, second: Visit, customer: str) -> None:
    assert second.targets[FACTORY]["streams"] == 2
    assert len(second.made[customer]) > len(first.made[customer])
    assert second.seen[customer].orders == second.made[customer]
    assert len(second.seen[customer].events) > len(first.seen[customer].events)
