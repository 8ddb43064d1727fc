"""The compiled reader and pydantic agree on every record: the same events, the same rejections with the same reasons."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter
from schema_values import payloads

from schemas import codec
from schemas.codec import decode, decode_by_pydantic, to_json
from schemas.compiled import UNSURE, Unsupported, compiled
from schemas.envelope import Closed, Event
from schemas.events.sensor_frame import SensorFrame
from schemas.generate import load_examples
from schemas.golden import canonical
from schemas.registry import MACHINE, SENSOR, TOPICS
from schemas.topic import Topic

GOLDEN = {t.name: [canonical(p) for p in load_examples()[t.name].values()] for t in TOPICS}
#: texts that stand in the place of a value and make two JSON readers differ, if anything does
TOKENS = [
    "0", "-0", "-0.0", "1.0", "1.5", "1e2", "1E400", "-1e-400", "1e100", "1.0000000000000000001", "01", "1.", ".5", "+1",
    "0x1", "1_0",
    "9007199254740991", "9007199254740992", "9223372036854775808", "18446744073709551616", "-9223372036854775809", "9" * 30,
    "9" * 400,
    "9" * 5000, "2.5e-324", "1e23", "123456789012345678901234567890.5", "NaN", "Infinity", "-Infinity", "null", "true",
    "false", "True",
    '"1"', '"1.0"', '""', '" "', '"a\\u0000b"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\u0061"', '"a\\n"', '"a\n"', '"\t"', '"\\x"',
    '"2026-11-24T08:00:00Z"', '"2026-11-24t08:00:00.000000Z"', '"2026-11-24T08:00:00.000000z"', '"2026-11-24 08:00:00.000000Z"',
    '"2026-11-24T08:00:00,000000Z"', '"2026-11-24T08:00:00.1234567Z"', '"2026-11-24T08:00:00.999999999Z"',
    '"2026-11-24T08:00:00"',
    '"2026-11-24T08:00:60.000000Z"', '"2026-11-24T24:00:00.000000Z"', '"2026-W48-2T08:00:00.0000000Z"',
    '"20261124T080000.0000000000Z"',
    '"2026-02-30T08:00:00.000000Z"', '"1969-12-31T23:59:59.999999Z"', '"1970-01-01T00:00:00.000000Z"',
    '"9999-01-01T00:00:00.000000Z"',
    '"9998-12-31T23:59:59.999999Z"', '"2026-11-24T08:00:00.000000+00:00"', '"2026-11-24T08:00:00+08:00"',
    '"2026-11-24T08:00:00-00:00"',
    '"0001-01-01T00:00:00+08:00"', '"1970-01-01T00:00:00+08:00"', '"2026-11-24T08:00:00+24:00"', '"2026-11-24T08:00:00+0800"',
    '"2026-11-24T08:00:00.000000Z\\n"', '"\\u0662026-11-24T08:00:00.00000Z"', '"1764000000"', "1764000000",
    '"mazak-1\\n"', '"mazak-1\\u0000"', '"m\\u00e4zak"', '"' + "a" * 63 + '"', '"' + "a" * 64 + '"',
    '"' + "\U0001f600" * 500 + '"',
    "[]", "[[]]", "[null]", "[1, null]", "[1.5]", "[true]", "{}", '{"a":[1]}', '{"a":1,"a":2}', "[" * 2000, '{"a":' * 2000,
]  # fmt: skip


def seen(decoded: codec.Decoded) -> Any:
    """Everything that can be told of a decoded batch, down to the sign of zero and the classes inside."""
    return (
        [(i, type(e), e, repr(e), to_json(e)) for i, e in decoded.events],
        [(r.index, r.reason, r.field) for r in decoded.rejections],
        decoded.tombstones,
    )


def same(topic: Topic, values: list[bytes | None]) -> None:
    judged = decode_by_pydantic(topic, values)
    assert seen(decode(topic, values)) == seen(judged)
    plain = decode(topic, values, plain=True)
    assert (plain.rejections, plain.tombstones) == (judged.rejections, judged.tombstones)
    for (index, event), (wanted_index, wanted) in zip(plain.events, judged.events, strict=True):
        assert index == wanted_index
        assert_says_the_same(event, wanted)


def assert_says_the_same(plain: Any, wanted: Any) -> None:
    """Every field, down to the class of each value, and every property and constant that is open to all."""
    if isinstance(wanted, BaseModel):
        for name in [n for n in dir(type(wanted)) if not n.startswith("_") and not hasattr(BaseModel, n)] + list(
            type(wanted).model_fields
        ):
            value = getattr(wanted, name)
            if callable(value):
                assert _as_list(getattr(plain, name)()) == _as_list(value())
            else:
                assert_says_the_same(getattr(plain, name), value)
    elif isinstance(wanted, list | tuple):
        assert type(plain) is type(wanted) and len(plain) == len(wanted)
        for one, other in zip(plain, wanted, strict=True):
            assert_says_the_same(one, other)
    elif isinstance(wanted, dict):
        assert list(plain) == list(wanted)
        for name, value in wanted.items():
            assert_says_the_same(plain[name], value)
    else:
        assert type(plain) is type(wanted) and repr(plain) == repr(wanted)


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, Iterator) else value


@st.composite
def changed(draw: st.DrawFn, topic: Topic) -> bytes:
    """An event of the topic as text, with tokens, members or bytes exchanged."""
    event = draw(st.sampled_from(topic.events))
    payload = draw(st.sampled_from([json.loads(g) for g in GOLDEN[topic.name]]) | payloads(event))
    text = json.dumps(payload, ensure_ascii=draw(st.booleans()))
    for _ in range(draw(st.integers(0, 2))):
        text = draw(st.sampled_from([_other_token, _twice, _without, _more, _spaced]))(draw, text)
    raw = text.encode()
    if draw(st.booleans()):
        for _ in range(draw(st.integers(1, 2))):
            at = draw(st.integers(0, len(raw) - 1))
            raw = raw[:at] + draw(st.binary(max_size=2)) + raw[at + draw(st.integers(0, 2)) :]
    return raw


def _values(text: str) -> list[tuple[int, int]]:
    """Where the values of a JSON text stand, those of members and those inside arrays."""
    found, decoder = [], json.JSONDecoder()
    for at, sign in enumerate(text):
        if sign in ":[,{":
            begin = at + 1 + (text[at + 1 : at + 2] == " ")
            try:
                _, end = decoder.raw_decode(text, begin)
            except (ValueError, RecursionError):
                continue
            found.append((begin, end))
    return found


def _other_token(draw: st.DrawFn, text: str) -> str:
    places = _values(text)
    if not places:
        return text
    begin, end = draw(st.sampled_from(places))
    return text[:begin] + draw(st.sampled_from(TOKENS)) + text[end:]


def _twice(draw: st.DrawFn, text: str) -> str:
    """A member that is there two times, with its own value or another."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(event, dict) or not event:
        return text
    name = draw(st.sampled_from(sorted(event)))
    value = draw(
        st.just(json.dumps(event[name]))
        | st.sampled_from(TOKENS)
        | st.just(json.dumps(draw(st.sampled_from(list(event.values())))))
    )
    member = f"{json.dumps(name)}:{value}"
    return f"{{{member},{text[1:]}" if draw(st.booleans()) else f"{text[:-1]},{member}}}"


def _without(draw: st.DrawFn, text: str) -> str:
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(event, dict) or not event:
        return text
    del event[draw(st.sampled_from(sorted(event)))]
    return json.dumps(event)


def _more(draw: st.DrawFn, text: str) -> str:
    return text[:-1] + f",{draw(st.sampled_from(['x', 'Type', '', '__dict__']))!r}:1}}".replace("'", '"')


def _spaced(draw: st.DrawFn, text: str) -> str:
    return draw(st.sampled_from([" ", "\n", "\ufeff", "\x00", "{}", "//"])).join(draw(st.sampled_from([("", text), (text, "")])))


@given(data=st.data(), topic=st.sampled_from(TOPICS))
@settings(max_examples=150, deadline=None)
def test_whatever_the_bytes_are_both_say_the_same(data: st.DataObject, topic: Topic) -> None:
    same(topic, data.draw(st.lists(changed(topic), min_size=1, max_size=3)))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda t: t.name)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_what_the_schema_allows_is_the_same_event(topic: Topic, data: st.DataObject) -> None:
    event = data.draw(st.sampled_from(topic.events))
    same(topic, [json.dumps(data.draw(payloads(event))).encode()])


@pytest.mark.parametrize("topic", TOPICS, ids=lambda t: t.name)
def test_every_token_in_the_place_of_every_value(topic: Topic) -> None:
    for golden in GOLDEN[topic.name]:
        text = golden.decode()
        same(topic, [(text[:b] + token + text[e:]).encode() for b, e in _values(text) for token in TOKENS])


@pytest.mark.parametrize("topic", TOPICS, ids=lambda t: t.name)
def test_a_record_cut_at_any_byte_or_with_any_byte_gone(topic: Topic) -> None:
    for golden in GOLDEN[topic.name]:
        same(topic, [golden[:at] for at in range(len(golden))])
        same(topic, [golden[:at] + golden[at + 1 :] for at in range(len(golden))])
        same(topic, [golden[:at] + b"\xff" + golden[at + 1 :] for at in range(len(golden))])


@pytest.mark.parametrize("topic", TOPICS, ids=lambda t: t.name)
def test_every_topic_has_a_compiled_reader_that_takes_its_golden_payloads(topic: Topic) -> None:
    read = compiled(codec._adapter(topic))
    assert [to_json(read(golden)) for golden in GOLDEN[topic.name]] == [
        to_json(e) for _, e in decode(topic, GOLDEN[topic.name]).events
    ]


def frame(times: list[int], columns: str) -> bytes:
    head = b'{"event_time":"2026-11-24T08:00:00.000000Z","source":"lab","asset":"m","sequence":1,"type":"factory.sensor-frame.v1",'
    return head + f'"times_us":{json.dumps(times)},"columns":{columns}}}'.encode()


def test_a_rule_across_fields_refuses_with_its_own_words() -> None:
    values: list[bytes | None] = [frame([0, 1], '{"a":[1]}'), frame([1, 0], '{"a":[1,2]}'), frame([0, 1], '{"a":[1,2]}')]
    same(SENSOR, values)
    assert [r.reason for r in decode(SENSOR, values).rejections] == [
        "Value error, columns.a has 1 values for 2 times",
        "Value error, times_us must not fall",
    ]


def test_bounds_on_the_number_of_channels_count_what_is_left_of_repeated_ones() -> None:
    for count, repeats in ((500, 0), (501, 0), (500, 1), (1, 600)):
        members = [f'"c{i}":[1]' for i in range(count)] + ['"c0":[2]'] * repeats
        same(SENSOR, [frame([0], f"{{{','.join(members)}}}")])


def test_events_do_not_share_what_can_be_changed() -> None:
    raw = (
        b'{"event_time":"2026-11-24T08:00:00Z","source":"lab","asset":"m","sequence":1,'
        b'"type":"factory.machine-event.v1","fact":{"kind":"produced","produced":1}}'
    )
    [(_, first), (_, second)] = decode(MACHINE, [raw, raw]).events
    first.fact.units.append("u-1")  # type: ignore[attr-defined]
    assert second.fact.units == []  # type: ignore[attr-defined]
    assert first.model_copy(update={"sequence": 2}).sequence == 2
    assert (second.sequence, second.model_extra) == (1, None)


def test_many_texts_of_a_pattern_are_not_remembered_for_ever() -> None:
    read = compiled(TypeAdapter(SensorFrame))
    for number in range(45_000):
        raw = frame([0], f'{{"c{number}":[1]}}')
        assert list(read(raw).columns) == [f"c{number}"]


class Free(BaseModel):
    model_config = ConfigDict(extra="ignore")
    a: int


class Odd(Closed):
    a: Annotated[int, Field(multiple_of=2)]


class Aliased(Closed):
    a: int = Field(alias="b")


class Worded(Closed):
    a: Annotated[str, Field(pattern=r"^\d+$")]


class Split(Closed):
    a: Annotated[str, Field(pattern=r"^a|b$")]


class Moment(Closed):
    a: datetime


class Numbered(Closed):
    a: Literal[1]


class Either(Closed):
    a: int | str


class Private(Closed):
    a: Annotated[str, Field(strict=False)]


class Filled(Closed):
    a: list[int] = [1]


@pytest.mark.parametrize("model", [Free, Odd, Aliased, Worded, Split, Moment, Numbered, Either, Private, Filled])
def test_what_can_not_be_compiled_to_the_letter_is_left_to_pydantic(model: type[BaseModel]) -> None:
    with pytest.raises(Unsupported):
        compiled(TypeAdapter(model))


class Even(Event):
    """An event type of which pydantic alone knows the rule."""

    TYPE = "test.even.v1"
    n: Annotated[int, Field(multiple_of=2)]


class Halved(Closed):
    a: Annotated[int, AfterValidator(lambda n: n // 2)]


def test_a_topic_without_a_compiled_reader_is_read_by_pydantic() -> None:
    topic = Topic("test.even.v1", "a test", (Even,), "n", 1, (), ())
    values = [b'{"event_time":"2026-11-24T08:00:00Z","n":%d}' % n for n in (1, 2)]
    decoded = decode(topic, values)
    assert [i for i, _ in decoded.events] == [1]
    assert [(r.index, r.field) for r in decoded.rejections] == [(0, "n")]


def test_a_validator_of_a_field_is_run() -> None:
    assert compiled(TypeAdapter(Halved))(b'{"a":9}') == Halved.model_validate_json('{"a":9}')


@given(st.integers() | st.floats() | st.text() | st.booleans() | st.none())
@example(2**53 - 1)
@example(2**53)
@example(10**400)
def test_a_sequence_is_an_integer_of_its_range_or_nothing(value: Any) -> None:
    raw = json.dumps({"event_time": "2026-11-24T08:00:00.000000Z", "source": "s", "asset": "m", "sequence": value}).encode()
    adapter: TypeAdapter[Any] = TypeAdapter(codec.SourceEvent)
    try:
        taken = compiled(adapter)(raw).sequence
    except UNSURE:
        taken = None
    assert taken == (value if type(value) is int and 1 <= value < 2**53 else None)
