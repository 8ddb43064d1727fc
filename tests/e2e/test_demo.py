"""The demo is a test: run as a person runs it, and what it says is checked against what nobody of the platform has computed."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from demo_run import COMMAND, ROOT, Done, all_gone, clean_copy, end, factorystream, processes_of, succeeded, wait_for
from oracle.mtconnect_log import log_accounts

from services.stack.record import running_stack
from services.stack.session import api_at

SAMPLE = ROOT / "services/gateway/samples/nist_sms/raw/Mazak01/Mazak01-20190606-20190607.txt.gz"
CUSTOMERS = ("acme", "borealis")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "data"


@pytest.fixture(scope="module")
def done(folder: Path) -> Done:
    return succeeded(factorystream("demo", "--once", "--json", "--data-dir", folder))


@pytest.fixture(scope="module")
def summary(done: Done) -> dict[str, Any]:
    found: dict[str, Any] = done.json
    return found


@pytest.fixture(scope="module")
def orders(folder: Path, summary: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The simulated orders, as they were sent."""
    del summary
    lines = (folder / "scenario/orders.jsonl").read_text().splitlines()
    return {order["order"]: order for order in map(json.loads, lines)}


@pytest.fixture(scope="module")
def api(folder: Path, summary: dict[str, Any]) -> Iterator[str]:
    """The API of the demo, started once more on what it has kept."""
    del summary
    with api_at(folder, None, print) as url:
        yield url


def as_customer(api: str, folder: Path, customer: str) -> httpx.Client:
    secret = (folder / "secrets" / customer).read_text()
    answer = httpx.post(f"{api}/oauth/token", auth=(customer, secret), data={"grant_type": "client_credentials"}, trust_env=False)
    headers = {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}
    return httpx.Client(base_url=api, headers=headers, trust_env=False)


def test_every_event_is_accounted_for(summary: dict[str, Any]) -> None:
    assert summary["conservation"] == "holds"
    assert summary["violations"] == []
    for row in summary["stages"]:
        classes = ("applied", "deduplicated", "late", "dead_lettered", "denied", "delivered")
        assert row["received"] == sum(row.get(c, 0) for c in classes)
        assert row["in_flight"] == 0
    stages = {row["stage"] for row in summary["stages"]}
    assert stages == {"gateway", "aggregate", "measure", "kpi", "alert", "spc", "twin", "publish", "bridge"}


def test_the_data_went_over_every_topic_of_the_way(summary: dict[str, Any]) -> None:
    way = ("sensor", "machine", "aggregate", "measure", "kpi", "alert", "twin-state", "outbound", "audit", "order", "asset")
    assert all(summary["topics"].get(f"factory.{name}.v1", 0) > 0 for name in way)
    assert not any(name.endswith(".dlq") for name in summary["topics"])


def test_it_says_what_is_real_and_what_is_simulated(summary: dict[str, Any]) -> None:
    assert summary["real"].startswith("the log of machine mazak01 on 2019-06-06: 16,572 lines")
    assert summary["simulated"].startswith("the orders of acme and borealis")


def test_the_availability_of_the_line_is_that_of_the_log(summary: dict[str, Any], tmp_path: Path) -> None:
    plain = tmp_path / SAMPLE.name.removesuffix(".gz")
    plain.write_bytes(gzip.decompress(SAMPLE.read_bytes()))
    hours: dict[int, Counter[str]] = defaultdict(Counter)
    for (hour, state), micros in log_accounts(plain).items():
        hours[hour // 3_600_000_000 % 24][state] += micros
    known = {h: (c["ACTIVE"], c.total() - c["UNAVAILABLE"], c.total()) for h, c in hours.items()}
    expected = {h: active / busy if busy >= total / 2 else None for h, (active, busy, total) in known.items()}  # half must be known
    rows = [k for k in summary["kpis"] if (k["kind"], k["kpi"], k["window_kind"]) == ("line", "availability", "hour")]
    assert {int(k["start"][11:13]): k["value"] for k in rows} == expected
    assert sum(value is not None for value in expected.values()) == 2  # the machine was on from 17:50 to 19:48


def test_explain_finds_every_kpi_again(folder: Path, summary: dict[str, Any], tmp_path: Path) -> None:
    del summary
    everything = succeeded(factorystream("explain", "--json", "--data-dir", folder)).json
    assert everything["values"] == everything["same"] > 100
    assert everything["different"] == []
    values = succeeded(factorystream("query", "kpi", "--json", "--data-dir", folder)).json
    assert len({v["id"] for v in values}) == everything["values"]
    value = next(v for v in values if v["kpi"] == "availability" and v["scope"]["kind"] == "line" and v["value"] is not None)
    drawing = tmp_path / "hour.svg"
    one = succeeded(factorystream("explain", value["id"], "--json", "--picture", drawing, "--data-dir", folder)).json
    assert (one["kpi"], one["same"]) == (value, True)
    assert sum(e["duration_us"] for c in one["contributions"] for e in c["elements"]) == 3_600_000_000
    assert drawing.read_text().startswith("<svg ")
    unknown = factorystream("explain", "no-such-id", "--data-dir", folder)
    assert (unknown.code, unknown.out) == (1, "")
    assert "no value with the id no-such-id is on factory.kpi.v1" in unknown.err


def test_each_customer_has_his_orders_with_the_units_that_were_made(
    summary: dict[str, Any], orders: dict[str, dict[str, Any]], folder: Path
) -> None:
    facts = [json.loads(line)["fact"] for line in (folder / "scenario/events.jsonl").read_text().splitlines()]
    made: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    for fact in facts:
        if fact["kind"] == "produced":
            made[fact["order"]] += fact["produced"]
            bad[fact["order"]] += fact["scrap"] + fact["rework"]
    for customer in summary["customers"]:
        own = {name for name, order in orders.items() if order["customer"] == customer["customer"]}
        assert {o["order"] for o in customer["orders"]} == own
        for order in customer["orders"]:
            number = order["order"]
            assert (order["produced"], order["good"]) == (made[number], made[number] - bad[number])
            assert order["planned"] == orders[number]["planned"]
        quality = {k["order"]: k["value"] for k in customer["kpis"] if k["kpi"] == "quality ratio"}
        assert quality == {name: (made[name] - bad[name]) / made[name] for name in own}


def test_each_chain_is_verified_and_complete(summary: dict[str, Any]) -> None:
    assert summary["customer_chain"] == "verified"
    assert [c["customer"] for c in summary["customers"]] == list(CUSTOMERS)
    assert sum(c["events"] for c in summary["customers"]) == summary["topics"]["factory.outbound.v1"]


@pytest.mark.parametrize(("customer", "other"), [CUSTOMERS, CUSTOMERS[::-1]])
def test_a_customer_reads_the_kpis_of_his_orders_and_nothing_else(
    api: str, folder: Path, orders: dict[str, dict[str, Any]], customer: str, other: str
) -> None:
    foreign = [name for name, order in orders.items() if order["customer"] == other]
    own = [name for name, order in orders.items() if order["customer"] == customer]
    with as_customer(api, folder, customer) as client:
        for name in own:
            items = client.get(f"/v1/orders/{name}/kpis").raise_for_status().json()["items"]
            assert {item["payload"]["kpi"] for item in items} == {"availability", "quality ratio"}
            assert {item["subject"] for item in items} == {name}
        unknown = client.get("/v1/orders/no-such-order/kpis")
        for name in foreign:
            answer = client.get(f"/v1/orders/{name}/kpis")
            assert (answer.status_code, answer.text.replace(name, "?")) == (404, unknown.text.replace("no-such-order", "?"))
        everything = client.get("/v1/events", params={"limit": 200}).raise_for_status().text
    assert other not in everything
    assert not any(name in everything for name in foreign)
    assert {event["subject"] for event in json.loads(everything)["items"]} == set(own)


def test_nobody_reads_without_a_token(api: str, orders: dict[str, dict[str, Any]]) -> None:
    name = next(iter(orders))
    assert httpx.get(f"{api}/v1/orders/{name}/kpis", trust_env=False).status_code == 401


def test_verify_recomputes_the_chain_of_a_customer(folder: Path, api: str, summary: dict[str, Any]) -> None:
    found = succeeded(factorystream("verify", "acme", "--data-dir", folder, "--api-url", api, "--json")).json
    acme = summary["customers"][0]
    assert found == {"customer": "acme", "chain": "verified", "events": acme["events"], "head": acme["head"]}


def test_secrets_are_in_no_log(folder: Path, done: Done) -> None:
    secrets = [path.read_text() for path in (folder / "secrets").iterdir()]
    assert len(secrets) == 3
    said = "".join(path.read_text(errors="replace") for path in (folder / "logs").iterdir()) + done.out + done.err
    assert not any(secret in said for secret in secrets)
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder / "secrets").iterdir())


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    done = factorystream("demo", "--once", "--data-dir", tmp_path)
    assert done.error == f"{tmp_path} holds something that no demo made: choose another folder with --data-dir"
    assert (tmp_path / "diary.txt").read_text() == "mine"


def test_it_goes_on_until_ctrl_c_and_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    process = subprocess.Popen(
        [COMMAND, "demo", "--data-dir", folder, "--speed", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        wait_for(lambda: process.poll() is not None or services(folder) == ["broker", "api", "streams", "bridge"])
        status = succeeded(factorystream("status", "--data-dir", folder, "--json")).json
        assert status["running"]
        urls = [s["metrics_url"] for s in status["services"] if s["metrics_url"]]
        assert [httpx.get(url, trust_env=False).status_code for url in urls] == [200, 200, 200]
        wait_for(lambda: process.poll() is not None or "mazak01-pass2" in words_of(folder))
        children = processes_of(folder)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    finally:
        end(process)
    assert process.returncode == 0, err
    assert "conservation: holds" in out
    assert "customer chain: verified" in out
    assert len(children) >= 5
    assert all_gone(children)
    assert not (folder / "stack.json").exists()


def services(folder: Path) -> list[str]:
    """The services that the stack in the folder has started."""
    record = running_stack(folder / "stack.json")
    return [service.name for service in record.services] if record else []


def words_of(folder: Path) -> set[str]:
    """Every word on the command lines of what runs for the folder."""
    return {word for process in processes_of(folder) for word in process.cmdline()}


@pytest.mark.timeout(600)
def test_make_demo_in_a_clean_copy(tmp_path: Path) -> None:
    copy = clean_copy(tmp_path / "copy")
    words = ["make", "--no-print-directory", "demo", "ONCE=1", "JSON=1"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FACTORYSTREAM_", "VIRTUAL_ENV", "MAKE"))}
    made = subprocess.run(words, cwd=copy, env=environment, capture_output=True, text=True, timeout=590)
    if made.returncode and re.search(r"^error: the Python packages can't be installed", made.stderr, re.M):
        pytest.skip("no package index is reachable: the clean copy can't be set up")
    assert made.returncode == 0, made.stderr
    summary = json.loads(made.stdout)
    assert (summary["conservation"], summary["customer_chain"]) == ("holds", "verified")
    assert "setup: ready after" in made.stderr
    second = subprocess.run([copy / "infra/setup/environment.sh", "runtime"], capture_output=True, text=True, timeout=60)
    assert (second.returncode, second.stderr) == (0, "")  # the second time there is nothing to do
