"""Golden payloads: what the contracts promise, byte by byte, and what an old promise means to the present models."""

import json
from typing import Any

from schemas.codec import decode, decode_dead_letter, encode, to_json
from schemas.topic import Topic


def fault_of(topic: Topic, payload: Any) -> str | None:
    """Why a golden payload is no event of the topic, or says something else after decoding; None when all is well.

    The golden payload of a dead-letter topic is a record: ``key``, ``headers`` and ``value`` as text.
    """
    if topic.name.endswith(".dlq"):
        return _dead_letter_fault(topic, payload)
    decoded = decode(topic, [canonical(payload)])
    if decoded.rejections:
        return f"{decoded.rejections[0].field or 'record'}: {decoded.rejections[0].reason}"
    again = json.loads(to_json(decoded.events[0][1]))
    lost = [name for name, value in payload.items() if not _extends(again.get(name), value)]
    return f"{', '.join(lost)} reads otherwise" if lost else None


def canonical(payload: Any) -> bytes:
    """A JSON value on one line, as :func:`schemas.codec.to_json` writes an event."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def _extends(new: Any, old: Any) -> bool:
    """Whether ``new`` says all that ``old`` says; it may say more, in fields that are new."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(name in new and _extends(new[name], value) for name, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_extends, new, old))
    return isinstance(new, bool) is isinstance(old, bool) and bool(new == old)


def _dead_letter_fault(topic: Topic, record: Any) -> str | None:
    headers = [(name, value.encode()) for name, value in record["headers"].items()]
    try:
        letter = decode_dead_letter(topic.name, record["key"].encode(), record["value"].encode(), headers)
    except ValueError as exc:
        return f"headers: {exc}"
    again = encode(letter)
    same = (again.key.decode(), again.value.decode(), again.headers) == (record["key"], record["value"], headers)
    return None if same else "the record reads otherwise"
