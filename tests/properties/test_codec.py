"""The codec takes any bytes without an exception and loses no valid event."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schema_values import payloads, times

from schemas.codec import Decoded, decode, decode_dead_letter, encode, encode_on, headers, to_json
from schemas.document_json_schema import event_types
from schemas.envelope import Event
from schemas.events.dead_letter import DeadLetter
from schemas.generate import load_examples
from schemas.golden import canonical
from schemas.instant import from_micros, parse, rfc3339, to_micros
from schemas.registry import SENSOR, TOPICS
from schemas.topic import MAX_RECORD_BYTES, Topic

EVENTS = [e for e in event_types() if e is not DeadLetter]
GOLDEN = {t.name: [canonical(p) for p in load_examples()[t.name].values()] for t in TOPICS}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=10), inner, max_size=4)
    ),
    max_leaves=10,
)


@st.composite
def nearly_events(draw: st.DrawFn, topic: Topic) -> bytes:
    """A golden payload with one thing wrong with it, or with nothing wrong."""
    golden = draw(st.sampled_from(GOLDEN[topic.name]))
    event: dict[str, Any] = json.loads(golden)
    name = draw(st.sampled_from(sorted(event)))
    kind = draw(st.sampled_from(["as it is", "cut", "flip", "without", "other", "more", "nested"]))
    if kind == "cut":
        return golden[: draw(st.integers(0, len(golden)))]
    if kind == "flip":
        at = draw(st.integers(0, len(golden) - 1))
        return golden[:at] + bytes([draw(st.integers(0, 255))]) + golden[at + 1 :]
    if kind == "without":
        del event[name]
    elif kind == "other":
        event[name] = draw(json_values)
    elif kind == "more":
        event[draw(st.text(st.characters(codec="utf-8")))] = draw(json_values)
    elif kind == "nested" and isinstance(event[name], dict):
        event[name] = {**event[name], draw(st.sampled_from([*event[name], "other"])): draw(json_values)}
    return json.dumps(event).encode()


def records(topic: Topic) -> st.SearchStrategy[list[bytes | None]]:
    other_json = json_values.map(lambda value: json.dumps(value).encode())
    return st.lists(st.none() | st.binary(max_size=60) | other_json | nearly_events(topic), max_size=8)


def indexes(decoded: Decoded) -> list[int]:
    return sorted([i for i, _ in decoded.events] + [r.index for r in decoded.rejections] + decoded.tombstones)


@given(data=st.data(), topic=st.sampled_from(TOPICS))
@settings(max_examples=200, deadline=None)
def test_any_bytes_end_in_exactly_one_class_and_never_in_an_exception(data: st.DataObject, topic: Topic) -> None:
    values = data.draw(records(topic))
    decoded = decode(topic, values)
    assert indexes(decoded) == list(range(len(values)))
    for rejection in decoded.rejections:  # each fits in a dead letter, however long the record
        assert dead_letter(topic, values[rejection.index], rejection.reason, rejection.field).reason == rejection.reason
    for _, event in decoded.events:  # each can be sent on
        again = decode(topic, [encode_on(topic, event).value])
        assert [e for _, e in again.events] == [event]
    if not topic.compacted:
        assert decoded.tombstones == []


def dead_letter(topic: Topic, original: bytes | None, reason: str, field: str) -> DeadLetter:
    return DeadLetter(
        id="1", event_time=from_micros(0), topic=topic.name, partition=0, offset=0, stage="test", reason=reason, field=field,
        dead_letter_topic=topic.dead_letter_name, original=original or b"",
    )  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.__name__)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_what_the_schema_allows_is_an_event_and_survives_the_round_trip(event: type[Event], data: st.DataObject) -> None:
    topic = next(t for t in TOPICS if event in t.events)
    payload = data.draw(payloads(event))
    decoded = decode(topic, [json.dumps(payload).encode()])
    assert decoded.rejections == []
    [(_, first)] = decoded.events
    assert type(first) is event
    value = to_json(first)
    [(_, second)] = decode(topic, [value]).events
    assert second == first
    assert to_json(second) == value
    assert topic.key_of(first)
    assert all(isinstance(content, bytes) for _, content in headers(first))


@given(
    original=st.binary(max_size=200),
    key=st.none() | st.binary(min_size=1, max_size=20),
    reason=st.text(st.characters(codec="utf-8"), max_size=500),
    place=st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1)),
    micros=st.integers(0, 4_000_000_000_000_000),
)
def test_a_dead_letter_survives_the_round_trip_byte_for_byte(
    original: bytes, key: bytes | None, reason: str, place: tuple[int, int], micros: int
) -> None:
    letter = DeadLetter(
        id="1", event_time=from_micros(micros), topic=SENSOR.name, partition=place[0], offset=place[1], stage="aggregate",
        reason=reason, dead_letter_topic=SENSOR.dead_letter_name, original_key=key, original=original,
    )  # fmt: skip
    record = encode(letter)
    assert record.value == original
    assert decode_dead_letter(record.topic, record.key, record.value, record.headers) == letter


@given(st.lists(st.tuples(st.text(max_size=8).map(lambda t: f"dlq_{t}"), st.binary(max_size=12)), max_size=8))
def test_headers_of_others_are_refused_as_such(record_headers: list[tuple[str, bytes]]) -> None:
    with pytest.raises(ValueError):
        decode_dead_letter("factory.sensor.v1.dlq", None, b"", record_headers)


@given(times())
def test_a_time_of_any_offset_and_precision_is_one_instant_in_one_form(text: str) -> None:
    moment = parse(text)
    written = rfc3339(moment)
    assert len(written) == len("2026-11-24T08:00:00.000000Z")
    assert parse(written) == moment
    assert from_micros(to_micros(moment)) == moment


@given(st.lists(st.integers(0, 250_000_000_000_000_000), max_size=5))
def test_text_order_is_time_order(micros: list[int]) -> None:
    assert [rfc3339(from_micros(m)) for m in sorted(micros)] == sorted(rfc3339(from_micros(m)) for m in micros)


HOSTILE = {
    "a time as a number in quotes, whose unit would be a guess": b'"event_time":"1764000000"',
    "a time before the year 1 in UTC": b'"event_time":"0001-01-01T00:00:00+08:00"',
    "a time past the last one": b'"event_time":"9999-12-31T23:59:59-08:00"',
    "a time without an offset": b'"event_time":"2026-11-24T08:00:00"',
    "a sequence that a JSON reader may round": b'"sequence":9007199254740992',
    "an integer of more digits than Python converts": b'"sequence":' + b"9" * 5_000,
    "half a surrogate pair": b'"source":"\\ud800"',
    "a number that is none": b'"sequence":NaN',
    "an unknown type of any length": b'"type":"' + b"x" * 100_000 + b'"',
    "a member name of any length": b'"' + b"x" * 100_000 + b'":1',
    "brackets without end": b'"times_us":' + b"[" * 100_000,
}


@pytest.mark.parametrize("member", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_record_is_a_rejection_that_fits_in_a_dead_letter(member: bytes) -> None:
    value = GOLDEN[SENSOR.name][0].removesuffix(b"}") + b"," + member + b"}"
    [rejection] = decode(SENSOR, [value]).rejections
    assert dead_letter(SENSOR, value, rejection.reason, rejection.field).original == value


def test_a_record_beyond_the_limit_is_refused_before_it_is_parsed() -> None:
    golden = GOLDEN[SENSOR.name][0]
    spaces = b" " * (MAX_RECORD_BYTES - len(golden))
    assert len(decode(SENSOR, [golden + spaces]).events) == 1
    [rejection] = decode(SENSOR, [golden + spaces + b" "]).rejections
    assert rejection.reason == f"record of {MAX_RECORD_BYTES + 1} bytes: at most {MAX_RECORD_BYTES}"


@pytest.mark.parametrize("topic", TOPICS, ids=lambda t: t.name)
def test_a_null_value_is_a_tombstone_on_compacted_topics_only(topic: Topic) -> None:
    decoded = decode(topic, [None])
    assert (len(decoded.tombstones), len(decoded.rejections)) == ((1, 0) if topic.compacted else (0, 1))
