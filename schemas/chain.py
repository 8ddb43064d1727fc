"""The hash chain of what a customer received and of what the gate decided: a changed, dropped, added or swapped entry is found.

An entry is a JSON object with the members ``sequence``, ``previous_hash`` and ``hash`` and whatever else it says. The rule:

- ``sequence`` counts 1, 2, 3 ... without a gap;
- ``previous_hash`` is the ``hash`` of the entry before, and 64 zeros in the first entry;
- ``hash`` is the SHA-256 of the RFC 8785 form (JSON Canonicalization Scheme) of the entry without its member ``hash``,
  written as 64 lower-case hexadecimal digits.

So anyone recomputes a chain with a JSON parser, any RFC 8785 library and SHA-256; with this module it is ``verify(entries)``.
The RFC 8785 form of JSON: no spaces, members sorted by the UTF-16 code units of their names, strings with the fewest
escapes, numbers as ECMAScript writes a double, encoded in UTF-8.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

#: what a JSON parser returns: null, a boolean, a number, a string, an array or an object
Json = object

_quoted = json.JSONEncoder(ensure_ascii=False).encode  # escapes exactly what RFC 8785, 3.2.2.2 escapes

GENESIS_HASH = "0" * 64


class BrokenChain(ValueError):
    """The chain does not hold. ``sequence`` is the first place where it does not, ``reason`` one sentence about it."""

    def __init__(self, sequence: int, reason: str) -> None:
        super().__init__(f"sequence {sequence}: {reason}")
        self.sequence = sequence
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a chain. ``Head()`` is the head of an empty one."""

    sequence: int = 0
    hash: str = GENESIS_HASH


def canonical(value: Json) -> bytes:
    """The RFC 8785 form of a JSON value.

    Raises ValueError for what JSON can't carry faithfully: NaN, infinity, an integer that is no double, a lone surrogate, a
    member name that is no string, or a type that JSON does not have.
    """
    return _text(value).encode("utf-8")


def entry_hash(entry: Mapping[str, Json]) -> str:
    """The hash that belongs in ``entry["hash"]``; a ``hash`` already there is not looked at."""
    return hashlib.sha256(canonical({k: v for k, v in entry.items() if k != "hash"})).hexdigest()


def link(body: Mapping[str, Json], head: Head) -> dict[str, Json]:
    """The entry that says ``body`` and comes next after ``head``."""
    entry = {**body, "sequence": head.sequence + 1, "previous_hash": head.hash}
    return {**entry, "hash": entry_hash(entry)}


def follow(entry: Mapping[str, Json], head: Head) -> Head:
    """The head after ``entry``. Raises BrokenChain when the entry does not come next after ``head`` or was changed."""
    expected = head.sequence + 1
    sequence = entry.get("sequence")
    if type(sequence) is not int or sequence != expected:
        raise BrokenChain(expected, f"the next entry has sequence {sequence!r}")
    if entry.get("previous_hash") != head.hash:
        raise BrokenChain(expected, "previous_hash is not the hash of the entry before")
    try:
        computed = entry_hash(entry)
    except ValueError as exc:
        raise BrokenChain(expected, f"the entry has no canonical form: {exc}") from exc
    if entry.get("hash") != computed:
        raise BrokenChain(expected, "the hash is not that of the entry: it was changed after it was written")
    return Head(expected, computed)


def verify(entries: Iterable[Mapping[str, Json]], start: Head = Head()) -> Head:
    """Follow a chain from ``start`` to its end and return its head. Raises BrokenChain at the first entry that does not hold.

    The head must then be compared with one obtained elsewhere (``GET /v1/proof``, a signed reconciliation): a chain whose
    tail was cut off holds in itself.
    """
    head = start
    for entry in entries:
        head = follow(entry, head)
    return head


def _text(value: Json) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_text(v) for v in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_text(k)}:{_text(value[k])}" for k in sorted(value, key=_utf16)) + "}"
    raise ValueError(f"JSON has no {type(value).__name__}")


def _utf16(name: Json) -> bytes:
    if not isinstance(name, str):
        raise ValueError(f"a member name must be a string, not {name!r}")
    return name.encode("utf-16-be")


def _integer(value: int) -> str:
    """An integer as the double that it is to RFC 8785. Python reads a number without a point as an integer, whatever was meant."""
    text = str(int(value))
    if abs(value) >= 2**53 and (len(text) > 22 or _number(float(value)) != text):
        raise ValueError("an integer beyond 2**53 that another parser would read as another number")
    return text


def _number(value: float) -> str:
    """ECMAScript Number::toString (ECMA-262, 6.1.6.1.20): Python finds the same shortest digits and only writes them otherwise."""
    if not math.isfinite(value):
        raise ValueError(f"JSON has no {value}")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)  # where the decimal point stands in the digits
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    return sign + _layout(digits.rstrip("0"), point)


def _layout(digits: str, point: int) -> str:
    """``digits`` with the decimal point after the first ``point`` of them, as ECMAScript lays it out."""
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    exponent = point - 1
    tail = f".{digits[1:]}" if count > 1 else ""
    return f"{digits[0]}{tail}e{'+' if exponent > 0 else '-'}{abs(exponent)}"
