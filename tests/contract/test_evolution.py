"""The rules of compatibility, each on a contract of a few fields."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from schemas.document_json_schema import Schema, event_types, json_schema, tidy
from schemas.evolution import Change, Effect, changes, inline
from schemas.label import DataClass, Export, Label, PersonalInformation

BREAKING, READERS_FIRST = Effect.BREAKING, Effect.READERS_FIRST


def contract(**fields: Any) -> Schema:
    """The schema of a closed model with these fields; ``(type, default)`` for an optional one."""
    annotations = {name: f[0] if isinstance(f, tuple) else f for name, f in fields.items()}
    defaults = {name: f[1] for name, f in fields.items() if isinstance(f, tuple)}
    model = type("Thing", (BaseModel,), {"__annotations__": annotations, "model_config": ConfigDict(extra="forbid"), **defaults})
    schema: Schema = tidy(TypeAdapter(model).json_schema())
    return schema


def effects(old: Schema, new: Schema) -> list[tuple[str, Effect]]:
    return [(c.path, c.effect) for c in changes(old, new)]


def one(old: Any, new: Any) -> Change:
    """The single change between contracts whose one field ``x`` is of these types."""
    [change] = changes(contract(x=old), contract(x=new))
    return change


@pytest.mark.parametrize("event", event_types(), ids=lambda e: e.__name__)
def test_a_contract_is_compatible_with_itself(event: Any) -> None:
    assert changes(json_schema(event), json_schema(event)) == []


# fields


def test_an_optional_field_may_be_added_once_readers_know_it() -> None:
    assert effects(contract(a=int), contract(a=int, b=(int, 0))) == [("b", READERS_FIRST)]


def test_a_required_field_may_not_be_added() -> None:
    assert effects(contract(a=int), contract(a=int, b=int)) == [("b", BREAKING)]


def test_a_field_may_not_be_removed() -> None:
    assert changes(contract(a=int, b=(int, 0)), contract(a=int)) == [Change("b", BREAKING, "it was removed")]


def test_a_renamed_field_is_recognised() -> None:
    found = changes(contract(speed=float), contract(velocity=float))
    assert Change("speed", BREAKING, "it was renamed to velocity") in found
    assert Change("velocity", BREAKING, "a required field was added") in found


def test_a_field_may_not_become_required_but_may_become_optional() -> None:
    assert effects(contract(a=(int, 0)), contract(a=int)) == [("a", BREAKING)]
    assert effects(contract(a=int), contract(a=(int, 0))) == [("a", READERS_FIRST)]


def test_another_default_changes_what_an_absent_field_means() -> None:
    assert effects(contract(a=(int, 0)), contract(a=(int, 1))) == [("a", BREAKING)]


def test_a_field_deep_inside_is_found() -> None:
    class Inner(BaseModel):
        old: int = 0

    class Other(BaseModel):
        pass

    assert effects(contract(a=list[Inner]), contract(a=list[Other])) == [("a[].old", BREAKING)]
    assert effects(contract(a=Inner | None), contract(a=Other | None)) == [("a.old", BREAKING)]


# types and values


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (int, float),
        (int, int | None),
        (Literal["a", "b"], Literal["a", "b", "c"]),
        (Literal["a", "b"], str),
        (Annotated[int, Field(ge=1)], Annotated[int, Field(ge=0)]),
        (Annotated[int, Field(le=1)], int),
        (Annotated[str, Field(max_length=5)], Annotated[str, Field(max_length=9)]),
        (Annotated[str, Field(pattern="^a$")], str),
        (Annotated[list[int], Field(max_length=5)], Annotated[list[int], Field(max_length=6)]),
    ],
    ids=str,
)
def test_widening_asks_readers_to_go_first_and_narrowing_breaks(old: Any, new: Any) -> None:
    assert one(old, new).effect is READERS_FIRST
    assert BREAKING in {c.effect for c in changes(contract(x=new), contract(x=old))}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (int, str),
        (float, int),
        (str | None, str),
        (str, Literal["a"]),
        (int, Annotated[int, Field(ge=0)]),
        (int, Annotated[int, Field(gt=0)]),
        (str, Annotated[str, Field(pattern="^a$")]),
        (Annotated[str, Field(pattern="^a$")], Annotated[str, Field(pattern="^b$")]),
        (list[int], list[str]),
        (list[int], Annotated[list[int], Field(min_length=1)]),
        (dict[Annotated[str, Field(pattern="^a")], int], dict[Annotated[str, Field(pattern="^b")], int]),
        (dict[Annotated[str, Field(pattern="^a")], float], dict[Annotated[str, Field(pattern="^a")], int]),
        (tuple[int, int], tuple[int, int, int]),
        (tuple[int, int], tuple[int, str]),
    ],
    ids=str,
)
def test_what_was_valid_must_stay_valid(old: Any, new: Any) -> None:
    assert BREAKING in {c.effect for c in changes(contract(x=old), contract(x=new))}


def test_a_word_that_goes_is_named_and_one_that_comes_too() -> None:
    class Old(StrEnum):
        A = "a"
        B = "b"

    class New(StrEnum):
        B = "b"
        C = "c"

    assert changes(contract(x=Old), contract(x=New)) == [
        Change("x", BREAKING, "a is no longer accepted"),
        Change("x", READERS_FIRST, "c is accepted now"),
    ]


def test_a_constant_may_become_one_word_of_several() -> None:
    found = changes(contract(x=Literal["a"]), contract(x=Literal["a", "b"]))
    assert {c.effect for c in found} == {READERS_FIRST}


def test_a_bound_that_moved_is_told_with_both_values() -> None:
    change = one(Annotated[int, Field(ge=0)], Annotated[int, Field(ge=5)])
    assert change == Change("x", BREAKING, "minimum was 0 and is 5")


# unions


class Square(BaseModel):
    kind: Literal["square"] = "square"
    side: float


class WideSquare(BaseModel):
    kind: Literal["square"] = "square"
    side: int


class Circle(BaseModel):
    kind: Literal["circle"] = "circle"
    radius: float


def shape(*members: Any) -> Any:
    union = members[0]
    for member in members[1:]:
        union = union | member
    return Annotated[union, Field(discriminator="kind")]


def test_a_member_of_a_union_may_be_added_but_not_removed() -> None:
    added = changes(contract(x=Square), contract(x=shape(Square, Circle)))
    assert added == [Change("x", READERS_FIRST, "circle is accepted now")]
    removed = changes(contract(x=shape(Square, Circle)), contract(x=Square))
    assert removed == [Change("x", BREAKING, "circle is no longer accepted")]


def test_a_change_inside_a_member_of_a_union_is_found_there() -> None:
    found = effects(contract(x=shape(Square, Circle)), contract(x=shape(WideSquare, Circle)))
    assert found == [("x(square).side", BREAKING), ("x(square).side", READERS_FIRST)]


# labels


def labelled(**words: Any) -> Any:
    return Annotated[float, Label("Value", **words)]


def test_another_unit_is_another_meaning() -> None:
    change = one(labelled(unit="s"), labelled(unit="ms"))
    assert change == Change("x", BREAKING, "the unit was s and is ms")
    assert one(labelled(unit="s"), labelled()).effect is BREAKING


def test_a_unit_that_was_only_left_out_may_be_named() -> None:
    assert changes(contract(x=labelled()), contract(x=labelled(unit="s"))) == []


@pytest.mark.parametrize(
    ("strict", "free"),
    [
        ({"export": Export.DENY}, {"export": Export.ALLOW}),
        ({"export": Export.DENY}, {"export": Export.AGGREGATE}),
        ({"export": Export.AGGREGATE}, {"export": Export.MASK}),
        ({"classified": DataClass.IMPORTANT}, {"classified": DataClass.GENERAL_1}),
        ({"classified": DataClass.GENERAL_1}, {"classified": DataClass.GENERAL_2}),
        ({"pi": PersonalInformation.PI}, {"pi": PersonalInformation.NONE}),
        ({"pi": PersonalInformation.SENSITIVE}, {"pi": PersonalInformation.PI}),
    ],
    ids=str,
)
def test_a_freer_label_needs_a_new_approval_and_a_stricter_one_takes_a_field_from_customers(strict: Any, free: Any) -> None:
    assert one(labelled(**strict), labelled(**free)).effect is BREAKING
    assert one(labelled(**free), labelled(**strict)).effect is READERS_FIRST


def test_a_label_where_there_was_none_is_freer_because_none_means_deny() -> None:
    found = changes(contract(x=float), contract(x=labelled(export=Export.ALLOW)))
    assert {c.effect for c in found} == {BREAKING}
    assert any("x-export was deny and is allow" in c.reason for c in found)


def test_words_for_people_may_change() -> None:
    assert changes(contract(x=Annotated[int, Label("Old text")]), contract(x=Annotated[int, Label("New text")])) == []


# the unforeseen


def test_a_keyword_without_a_rule_is_breaking() -> None:
    schema = contract(x=int)
    odd = {**schema, "properties": {"x": {**schema["properties"]["x"], "multipleOf": 5}}}
    assert changes(schema, odd) == [Change("x", BREAKING, "multipleOf changed, for which there is no rule")]


def test_a_model_that_is_closed_later_breaks() -> None:
    class Open(BaseModel):
        a: int = 0

    closed = contract(a=(int, 0))
    assert ("", BREAKING) in effects(tidy(TypeAdapter(Open).json_schema()), closed)


def test_a_model_that_contains_itself_is_refused() -> None:
    node = {"properties": {"next": {"$ref": "#/$defs/Node"}}, "type": "object", "required": []}
    with pytest.raises(ValueError, match="Node contains itself"):
        inline({"$ref": "#/$defs/Node", "$defs": {"Node": node}})
