"""What every service of docker-compose.yml must keep: hardening, networks, images, secrets, supervision.

``breaches`` returns sentences, so that a test can show the rule that was broken, and another that a rule can break at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Service = Mapping[str, Any]

BOTH_NETWORKS = "bridge"
NETWORKS = {"factory", "overseas"}
# A variable whose default has a tag that says which release (or "local": built here), or a digest.
IMAGE = re.compile(r"^\$\{FACTORYSTREAM_[A-Z_]*IMAGE:-[a-z0-9./-]+(:(local|v?\d+\.\d+[\w.-]*)|@sha256:[0-9a-f]{64})\}$")
USER = re.compile(r"^[1-9]\d*:[1-9]\d*$")
PORT = re.compile(r"^127\.0\.0\.1:(\$\{[A-Z_]+:-\d+\}|\d+):\d+$")
BIND = re.compile(r"^(\.|/|~|\$\{[A-Z_]+:-\./)")
SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|PRIVATE_KEY", re.IGNORECASE)
URL_PASSWORD = re.compile(r"://[^/:@\s]+:[^/@\s]+@")
FORBIDDEN = {
    "privileged", "cap_add", "devices", "device_cgroup_rules", "pid", "ipc", "userns_mode", "cgroup_parent", "sysctls",
    "extra_hosts", "container_name", "links", "build",
}  # fmt: skip


def breaches(compose: Mapping[str, Any]) -> list[str]:
    """Every breach in a parsed compose file, ``service: sentence``."""
    found = []
    for name, service in compose["services"].items():
        for rule in (_hardening, _limits, _network, _image, _storage, _secrets, _supervision):
            found += [f"{name}: {sentence}" for sentence in rule(name, service)]
    return found + [f"secret {name}: must be a file" for name, secret in compose.get("secrets", {}).items() if "file" not in secret]


def one_shot(service: Service) -> bool:
    """Whether it does one thing and ends."""
    return bool(service.get("restart") == "no")


def _hardening(name: str, service: Service) -> Iterator[str]:
    del name
    for key in sorted(FORBIDDEN & service.keys()):
        yield f"{key} is not allowed"
    if service.get("cap_drop") != ["ALL"]:
        yield "cap_drop must be [ALL]"
    if service.get("security_opt") != ["no-new-privileges:true"]:
        yield "security_opt must be no-new-privileges:true and nothing else"
    if service.get("read_only") is not True:
        yield "read_only must be true"
    if not USER.match(str(service.get("user", ""))):
        yield "user must be two numbers, neither of them root's"


def _limits(name: str, service: Service) -> Iterator[str]:
    del name
    for key in ("mem_limit", "cpus", "pids_limit"):
        if not service.get(key):
            yield f"{key} is missing"
    options = service.get("logging", {}).get("options", {})
    if not {"max-size", "max-file"} <= options.keys():
        yield "its log has no limit"
    for mount in service.get("tmpfs", ()):
        if "size=" not in mount:
            yield f"tmpfs {mount} has no size"


def _network(name: str, service: Service) -> Iterator[str]:
    networks = set(service.get("networks", ()))
    if networks - NETWORKS:
        yield f"unknown network {sorted(networks - NETWORKS)}"
    if networks == NETWORKS and name != BOTH_NETWORKS:
        yield f"only {BOTH_NETWORKS} may be on both networks"
    if name == BOTH_NETWORKS and networks != NETWORKS:
        yield "must be on both networks"
    # Without a word about networks a service joins Compose's default one.
    if not networks and service.get("network_mode") != "none":
        yield "must name its network"
    if service.get("network_mode", "none") != "none":
        yield f"network_mode {service['network_mode']} is not allowed"
    for port in service.get("ports", ()):
        if not PORT.match(str(port)):
            yield f"port {port} is not published on 127.0.0.1 alone"


def _image(name: str, service: Service) -> Iterator[str]:
    del name
    if not IMAGE.match(str(service.get("image", ""))):
        yield f"image {service.get('image')} must be a FACTORYSTREAM_..._IMAGE variable with a release as default"


def _storage(name: str, service: Service) -> Iterator[str]:
    del name
    for mount in service.get("volumes", ()):
        if not isinstance(mount, str):
            yield "volumes must be written in the short form"
        elif "docker.sock" in mount or "containerd" in mount:
            yield f"{mount} hands out the engine's socket"
        elif BIND.match(mount) and not (mount.startswith(("./", "${")) and mount.endswith(":ro")):
            yield f"{mount} binds a path of the machine that is not a read-only one of this folder"


def _secrets(name: str, service: Service) -> Iterator[str]:
    del name
    for key, value in service.get("environment", {}).items():
        if SECRET_NAME.search(key) and not (key.endswith("_FILE") and str(value).startswith("/run/secrets/")):
            yield f"{key} must be a file of /run/secrets"
        if URL_PASSWORD.search(str(value)):
            yield f"{key} has a password in it"


def _supervision(name: str, service: Service) -> Iterator[str]:
    del name
    if one_shot(service):
        return
    if service.get("restart") != "unless-stopped":
        yield "restart must be unless-stopped, or no for one that ends"
    check = service.get("healthcheck", {})
    if not {"test", "interval", "timeout", "retries"} <= check.keys():
        yield "healthcheck is missing or incomplete"
    elif check["test"][0] != "CMD" or any(word in check["test"] for word in ("true", "nc", "pg_isready")):
        yield "healthcheck must ask for work and not for an open port"
    if "stop_grace_period" not in service:
        yield "stop_grace_period is missing"
