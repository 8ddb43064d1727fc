"""The hash chain: whatever is done to it is found, and anybody can recompute it."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.chain import GENESIS_HASH, BrokenChain, Head, canonical, entry_hash, follow, link, verify

names = st.text(max_size=6)
numbers = st.one_of(st.integers(-(2**53) + 1, 2**53 - 1), st.floats(allow_nan=False, allow_infinity=False))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, names),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=6,
)
bodies = st.dictionaries(names.filter(lambda n: n not in ("sequence", "hash", "previous_hash")), values, max_size=3)
chains = st.lists(bodies, min_size=1, max_size=6)

Entry = dict[str, Any]


def chained(contents: list[dict[str, Any]]) -> list[Entry]:
    head, entries = Head(), []
    for content in contents:
        entry = link({**content, "mark": len(entries)}, head)  # no two entries are the same
        head = follow(entry, head)
        entries.append(entry)
    return entries


@given(chains)
def test_a_chain_that_nobody_touched_holds(contents: list[dict[str, Any]]) -> None:
    entries = chained(contents)
    assert verify(entries) == Head(len(entries), entries[-1]["hash"])


@given(chains)
def test_it_holds_after_a_trip_through_json(contents: list[dict[str, Any]]) -> None:
    assert verify(json.loads(json.dumps(chained(contents)))).sequence == len(contents)


def drop(entries: list[Entry], at: int) -> list[Entry]:
    return entries[:at] + entries[at + 1 :]


def repeat(entries: list[Entry], at: int) -> list[Entry]:
    return entries[: at + 1] + entries[at:]


def swap(entries: list[Entry], at: int) -> list[Entry]:
    return [*entries[:at], entries[at + 1], entries[at], *entries[at + 2 :]]


@pytest.mark.parametrize("damage", [drop, repeat, swap])
@given(st.lists(bodies, min_size=2, max_size=6), st.data())
def test_a_dropped_repeated_or_swapped_entry_is_found(
    damage: Callable[[list[Entry], int], list[Entry]], contents: list[dict[str, Any]], data: st.DataObject
) -> None:
    entries = chained(contents)
    at = data.draw(st.integers(0, len(entries) - 2))
    with pytest.raises(BrokenChain) as found:
        verify(damage(entries, at))
    assert found.value.sequence <= at + 2


@given(chains, st.data())
def test_a_changed_value_is_found_where_it_is(contents: list[dict[str, Any]], data: st.DataObject) -> None:
    entries = chained(contents)
    at = data.draw(st.integers(0, len(entries) - 1))
    name = data.draw(st.sampled_from(sorted(entries[at])))
    other = data.draw(values.filter(lambda v: canonical(v) != canonical(entries[at][name])))
    with pytest.raises(BrokenChain) as found:
        verify([*entries[:at], {**entries[at], name: other}, *entries[at + 1 :]])
    assert found.value.sequence == at + 1


@given(chains, st.data())
def test_a_member_added_or_removed_is_found(contents: list[dict[str, Any]], data: st.DataObject) -> None:
    entries = chained(contents)
    at = data.draw(st.integers(0, len(entries) - 1))
    without = {k: v for k, v in entries[at].items() if k != "mark"}
    for changed in (without, {**entries[at], "added": None}):
        with pytest.raises(BrokenChain):
            verify([*entries[:at], changed, *entries[at + 1 :]])


@given(chains, bodies)
def test_rewriting_one_entry_with_a_right_hash_breaks_the_next(contents: list[dict[str, Any]], other: dict[str, Any]) -> None:
    entries = chained([*contents, {}])
    forged = link({**other, "forged": True}, Head())
    with pytest.raises(BrokenChain) as found:
        verify([forged, *entries[1:]])
    assert found.value.sequence == 2


@given(chains)
def test_a_chain_can_be_checked_from_any_head_on(contents: list[dict[str, Any]]) -> None:
    entries = chained(contents)
    for at in range(len(entries)):
        middle = verify(entries[:at])
        assert verify(entries[at:], middle) == verify(entries)


@given(values)
def test_canonical_is_json_and_the_same_for_equal_values(value: Any) -> None:
    text = canonical(value)
    assert canonical(json.loads(text)) == text
    assert json.loads(text, parse_int=float) == value  # to Python, as to RFC 8785, 1.0 is 1


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_keeps_its_value(number: float) -> None:
    assert float(canonical(number)) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [  # RFC 8785, appendix B
        (0.0, "0"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (-5e-324, "-5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740992.0, "9007199254740992"),
        (295147905179352830000.0, "295147905179352830000"),
        (9.999999999999997e22, "9.999999999999997e+22"),
        (1e23, "1e+23"),
        (1e21, "1e+21"),
        (999999999999999700000.0, "999999999999999700000"),
        (9.999999999999997e-7, "9.999999999999997e-7"),
        (0.000001, "0.000001"),
        (333333333.33333325, "333333333.33333325"),
        (1424953923781206.2, "1424953923781206.2"),
        (1.0, "1"),
        (0.5, "0.5"),
    ],
)
def test_numbers_are_written_as_rfc_8785_shows(number: float, text: str) -> None:
    assert canonical(number).decode() == text


def test_members_and_strings_are_written_as_rfc_8785_shows() -> None:
    # RFC 8785, 3.2.3: sorted by UTF-16 code units, so the emoji comes before U+FB33
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew",
        "1": "One",
        "\U0001f600": "Smiley",
        "\u0080": "Control",
    }
    assert list(json.loads(canonical(value))) == ["\r", "1", "\u0080", "\u20ac", "\U0001f600", "\ufb33"]
    assert canonical('\u20ac$\u000f\nA\'B"\\"/') == '"\u20ac$\\u000f\\nA\'B\\"\\\\\\"/"'.encode()


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 2**53 + 1, -(2**53) - 1, 10**400, "\ud800", {1: 2}, b"bytes", {"a": object()}]
)
def test_what_json_cannot_carry_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        canonical(value)


def test_the_rule_can_be_followed_by_hand() -> None:
    """The documentation of the chain, computed without the module."""
    first = link({"id": "a", "value": 1.0}, Head())
    text = '{"id":"a","previous_hash":"' + "0" * 64 + '","sequence":1,"value":1}'
    assert first["hash"] == hashlib.sha256(text.encode()).hexdigest()
    assert first["previous_hash"] == GENESIS_HASH == Head().hash
    second = link({"id": "b"}, Head(1, str(first["hash"])))
    assert second["hash"] == hashlib.sha256(f'{{"id":"b","previous_hash":"{first["hash"]}","sequence":2}}'.encode()).hexdigest()
    assert entry_hash(second) == second["hash"]
