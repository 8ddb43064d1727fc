"""What must be there before a worker starts: a broker that answers and the topics, as the registry declares them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

RETRY_S = 0.5
HINT = "Run `python -m services.topics` to create what is missing"


class StartupError(Exception):
    """A worker can't start; the message says in one sentence why and what to do."""


async def check(client: Mapping[str, Any], partitions: Mapping[str, int], changelogs: Iterable[str], wait: float) -> None:
    """Check that a broker answers within ``wait`` seconds and has the topics, each with so many partitions (0 = any).

    Changelogs must be kept by compaction alone: retention by time or size would forget states. Raises StartupError.
    """
    admin = await _connect(client, wait)
    try:
        await _check_topics(admin, partitions)
        await _check_changelogs(admin, list(changelogs))
    except KafkaError as exc:
        raise StartupError(f"the broker at {client['bootstrap_servers']} refused to describe its topics: {exc}") from exc
    finally:
        await admin.close()


async def _connect(client: Mapping[str, Any], wait: float) -> AIOKafkaAdminClient:
    deadline = time.monotonic() + wait
    while True:
        admin = AIOKafkaAdminClient(**client, client_id="factorystream-preflight", request_timeout_ms=5_000)
        try:
            await admin.start()
            return admin
        except KafkaError as exc:
            await admin.close()
            if time.monotonic() >= deadline:
                where = client["bootstrap_servers"]
                raise StartupError(
                    f"no Kafka broker answers at {where} after {wait:g} s. Start one or set FACTORYSTREAM_BOOTSTRAP."
                ) from exc
        await asyncio.sleep(RETRY_S)


async def _check_topics(admin: AIOKafkaAdminClient, wanted: Mapping[str, int]) -> None:
    there = set(await admin.list_topics())
    if missing := sorted(set(wanted) - there):
        raise StartupError(f"the broker has no topic {', '.join(missing)}. {HINT}.")
    for described in await admin.describe_topics(list(wanted)):
        name, count = described["topic"], len(described["partitions"])
        if wanted[name] and count != wanted[name]:
            raise StartupError(
                f"{name} has {count} partitions and should have {wanted[name]}: the topics of a step and its changelog "
                "must have the same number. Partition counts are never changed in place; make the topic anew."
            )


async def _check_changelogs(admin: AIOKafkaAdminClient, names: list[str]) -> None:
    if not names:
        return
    wanted = [ConfigResource(ConfigResourceType.TOPIC, name, {"cleanup.policy": None}) for name in names]
    for response in await admin.describe_configs(wanted):
        for _, _, _, name, entries in response.resources:
            policy = next((entry[1] for entry in entries if entry[0] == "cleanup.policy"), None)
            if policy != "compact":
                raise StartupError(f"{name} has cleanup.policy={policy} and would forget states; it must be compact.")
