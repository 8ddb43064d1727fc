"""What a change of a JSON Schema means for those who read the events. Pure.

Readers decode with closed models, so a change is judged from both ends: a record that was valid must stay valid and mean
the same (else the change is *breaking*), and a record that was not valid before is refused by a reader that has not been
upgraded (*readers first*: compatible if readers are upgraded before writers). A field that may leave the factory more
freely than before is breaking too: an approval was given for the old labels.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from schemas.label import DataClass, Export, PersonalInformation

Schema = dict[str, Any]


class Effect(StrEnum):
    """What a change asks of the readers."""

    BREAKING = "breaking"
    READERS_FIRST = "readers-first"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``path`` is ``window.start``, ``account[].order``, ``columns{}[]``, ``fact(energy).kind`` or empty."""

    path: str
    effect: Effect
    reason: str


def changes(old: Schema, new: Schema) -> list[Change]:
    """Every difference between two versions of an event's schema that matters to a reader or to the gate."""
    return list(_compare("", inline(old), inline(new)))


def inline(schema: Schema) -> Schema:
    """The schema with every reference replaced by its target. Raises ValueError for a model that contains itself."""
    inlined: Schema = _inline(schema, schema.get("$defs", {}), ())
    return inlined


def _inline(node: Any, models: Schema, inside: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_inline(part, models, inside) for part in node]
    if not isinstance(node, dict):
        return node
    rest = {key: _inline(value, models, inside) for key, value in node.items() if key not in ("$ref", "$defs")}
    if "$ref" not in node:
        return rest
    name = node["$ref"].rpartition("/")[2]
    if name in inside:
        raise ValueError(f"{name} contains itself: such a contract has no rules here")
    return {**_inline(models[name], models, (*inside, name)), **rest}


def _compare(path: str, old: Schema, new: Schema) -> Iterator[Change]:
    yield from _labels(path, old, new)
    if "default" in old and "default" in new and old["default"] != new["default"]:
        yield _breaking(path, f"the default was {old['default']!r} and is {new['default']!r}: what an absent field means changed")
    before, after = _alternatives(old), _alternatives(new)
    taken: list[Schema] = []
    for alternative in before:
        place = f"{path}({_tag(alternative)})" if "oneOf" in old else path
        match = _match(place, alternative, after)
        if match is None:
            yield _breaking(path, f"{_describe(alternative)} is no longer accepted")
        else:
            taken.append(match[0])
            yield from match[1]
    for alternative in after:
        if not any(alternative is t for t in taken):
            yield _readers_first(path, f"{_describe(alternative)} is accepted now")


def _match(path: str, old: Schema, candidates: list[Schema]) -> tuple[Schema, list[Change]] | None:
    """The candidate that takes the place of ``old`` with the least harm, and what changed."""
    found = [(c, list(_alternative(path, old, c))) for c in candidates if _comparable(old, c)]
    return min(found, key=lambda f: sum(change.effect is Effect.BREAKING for change in f[1]), default=None)


def _alternatives(schema: Schema) -> list[Schema]:
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return [inner for part in schema[word] for inner in _alternatives(part)]
    return [schema]


def _tag(schema: Schema) -> str | None:
    """The constant that tells a member of a union apart."""
    return next((str(p["const"]) for p in schema.get("properties", {}).values() if "const" in p), None)


def _comparable(old: Schema, new: Schema) -> bool:
    kinds = (old.get("type"), new.get("type"))
    tags = {_tag(old), _tag(new)} - {None}
    return (kinds[0] == kinds[1] or kinds == ("integer", "number")) and len(tags) < 2


def _alternative(path: str, old: Schema, new: Schema) -> Iterator[Change]:
    if old.get("type") != new.get("type"):
        yield _readers_first(path, f"{old['type']} became {new['type']}")
    yield from _words(path, old, new)
    for word, direction in _BOUNDS.items():
        yield from _bound(path, word, direction, old.get(word), new.get(word))
    for word in ("pattern", "format"):
        yield from _form(path, word, old.get(word), new.get(word))
    yield from _properties(path, old, new)
    yield from _parts(path, old, new)
    for word in sorted((old.keys() | new.keys()) - _KNOWN):
        if old.get(word) != new.get(word):
            yield _breaking(path, f"{word} changed, for which there is no rule")


def _words(path: str, old: Schema, new: Schema) -> Iterator[Change]:
    before, after = _allowed(old), _allowed(new)
    if after is None:
        if before is not None:
            yield _readers_first(path, "any value is accepted now")
        return
    if before is None:
        yield _breaking(path, f"only {_list(after)} is accepted now")
        return
    if gone := [w for w in before if w not in after]:
        yield _breaking(path, f"{_list(gone)} is no longer accepted")
    if added := [w for w in after if w not in before]:
        yield _readers_first(path, f"{_list(added)} is accepted now")


def _allowed(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _bound(path: str, word: str, direction: int, old: float | None, new: float | None) -> Iterator[Change]:
    """``direction`` is 1 for a lower bound and -1 for an upper one."""
    if old == new:
        return
    narrower = new is not None and (old is None or (new - old) * direction > 0)
    effect = _breaking if narrower else _readers_first
    yield effect(path, f"{word} was {_or_none(old)} and is {_or_none(new)}")


def _form(path: str, word: str, old: str | None, new: str | None) -> Iterator[Change]:
    if old == new:
        return
    effect = _readers_first if new is None else _breaking
    yield effect(path, f"{word} was {_or_none(old)} and is {_or_none(new)}")


def _properties(path: str, old: Schema, new: Schema) -> Iterator[Change]:
    before, after = old.get("properties", {}), new.get("properties", {})
    must_before, must_after = set(old.get("required", ())), set(new.get("required", ()))
    prefix = f"{path}." if path else ""
    added = [name for name in after if name not in before]
    for name, prop in before.items():
        if name in after:
            yield from _compare(f"{prefix}{name}", prop, after[name])
            if name in must_after and name not in must_before:
                yield _breaking(f"{prefix}{name}", "it became required")
            if name in must_before and name not in must_after:
                yield _readers_first(f"{prefix}{name}", "it became optional")
        else:
            renamed = next((a for a in added if _same(prop, after[a])), None)
            yield _breaking(f"{prefix}{name}", f"it was renamed to {renamed}" if renamed else "it was removed")
    for name in added:
        if name in must_after:
            yield _breaking(f"{prefix}{name}", "a required field was added")
        else:
            yield _readers_first(f"{prefix}{name}", "an optional field was added")
    if before and old.get("additionalProperties", True) and not new.get("additionalProperties", True):
        yield _breaking(path, "unknown fields are refused now")


def _parts(path: str, old: Schema, new: Schema) -> Iterator[Change]:
    """Members of arrays and values of maps."""
    if "items" in old or "items" in new:
        yield from _compare(f"{path}[]", old.get("items", {}), new.get("items", {}))
    before, after = old.get("prefixItems", []), new.get("prefixItems", [])
    if len(before) != len(after):
        yield _breaking(path, f"{len(before)} members in a fixed order became {len(after)}")
    for index, (one, other) in enumerate(zip(before, after, strict=False)):
        yield from _compare(f"{path}[{index}]", one, other)
    maps_before, maps_after = old.get("patternProperties", {}), new.get("patternProperties", {})
    for pattern, values in maps_before.items():
        if pattern in maps_after:
            yield from _compare(f"{path}{{}}", values, maps_after[pattern])
        else:
            yield _breaking(f"{path}{{}}", f"keys of the form {pattern} are no longer accepted")


def _labels(path: str, old: Schema, new: Schema) -> Iterator[Change]:
    unit = (old.get("x-unit"), new.get("x-unit"))
    if unit[0] is not None and unit[0] != unit[1]:
        yield _breaking(path, f"the unit was {unit[0]} and is {_or_none(unit[1])}")
    for word, order, missing in _LABELS:
        before, after = old.get(word, missing), new.get(word, missing)
        step = order.index(after) - order.index(before)
        if step > 0:
            yield _breaking(path, f"{word} was {before} and is {after}: the field may leave the factory more freely")
        elif step < 0:
            yield _readers_first(path, f"{word} was {before} and is {after}: customers may lose the field")


def _same(old: Schema, new: Schema) -> bool:
    words = ("description", "title")
    return {k: v for k, v in old.items() if k not in words} == {k: v for k, v in new.items() if k not in words}


def _describe(schema: Schema) -> str:
    tag = _tag(schema)
    return tag or _list(_allowed(schema) or [schema.get("type", "any value")])


def _list(words: Iterable[Any]) -> str:
    return ", ".join(str(w) for w in words)


def _or_none(value: Any) -> str:
    return "none" if value is None else str(value)


def _breaking(path: str, reason: str) -> Change:
    return Change(path, Effect.BREAKING, reason)


def _readers_first(path: str, reason: str) -> Change:
    return Change(path, Effect.READERS_FIRST, reason)


_BOUNDS = {
    "minimum": 1, "exclusiveMinimum": 1, "minLength": 1, "minItems": 1, "minProperties": 1,
    "maximum": -1, "exclusiveMaximum": -1, "maxLength": -1, "maxItems": -1, "maxProperties": -1,
}  # fmt: skip
#: keyword, its values from the strictest to the freest, and what a missing one means
_LABELS: tuple[tuple[str, list[str], str], ...] = (
    ("x-export", [e.value for e in Export], Export.DENY.value),
    ("x-class", [c.value for c in DataClass], DataClass.CORE.value),
    ("x-pi", [p.value for p in reversed(PersonalInformation)], PersonalInformation.SENSITIVE.value),
)
_KNOWN = {
    "$schema", "$id", "title", "description", "type", "const", "enum", "pattern", "format", "properties", "required", "default",
    "additionalProperties", "items", "prefixItems", "patternProperties", "anyOf", "oneOf",
    "x-unit", "x-export", "x-class", "x-pi", "x-category", *_BOUNDS,
}  # fmt: skip
