"""Second readers of the contracts, compiled from pydantic's own core schema of a type, so that nothing is declared twice.

msgspec parses and checks a record in C; the code that is written here (once per type, at its first use) makes the same
event of it that pydantic would. Pydantic stays the judge: what the compiled reader refuses or is unsure of is read
again by pydantic, which accepts it or says why not. So the compiled reader must never accept more, and where a part of a
contract can't be compiled to the letter, :class:`Unsupported` says so and pydantic reads that type alone.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import FunctionType
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, TypeAdapter

from schemas.instant import RFC3339, parse

Read = Callable[[bytes], Any]
Schema = Mapping[str, Any]

#: what a compiled reader raises for a record that it leaves to pydantic
UNSURE = (msgspec.MsgspecError, ValueError, AssertionError, RecursionError)
MOST_WORDS = 20_000  # texts of a pattern that are remembered as good; ids come again and again
LONGEST_WORD = 64
_SAFE_PATTERN = re.compile(r"\^(?:[A-Za-z0-9.,:_+?*{}()|\[\]-]|\\\.)+\$")  # means the same to both regular expression engines
_ANY: Any = Annotated  # types are built from values here, which is beyond a type checker
_LITERAL: Any = Literal
_LIST: Any = list
_DICT: Any = dict
_TUPLE: Any = tuple


class Unsupported(Exception):
    """A part of a contract that can't be compiled with exactly pydantic's meaning."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A type for msgspec, and an expression over ``{v}`` that makes the event's value of what msgspec read."""

    type: Any
    make: str = "{v}"

    def of(self, value: str) -> str:
        return self.make.format(v=value)


class _Compiler:
    """Compiles one core schema; ``names`` is what its generated code can name. ``plain``: no models are made."""

    def __init__(self, plain: bool = False) -> None:
        self._plain = plain
        self.names: dict[str, Any] = {"new": object.__new__, "moment": _moment, **_SLOTS}
        self._refs: dict[str, Schema] = {}

    def part(self, schema: Schema) -> _Part:
        """Raises Unsupported."""
        build = getattr(self, f"_{schema['type'].replace('-', '_')}", None)
        if build is None:
            raise Unsupported(f"{schema['type']} of {sorted(schema)}")
        part: _Part = build(schema)
        return part

    def name(self, value: Any) -> str:
        """A name of ``value`` in the generated code."""
        name = f"n{len(self.names)}"
        self.names[name] = value
        return name

    def function(self, argument: str, *lines: str) -> str:
        """Write a function of one argument and return its name."""
        name = f"n{len(self.names)}"
        body = "".join(f"\n    {line}" for line in lines)
        exec(f"def {name}({argument}):{body}", self.names)  # written from the contracts alone, never from a record
        return name

    def _definitions(self, schema: Schema) -> _Part:
        _only(schema, "schema", "definitions")
        self._refs.update((d["ref"], d) for d in schema["definitions"])
        return self.part(schema["schema"])

    def _definition_ref(self, schema: Schema) -> _Part:
        _only(schema, "schema_ref")
        return self.part(self._refs[schema["schema_ref"]])

    def _json_or_python(self, schema: Schema) -> _Part:
        _only(schema, "json_schema", "python_schema")
        return self.part(schema["json_schema"])

    def _function_after(self, schema: Schema) -> _Part:
        _only(schema, "function", "schema")
        if schema["function"]["type"] != "no-info":
            raise Unsupported("a validator that wants more than the value")
        function = schema["function"]["function"]
        if function is parse and schema["schema"].get("pattern") == RFC3339:
            return _Part(str, "moment({v})")
        inner = self.part(schema["schema"])
        return _Part(inner.type, f"{self.name(function)}({inner.make})")

    def _nullable(self, schema: Schema) -> _Part:
        _only(schema, "schema")
        inner = self.part(schema["schema"])
        make = inner.make if inner.make == "{v}" else f"(None if {{v}} is None else {inner.make})"
        return _Part(inner.type | None, make)

    def _literal(self, schema: Schema) -> _Part:
        _only(schema, "expected")
        words = schema["expected"]
        if all(type(word) is str for word in words):
            return _Part(_LITERAL[tuple(words)])
        if not all(isinstance(word, StrEnum) for word in words):
            raise Unsupported("a literal that is no text")
        return self._named({word.value: word for word in words})

    def _enum(self, schema: Schema) -> _Part:
        _only(schema, "cls", "members", "sub_type")
        if schema.get("sub_type") != "str":
            raise Unsupported("an enumeration of something else than texts")
        return _Part(schema["cls"])

    def _union(self, schema: Schema) -> _Part:
        """Of enumerations alone, no word of which is in two of them: then a word says which of them it is of."""
        _only(schema, "choices")
        choices = [self._refs[c["schema_ref"]] if c["type"] == "definition-ref" else c for c in schema["choices"]]
        if not all(c["type"] == "enum" and c.get("sub_type") == "str" for c in choices):
            raise Unsupported("a union of something else than enumerations of texts")
        words = [member for choice in choices for member in choice["members"]]
        if len({word.value for word in words}) < len(words):
            raise Unsupported("enumerations that share a word")
        return self._named({word.value: word for word in words})

    def _named(self, members: Mapping[str, StrEnum]) -> _Part:
        return _Part(_LITERAL[tuple(members)], f"{self.name(members)}[{{v}}]")

    def _bool(self, schema: Schema) -> _Part:
        _only(schema)
        return _Part(bool)

    def _int(self, schema: Schema) -> _Part:
        _only(schema, "ge", "gt", "le", "lt")
        return _bounded(int, schema)

    def _float(self, schema: Schema) -> _Part:
        _only(schema, "ge", "gt", "le", "lt")
        return _bounded(float, schema)

    def _str(self, schema: Schema) -> _Part:
        _only(schema, "pattern", "min_length", "max_length")
        part = _bounded(str, schema)
        if "pattern" not in schema:
            return part
        known, check = _words(schema["pattern"])
        return _Part(part.type, f"({{v}} if {{v}} in {self.name(known)} else {self.name(check)}({{v}}))")

    def _list(self, schema: Schema) -> _Part:
        _only(schema, "items_schema", "min_length", "max_length")
        item = self.part(schema["items_schema"])
        return _bounded(_LIST[item.type], schema, "{v}" if item.make == "{v}" else f"[{item.of('x')} for x in {{v}}]")

    def _tuple(self, schema: Schema) -> _Part:
        _only(schema, "items_schema")
        items = [self.part(item) for item in schema["items_schema"]]
        values = "".join(f"{item.of(f'x[{i}]')}, " for i, item in enumerate(items))
        return _Part(_TUPLE[tuple(item.type for item in items)], f"{self.function('x', f'return ({values})')}({{v}})")

    def _dict(self, schema: Schema) -> _Part:
        _only(schema, "keys_schema", "values_schema", "min_length", "max_length")
        _only(schema["keys_schema"], "pattern")
        values = self.part(schema["values_schema"])
        known, check = _words(schema["keys_schema"]["pattern"])
        lines = [f"if not {self.name(known)}.issuperset(d):", f"    for key in d: {self.name(check)}(key)"]
        result = "d" if values.make == "{v}" else f"{{k: {values.of('x')} for k, x in d.items()}}"
        return _bounded(_DICT[str, values.type], schema, f"{self.function('d', *lines, f'return {result}')}({{v}})")

    def _tagged_union(self, schema: Schema) -> _Part:
        _only(schema, "choices", "discriminator", "from_attributes")
        field = schema["discriminator"]
        if not isinstance(field, str):
            raise Unsupported("a union that is told apart by more than one field")
        choices = [self._tagged(choice, field, tag) for tag, choice in schema["choices"].items()]
        union = choices[0].type
        makers = {}
        for choice in choices:
            union = union | choice.type
            makers[choice.type] = self.names[self.function("s", f"return {choice.of('s')}")]
        return _Part(union, f"{self.name(makers)}[{{v}}.__class__]({{v}})")

    def _tagged(self, schema: Schema, field: str, tag: str) -> _Part:
        if schema["type"] == "definition-ref":
            return self._tagged(self._refs[schema["schema_ref"]], field, tag)
        if schema["type"] == "function-after":  # a rule across the fields of the model
            inner = self._tagged(schema["schema"], field, tag)
            _only(schema, "function", "schema")
            return _Part(inner.type, f"{self.name(schema['function']['function'])}({inner.make})")
        if schema["type"] != "model":
            raise Unsupported(f"a union with {schema['type']}")
        return self._model(schema, field, tag)

    def _model(self, schema: Schema, field: str | None = None, tag: str | None = None) -> _Part:
        _only(schema, "cls", "config", "schema", "custom_init", "root_model")
        _check_model(schema)
        members, parts = [], {}
        for name, member in schema["schema"]["fields"].items():
            inner = member["schema"]
            if name == field:
                _check_tag(inner, tag)
                parts[name] = _Part(str, repr(tag))
                continue
            default: tuple[Any, ...] = ()
            if inner["type"] == "default":
                _only(inner, "default", "schema")
                default, inner = (_default(inner["default"]),), inner["schema"]
            part = self.part(inner)
            members.append((name, part.type, *default))
            parts[name] = part
        cls = schema["cls"]
        struct = msgspec.defstruct(
            cls.__name__, members, kw_only=True, forbid_unknown_fields=True, gc=False, tag_field=field, tag=tag,
            namespace={**_manners(cls), **({field: tag} if field else {})} if self._plain else {},
        )  # fmt: skip # gc off: it lives for one event and holds no cycle
        return _Part(struct, self._finish(parts, field) if self._plain else self._build(cls, parts))

    def _build(self, cls: type[BaseModel], parts: Mapping[str, _Part]) -> str:
        """What makes a model of a struct, as pydantic does after validation."""
        values = ", ".join(f"{name!r}: {part.of(f's.{name}')}" for name, part in parts.items())
        make = self.function(
            "s",
            f"m = new({self.name(cls)})",
            f"put_dict(m, {{{values}}})",
            f"put_fields(m, {self.name(set(parts))})",
            "put_extra(m, None)",
            "put_private(m, None)",
            "return m",
        )
        return f"{make}({{v}})"

    def _finish(self, parts: Mapping[str, _Part], field: str | None) -> str:
        """What checks and converts in a struct what msgspec does not, in place."""
        lines = [f"s.{n} = {p.of(f's.{n}')}" for n, p in parts.items() if n != field and p.make != "{v}"]
        return f"{self.function('s', *lines, 'return s')}({{v}})" if lines else "{v}"


def compiled(adapter: TypeAdapter[Any], plain: bool = False) -> Read:
    """A reader of JSON records of the adapter's type: the event that pydantic would make, or one of UNSURE.

    It takes no record that pydantic refuses. Defaults count as given in ``model_fields_set``. With ``plain`` the event is an
    object of another class with the same fields, properties and methods, which is cheaper to make and to read; pydantic
    does not take it for a model. Raises Unsupported.
    """
    compiler = _Compiler(plain)
    part = compiler.part(adapter.core_schema)
    decode = compiler.names["decode"] = msgspec.json.Decoder(part.type).decode
    if part.make == "{v}":
        return decode
    read: Read = compiler.names[compiler.function("value", f"return {part.of('decode(value)')}" if _once(part) else _twice(part))]
    return read


def _once(part: _Part) -> bool:
    return part.make.count("{v}") == 1


def _twice(part: _Part) -> str:
    return f"s = decode(value); return {part.of('s')}"


def _only(schema: Schema, *known: str) -> None:
    """Refuse a schema that says something which this compiler doesn't know."""
    more = set(schema) - {"type", "ref", "metadata", "serialization", *known}
    if schema["type"] == "tagged-union":
        more.discard("strict")  # of the union itself; its members are models, which are strict by themselves
    if more:
        raise Unsupported(f"{schema['type']} with {sorted(more)}")


def _check_model(schema: Schema) -> None:
    config, fields = schema["config"], schema["schema"]
    strict = config.get("strict") is True and config.get("extra_fields_behavior") == "forbid"
    if not strict or config.get("allow_inf_nan") is not False or set(config) - _CONFIG:
        raise Unsupported(f"{schema['cls'].__name__} is not closed and strict, or has settings of its own")
    if schema["custom_init"] or schema["root_model"] or set(fields) - {"type", "fields", "model_name", "computed_fields"}:
        raise Unsupported(f"{schema['cls'].__name__} is made in a way of its own")
    if fields["computed_fields"] or any(set(f) - {"type", "schema", "metadata"} for f in fields["fields"].values()):
        raise Unsupported(f"{schema['cls'].__name__} has fields by another name or computed")


def _manners(cls: type[BaseModel]) -> dict[str, Any]:
    """What a model's class says beside its fields: its constants, properties and methods."""
    own: dict[str, Any] = {}
    for base in reversed([base for base in cls.__mro__ if issubclass(base, BaseModel) and base is not BaseModel]):
        own.update((n, a) for n, a in vars(base).items() if isinstance(a, str | FunctionType | property) and not n.startswith("_"))
    return {name: value for name, value in own.items() if name not in cls.model_fields}


def _check_tag(schema: Schema, tag: str | None) -> None:
    inner = schema["schema"] if schema["type"] == "default" else schema
    if inner["type"] != "literal" or list(inner["expected"]) != [tag]:
        raise Unsupported(f"a discriminator that is not the constant {tag}")


def _default(value: Any) -> Any:
    if isinstance(value, list) and value and all(type(item) is str for item in value):
        return msgspec.field(default_factory=lambda: [*value])
    if isinstance(value, list | dict):
        if value:
            raise Unsupported(f"the default {value!r}")
        return msgspec.field(default_factory=type(value))
    return value


def _bounded(kind: Any, schema: Schema, make: str = "{v}") -> _Part:
    bounds = {name: schema[name] for name in ("ge", "gt", "le", "lt", "min_length", "max_length") if name in schema}
    return _Part(_ANY[kind, msgspec.Meta(**bounds)] if bounds else kind, make)


def _words(pattern: str) -> tuple[set[str], Callable[[str], str]]:
    """Texts that are known to match, and a check that remembers short ones and raises ValueError for one that does not match."""
    inner = pattern[1:-1]
    if not _SAFE_PATTERN.fullmatch(pattern) or ("|" in inner and "(" not in inner):
        raise Unsupported(f"the pattern {pattern}")
    match, known = re.compile(f"(?:{inner})").fullmatch, set[str]()

    def check(text: str) -> str:
        if match(text) is None:
            raise ValueError("does not match")
        if len(text) <= LONGEST_WORD:
            if len(known) >= MOST_WORDS:
                known.clear()
            known.add(text)
        return text

    return known, check


_any_form = re.compile(RFC3339[1:-1]).fullmatch


def _moment(text: str) -> datetime:
    """What :func:`schemas.instant.parse` makes of a text of the form RFC3339; ValueError for any other text."""
    if (
        len(text) == 27 and text[26] == "Z" and text[19] == "." and text[13] == ":" and text[10] == "T" and text[7] == "-"
        and "1970" <= text < "9999"
    ):  # fmt: skip
        return datetime.fromisoformat(text)  # the form that this platform writes, in which text order is time order
    if _any_form(text) is None:
        raise ValueError("no time")
    return parse(text)


_CONFIG = {"title", "strict", "frozen", "extra_fields_behavior", "allow_inf_nan"}
_SLOTS = {
    "put_dict": BaseModel.__dict__["__dict__"].__set__,
    "put_fields": BaseModel.__dict__["__pydantic_fields_set__"].__set__,
    "put_extra": BaseModel.__dict__["__pydantic_extra__"].__set__,
    "put_private": BaseModel.__dict__["__pydantic_private__"].__set__,
}
