"""Reads what a topic holds, from its beginning to where it ended when asked; nothing is committed."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from schemas.codec import Decoded, Rejection, decode, decode_dead_letter
from schemas.envelope import Event
from schemas.events.dead_letter import DeadLetter
from schemas.instant import from_micros
from schemas.topic import Topic
from services.runtime.errors import UserError
from services.runtime.kafka import consumer

CLIENT_ID = "factorystream-reader"
POLL_MS = 500
SILENCE_S = 30.0

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a topic. ``event`` is None for what is no event, and ``note`` then says why."""

    topic: str
    partition: int
    offset: int
    arrived: datetime
    key: bytes | None
    value: bytes | None
    event: Event | None
    note: str


def read_all(bootstrap: str, topic: Topic) -> Iterator[Record]:
    """Every record up to the present ends, per partition in order. Raises UserError when the broker does not serve them."""
    with _reader(bootstrap, topic) as client:
        ends = client.end_offsets(client.assignment())
        client.seek_to_beginning()
        left = {p for p, end in ends.items() if client.position(p) < end}
        heard = time.monotonic()
        while left:
            batches = client.poll(timeout_ms=POLL_MS)
            if batches:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE_S:
                raise UserError(f"the broker at {bootstrap} has sent nothing of {topic.name} for {SILENCE_S:g} s")
            for partition, records in batches.items():
                yield from decoded(topic, [r for r in records if r.offset < ends[partition]])
            left = {p for p in left if client.position(p) < ends[p]}


def follow(bootstrap: str, topic: Topic, from_start: bool) -> Iterator[Record]:
    """Records as they come, without end."""
    with _reader(bootstrap, topic) as client:
        seek = client.seek_to_beginning if from_start else client.seek_to_end
        seek()
        while True:
            for records in client.poll(timeout_ms=POLL_MS).values():
                yield from decoded(topic, records)


def events(bootstrap: str, topic: Topic, kind: type[E]) -> Iterator[E]:
    """The events of one type on a topic."""
    return (r.event for r in read_all(bootstrap, topic) if isinstance(r.event, kind))


def decoded(topic: Topic, records: Sequence[Any]) -> Iterator[Record]:
    """Consumer records as records with events, in order. A topic without contract gives no events."""
    found = _events(topic, records)
    by_index = dict(found.events)
    notes = {r.index: f"{r.reason} (field {r.field})" if r.field else r.reason for r in found.rejections}
    for index, record in enumerate(records):
        event = by_index.get(index)
        note = notes.get(index, "deleted" if record.value is None else "")
        if isinstance(event, DeadLetter):
            note = f"{event.stage} could not use it: {event.reason}" + (f" (field {event.field})" if event.field else "")
        arrived = from_micros(record.timestamp * 1000)
        yield Record(topic.name, record.partition, record.offset, arrived, record.key, record.value, event, note)


def _events(topic: Topic, records: Sequence[Any]) -> Decoded:
    if topic.events == (DeadLetter,):
        return _dead_letters(topic, records)
    return decode(topic, [r.value for r in records]) if topic.events else Decoded()


def _dead_letters(topic: Topic, records: Sequence[Any]) -> Decoded:
    """A dead letter keeps the original bytes as its value and says the rest in headers."""
    found = Decoded()
    for index, record in enumerate(records):
        try:
            found.events.append((index, decode_dead_letter(topic.name, record.key, record.value, list(record.headers))))
        except ValueError as exc:
            found.rejections.append(Rejection(index, f"not written by this platform: {exc}", ""))
    return found


@contextmanager
def _reader(bootstrap: str, topic: Topic) -> Iterator[KafkaConsumer]:
    """A consumer of every partition of the topic."""
    client = consumer(bootstrap, CLIENT_ID, None)
    try:
        partitions = client.partitions_for_topic(topic.name)
        if not partitions:
            raise UserError(f"the broker at {bootstrap} has no topic {topic.name}; create it: factorystream topics create")
        client.assign([TopicPartition(topic.name, number) for number in sorted(partitions)])
        yield client
    except KafkaError as exc:
        raise UserError(f"the broker at {bootstrap} stopped answering ({type(exc).__name__})") from exc
    finally:
        client.close()
