"""docker-compose.yml keeps its rules, and each rule would notice a breach."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_rules import breaches, one_shot
from kafka_container import container_environment

from schemas.metric import ASSIGNED
from services.gateway.source_spec import RunSpec

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
METRICS_PORT = "FACTORYSTREAM_METRICS_PORT"
# What differs between a broker on a machine's loopback and one on a network of containers.
BROKERS_OWN = {"CLUSTER_ID", "KAFKA_ADVERTISED_LISTENERS", "KAFKA_HEAP_OPTS", "KAFKA_JVM_PERFORMANCE_OPTS"}


def scrape_jobs(site: str) -> dict[str, Any]:
    """The scrape jobs of a site's Prometheus, by name."""
    config = yaml.safe_load((ROOT / f"infra/prometheus/{site}.yml").read_text(encoding="utf-8"))
    return {job["job_name"]: job for job in config["scrape_configs"]}


def targets(job: dict[str, Any]) -> set[str]:
    """``host:port`` of a job, however its targets are found."""
    static = {target for group in job.get("static_configs", ()) for target in group["targets"]}
    by_name = {f"{name}:{group['port']}" for group in job.get("dns_sd_configs", ()) for name in group["names"]}
    return static | by_name


def test_every_service_keeps_the_rules() -> None:
    assert breaches(COMPOSE) == []


BREACHES: list[tuple[str, str, Callable[[dict[str, Any]], Any]]] = [
    ("api", "cap_drop", lambda s: s.pop("cap_drop")),
    ("api", "cap_drop", lambda s: s.update(cap_drop=["NET_RAW"])),
    ("api", "cap_add", lambda s: s.update(cap_add=["SYS_ADMIN"])),
    ("api", "privileged", lambda s: s.update(privileged=True)),
    ("api", "pid is not allowed", lambda s: s.update(pid="host")),
    ("api", "no-new-privileges", lambda s: s.update(security_opt=["seccomp:unconfined"])),
    ("api", "read_only", lambda s: s.update(read_only=False)),
    ("api", "user must be", lambda s: s.pop("user")),
    ("api", "user must be", lambda s: s.update(user="0:0")),
    ("api", "user must be", lambda s: s.update(user="root")),
    ("api", "mem_limit", lambda s: s.pop("mem_limit")),
    ("api", "pids_limit", lambda s: s.pop("pids_limit")),
    ("api", "its log has no limit", lambda s: s.pop("logging")),
    ("api", "tmpfs /scratch has no size", lambda s: s.update(tmpfs=["/scratch"])),
    ("api", "only bridge may be on both networks", lambda s: s.update(networks=["factory", "overseas"])),
    ("bridge", "must be on both networks", lambda s: s.update(networks=["factory"])),
    ("api", "unknown network", lambda s: s.update(networks=["office"])),
    ("api", "must name its network", lambda s: s.pop("networks")),
    ("simulator", "network_mode host", lambda s: s.update(network_mode="host")),
    ("api", "not published on 127.0.0.1", lambda s: s.update(ports=["8080:8080"])),
    ("api", "not published on 127.0.0.1", lambda s: s.update(ports=["0.0.0.0:8080:8080"])),
    ("kafka", "must be a FACTORYSTREAM_..._IMAGE", lambda s: s.update(image="apache/kafka:4.3.1")),
    ("kafka", "must be a FACTORYSTREAM_..._IMAGE", lambda s: s.update(image="${FACTORYSTREAM_KAFKA_IMAGE:-apache/kafka:latest}")),
    ("kafka", "must be a FACTORYSTREAM_..._IMAGE", lambda s: s.update(image="${FACTORYSTREAM_KAFKA_IMAGE:-apache/kafka}")),
    ("kafka", "the engine's socket", lambda s: s["volumes"].append("/var/run/docker.sock:/var/run/docker.sock:ro")),
    ("kafka", "binds a path", lambda s: s["volumes"].append("/etc:/host/etc:ro")),
    ("kafka", "binds a path", lambda s: s["volumes"].append("./infra:/infra")),
    ("kafka", "short form", lambda s: s["volumes"].append({"type": "bind", "source": "/", "target": "/host"})),
    ("postgres", "POSTGRES_PASSWORD must be a file", lambda s: s["environment"].update(POSTGRES_PASSWORD="x")),
    ("api", "has a password in it", lambda s: s["environment"].update(DATABASE="postgresql://me:word@postgres/ledger")),
    ("api", "restart must be", lambda s: s.pop("restart")),
    ("api", "healthcheck is missing", lambda s: s.pop("healthcheck")),
    ("api", "an open port", lambda s: s["healthcheck"].update(test=["CMD", "nc", "-z", "localhost", "8080"])),
    ("api", "stop_grace_period", lambda s: s.pop("stop_grace_period")),
]


@pytest.mark.parametrize(("service", "sentence", "change"), BREACHES)
def test_each_rule_notices_a_breach(service: str, sentence: str, change: Callable[[dict[str, Any]], Any]) -> None:
    broken = copy.deepcopy(COMPOSE)
    change(broken["services"][service])
    assert [b for b in breaches(broken) if b.startswith(f"{service}: ") and sentence in b]


def test_a_secret_must_be_a_file() -> None:
    broken = copy.deepcopy(COMPOSE)
    broken["secrets"]["bridge_client"] = {"environment": "BRIDGE_CLIENT"}
    assert breaches(broken) == ["secret bridge_client: must be a file"]


def test_it_is_one_file_for_both_generations_of_compose() -> None:
    assert "version" not in COMPOSE  # v2 warns about it, and with it 1.29 refuses conditions in depends_on


def test_state_is_in_named_volumes_that_exist() -> None:
    named = {v.split(":")[0] for s in SERVICES.values() for v in s.get("volumes", ()) if not v.startswith((".", "$"))}
    assert named == set(COMPOSE["volumes"])


def test_every_secret_is_used_and_made() -> None:
    script = (ROOT / "infra/docker/secrets.sh").read_text(encoding="utf-8")
    used = {name for service in SERVICES.values() for name in service.get("secrets", ())}
    assert used == set(COMPOSE["secrets"]) == set(re.findall(r"^secret (\w+)", script, re.MULTILINE))


def test_what_serves_metrics_is_scraped_by_its_own_site_and_nothing_else_is() -> None:
    for site in ("factory", "overseas"):
        serving = {
            f"{name}:{service['environment'][METRICS_PORT]}"
            for name, service in SERVICES.items()
            if METRICS_PORT in service.get("environment", {}) and not one_shot(service) and site == service["networks"][0]
        }
        scraped = {target for job in scrape_jobs(site).values() for target in targets(job)}
        assert scraped == serving | {"localhost:9090"}


def test_streams_are_found_by_name_so_that_they_scale() -> None:
    assert SERVICES["streams"].keys().isdisjoint({"ports", "container_name"})
    assert "dns_sd_configs" in scrape_jobs("factory")["streams"]


def test_the_broker_has_the_settings_of_the_embedded_one() -> None:
    embedded = {k: v for k, v in container_environment(1).items() if k not in BROKERS_OWN}
    compose = {k: str(v) for k, v in SERVICES["kafka"]["environment"].items() if k not in BROKERS_OWN}
    assert compose == embedded


def test_each_dependency_waits_for_work_and_not_for_a_container() -> None:
    for service in SERVICES.values():
        for name, wanted in service.get("depends_on", {}).items():
            ends = one_shot(SERVICES[name])
            assert wanted["condition"] == ("service_completed_successfully" if ends else "service_healthy")


def test_the_health_check_of_streams_looks_for_a_declared_metric() -> None:
    assert ASSIGNED.name in SERVICES["streams"]["healthcheck"]["test"][-1]


def test_the_gateways_configuration_is_one() -> None:
    RunSpec.model_validate(json.loads((ROOT / "infra/docker/gateway.json").read_text(encoding="utf-8")))


def test_the_local_images_stand_in_for_every_image() -> None:
    lines = (ROOT / "infra/images/local.env").read_text(encoding="utf-8").splitlines()
    local = {line.split("=")[0] for line in lines if line and not line.startswith("#")}
    assert local == {re.findall(r"FACTORYSTREAM_\w*IMAGE", s["image"])[0] for s in SERVICES.values()}
