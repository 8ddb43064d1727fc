"""Batch oracle for factory.loss-model.v1: which time element a state, mode, order and reason come to."""

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]
PRODUCTION, SET_UP, BREAKDOWN, MINOR_STOP = "production", "set-up", "breakdown", "minor stop"
DELAY, NO_ORDER, UNKNOWN = "delay", "no order", "unknown"

#: what holds where a line has no model, and for what a model says nothing about
DEFAULT_RULES: list[Record] = [
    {"states": ["ACTIVE", "Execute"], "element": PRODUCTION},
    {"on_order": False, "element": NO_ORDER},
    {"element": DELAY},
]


def threshold(model: Record | None, name: str) -> int:
    """A threshold of a model in microseconds; 0 without a model."""
    return 0 if model is None else int(model.get(name, 0))


def ruled(model: Record | None, state: str, mode: str | None, order: str | None, reason: str | None) -> str:
    """The element that the first rule that holds names."""
    own = [] if model is None else model["rules"]
    return str(next(r["element"] for r in (*own, *DEFAULT_RULES) if _holds(r, state, mode, order, reason)))


def _holds(rule: Record, state: str, mode: str | None, order: str | None, reason: str | None) -> bool:
    asked = ((rule.get("states"), state), (rule.get("modes"), mode), (rule.get("reasons"), reason))
    if any(words is not None and word not in words for words, word in asked):
        return False
    on_order = rule.get("on_order")
    return on_order is None or on_order is (order is not None)
