"""The one codec: events to records and a batch of records to events and rejections. Bad data is an answer, never an exception."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, NamedTuple

from pydantic import Field, TypeAdapter, ValidationError

from schemas.compiled import UNSURE, Unsupported, compiled
from schemas.envelope import Event, SourceEvent
from schemas.events.dead_letter import MAX_FIELD, MAX_REASON, DeadLetter
from schemas.instant import rfc3339
from schemas.registry import topic_of
from schemas.topic import MAX_RECORD_BYTES, Topic

Headers = list[tuple[str, bytes]]


class Encoded(NamedTuple):
    """A record to send: the topic's name, key, value and CloudEvents binary-mode headers."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why the record at ``index`` of a batch is no event. ``field`` is a path such as ``columns.Xload.3``, empty for the whole."""

    index: int
    reason: str
    field: str


@dataclass(slots=True)
class Decoded:
    """A decoded batch: every index of the input is in exactly one of the three."""

    events: list[tuple[int, Event]] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    tombstones: list[int] = field(default_factory=list)


def decode(topic: Topic, values: Sequence[bytes | None], plain: bool = False) -> Decoded:
    """Decode record values of one topic. A null value is a tombstone on a compacted topic and a rejection elsewhere.

    A record is read by the compiled reader of the topic; what that one does not take, pydantic judges. With ``plain`` the
    events are cheaper objects that have what the models have, but are none (:func:`schemas.compiled.compiled`).
    """
    return _decode(topic, values, _reader(topic, plain))


def decode_by_pydantic(topic: Topic, values: Sequence[bytes | None]) -> Decoded:
    """What :func:`decode` gives, by pydantic alone: the judge, and the standard that the compiled readers are tested against."""
    return _decode(topic, values, _adapter(topic).validator.validate_json)


def _decode(topic: Topic, values: Sequence[bytes | None], read: Callable[[bytes], Any]) -> Decoded:
    out = Decoded()
    events = out.events
    for index, value in enumerate(values):
        if value is None:
            if topic.compacted:
                out.tombstones.append(index)
            else:
                out.rejections.append(Rejection(index, "null value: only compacted topics have tombstones", ""))
        elif len(value) > MAX_RECORD_BYTES:
            out.rejections.append(Rejection(index, f"record of {len(value)} bytes: at most {MAX_RECORD_BYTES}", ""))
        else:
            try:
                events.append((index, read(value)))
            except UNSURE:
                _judge(topic, index, value, out)
    return out


def _judge(topic: Topic, index: int, value: bytes, out: Decoded) -> None:
    """Pydantic has the last word, and gives the reason."""
    try:
        out.events.append((index, _adapter(topic).validator.validate_json(value)))
    except ValidationError as exc:
        out.rejections.append(_rejection(index, exc))
    except ValueError as exc:  # what the JSON parser itself refuses, such as broken UTF-8
        out.rejections.append(Rejection(index, f"not JSON: {exc}", ""))


def encode(event: Event) -> Encoded:
    """The record of an event. A dead letter keeps its original bytes as the value and says why in headers."""
    if isinstance(event, DeadLetter):
        return Encoded(event.dead_letter_topic, event.original_key or b"", event.original, _dead_letter_headers(event))
    topic = topic_of(type(event))
    return Encoded(topic.name, topic.key_of(event), to_json(event), headers(event))


def encode_on(topic: Topic, event: Event) -> Encoded:
    """The record of an event whose type lives on several topics (Heartbeat): the topic is said by the caller."""
    return Encoded(topic.name, topic.key_of(event), to_json(event), headers(event))


def to_json(event: Event) -> bytes:
    """The canonical JSON of an event: fields in declared order, defaults included, no spaces."""
    return _single(type(event)).serializer.to_json(event)


def headers(event: Event) -> Headers:
    """CloudEvents 1.0, Kafka protocol binding, binary mode."""
    out: Headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event.event_id.encode()),
        ("ce_source", event.event_source.encode()),
        ("ce_type", event.TYPE.encode()),
        ("ce_time", rfc3339(event.event_time).encode()),
        ("content-type", b"application/json"),
    ]
    if isinstance(event, SourceEvent):
        out.append(("ce_sequence", b"%020d" % event.sequence))
    return out


def decode_dead_letter(topic: str, key: bytes | None, value: bytes | None, record_headers: Headers) -> DeadLetter:
    """The dead letter in a record of a dead-letter topic. Raises ValueError when the headers are not ours."""
    text = {k.removeprefix("dlq_"): (v or b"").decode() for k, v in record_headers if k.startswith("dlq_")}
    body: dict[str, Any] = {
        **text,
        "type": DeadLetter.TYPE,
        "partition": int(text.get("partition", "-1")),
        "offset": int(text.get("offset", "-1")),
        "dead_letter_topic": topic,
        "original": value or b"",
        "original_key": key or None,  # no key travels as an empty one
    }
    return DeadLetter.model_validate(body, strict=False)


def _dead_letter_headers(event: DeadLetter) -> Headers:
    words = {
        "topic": event.topic,
        "partition": event.partition,
        "offset": event.offset,
        "stage": event.stage,
        "reason": event.reason,
        "field": event.field,
        "id": event.id,
        "event_time": rfc3339(event.event_time),
    }
    return [(f"dlq_{k}", str(v).encode()) for k, v in words.items()]


def _rejection(index: int, exc: ValidationError) -> Rejection:
    first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
    kinds = set(_tags(first["loc"]))
    path = ".".join(str(p) for p in first["loc"] if str(p) not in kinds)
    # both quote the record, which may be long, and must fit in a dead letter
    return Rejection(index, first["msg"][:MAX_REASON], path[:MAX_FIELD])


def _tags(location: tuple[int | str, ...]) -> list[str]:
    """The leading union tag (an event type such as ``factory.heartbeat.v1``) is no field."""
    return [str(location[0])] if location and str(location[0]).startswith("factory.") else []


_ANNOTATED: Any = Annotated  # a type that is built from values is beyond a type checker


@cache
def _adapter(topic: Topic) -> TypeAdapter[Any]:
    if len(topic.events) == 1:
        return _single(topic.events[0])
    union = reduce(or_, topic.events)
    return TypeAdapter(_ANNOTATED[union, Field(discriminator="type")])


@cache
def _reader(topic: Topic, plain: bool) -> Callable[[bytes], Any]:
    adapter = _adapter(topic)
    try:
        return compiled(adapter, plain)
    except Unsupported:
        return adapter.validator.validate_json


@cache
def _single(event: type[Event]) -> TypeAdapter[Any]:
    return TypeAdapter(event)
