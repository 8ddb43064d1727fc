"""Reads a whole topic, and then whatever is added to it, whenever it is asked to."""

from collections.abc import Iterator
from typing import Any

from kafka import TopicPartition

from schemas.topic import Topic
from services.runtime.errors import UserError
from services.runtime.kafka import consumer

POLL_MS = 200


class Follower:
    """One consumer without a group on all partitions of a topic. Raises UserError when the topic does not exist."""

    def __init__(self, bootstrap: str, client_id: str, topic: Topic) -> None:
        self._consumer = consumer(bootstrap, client_id, None, allow_auto_create_topics=False)
        numbers = self._consumer.partitions_for_topic(topic.name)
        if not numbers:
            raise missing_topic(topic.name)
        self._partitions = [TopicPartition(topic.name, n) for n in sorted(numbers)]
        self._consumer.assign(self._partitions)
        self._consumer.seek_to_beginning(*self._partitions)

    def news(self) -> Iterator[Any]:
        """Every record up to the end that the topic had when this was called, each once, in order within a partition."""
        ends = self._consumer.end_offsets(self._partitions)
        while any(self._consumer.position(p) < ends[p] for p in self._partitions):
            for records in self._consumer.poll(timeout_ms=POLL_MS).values():
                yield from records

    def close(self) -> None:
        """Leave."""
        self._consumer.close()


def missing_topic(name: str) -> UserError:
    """The sentence for a topic that does not exist."""
    return UserError(f"the topic {name} does not exist: create the topics first (python -m services.topics)")
