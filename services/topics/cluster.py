"""The topics on a broker: create what the registry declares, show what is there, tell the difference."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from schemas.registry import broker_topics
from schemas.topic import Topic
from services.runtime.errors import UserError
from services.runtime.kafka import admin
from services.topics.plan import Difference, Found, Setting, compare

CLIENT_ID = "factorystream-topics"


@dataclass(frozen=True, slots=True)
class Changes:
    """What ``create`` has done; both empty when the broker was as declared."""

    created: tuple[str, ...] = ()
    repaired: tuple[Setting, ...] = ()

    def sentences(self) -> list[str]:
        """The changes for people, one a line."""
        return [
            *(f"{name} created" for name in self.created),
            *(f"{s.topic}: {s.name} set from {s.found} to {s.declared}" for s in self.repaired),
        ]


def create(bootstrap: str, declared: Sequence[Topic] | None = None) -> Changes:
    """Make the broker as declared (default: everything of the registry) and return what that took.

    Topics that are missing are created with the broker's own replication factor, and settings that differ are put right.
    Returns when every new partition has a leader. Doing it again changes nothing.
    Raises UserError, before anything is changed, when a topic has another number of partitions; also when no broker answers
    or the broker refuses.
    """
    topics = broker_topics() if declared is None else tuple(declared)
    with _client(bootstrap) as client:
        difference = compare(topics, _found(client))
        if difference.partitions:
            raise UserError("; ".join(p.sentence() for p in difference.partitions))
        created = _create(client, difference.missing)
        _repair(client, difference.settings)
    return Changes(created, difference.settings)


def show(bootstrap: str) -> list[Found]:
    """Every topic on the broker but Kafka's own, by name. Raises UserError when no broker answers or it refuses."""
    with _client(bootstrap) as client:
        return _found(client)


def diff(bootstrap: str) -> Difference:
    """How broker and registry differ. Raises UserError when no broker answers or it refuses."""
    with _client(bootstrap) as client:
        return compare(broker_topics(), _found(client))


@contextmanager
def _client(bootstrap: str) -> Iterator[KafkaAdminClient]:
    client = admin(bootstrap, CLIENT_ID)
    try:
        yield client
    except KafkaError as exc:
        raise UserError(f"the broker at {bootstrap} could not do it: {exc}") from exc
    finally:
        client.close()


def _found(client: KafkaAdminClient) -> list[Found]:
    described = {t["name"]: t["partitions"] for t in client.describe_topics() if not t["name"].startswith("__")}
    if not described:
        return []
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(described)]
    configs = client.describe_configs(resources, config_filter="all")["topic"]
    return [_one(name, described[name], configs[name]) for name in sorted(described)]


def _one(name: str, partitions: list[dict[str, list[int]]], config: dict[str, dict[str, str]]) -> Found:
    own = frozenset(key for key, entry in config.items() if entry["config_source"] == "DYNAMIC_TOPIC_CONFIG")
    values = {key: entry["value"] for key, entry in config.items() if entry["value"] is not None}
    return Found(name, len(partitions), min(len(p["replica_nodes"]) for p in partitions), values, own)


def _create(client: KafkaAdminClient, topics: Sequence[Topic]) -> tuple[str, ...]:
    if not topics:
        return ()
    wanted = {t.name: {"num_partitions": t.partitions, "replication_factor": -1, "configs": t.config} for t in topics}
    answers = client.create_topics(wanted, raise_errors=False)["topics"]
    for answer in answers:
        # another process may have created it in between: it is there, which is what was wanted
        if answer["error_code"] and for_code(answer["error_code"]) is not TopicAlreadyExistsError:
            raise UserError(
                f"{answer['name']} was not created: {answer['error_message'] or for_code(answer['error_code']).__name__}"
            )
    client.wait_for_topics(list(wanted))
    return tuple(a["name"] for a in answers if not a["error_code"])


def _repair(client: KafkaAdminClient, settings: Sequence[Setting]) -> None:
    by_topic: dict[str, dict[str, str | None]] = {}
    for setting in settings:
        by_topic.setdefault(setting.topic, {})[setting.name] = setting.declared
    if not by_topic:
        return
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, values) for name, values in by_topic.items()]
    answers = client.alter_configs(resources)["topic"]
    if refused := [f"{name}: {answer}" for name, answer in answers.items() if answer != "OK"]:
        raise UserError(f"settings were not changed: {'; '.join(refused)}")
