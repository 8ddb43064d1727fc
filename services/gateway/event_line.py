"""Events as JSON lines, as the simulator writes them: a contract without source and sequence number, which the gateway gives."""

import json
from dataclasses import dataclass
from typing import Any

from schemas.envelope import ReferenceEvent, SourceEvent
from schemas.registry import TOPICS
from services.gateway.draft import Draft
from services.gateway.feed import Reject
from services.gateway.observation import parse_instant

HEARTBEAT = "factory.heartbeat.v1"
#: event types that may come from outside, with the topic of each
TOPIC_OF = {
    event.TYPE: topic
    for topic in TOPICS
    for event in topic.events
    if {"gateway", "simulator", "erp"} & set(topic.producers) and event.TYPE != HEARTBEAT
}
REFERENCE_EVENTS = {event.TYPE for topic in TOPICS for event in topic.events if issubclass(event, ReferenceEvent)}
SOURCE_EVENTS = {event.TYPE for topic in TOPICS for event in topic.events if issubclass(event, SourceEvent)}


@dataclass(frozen=True, slots=True)
class EventLine:
    """One line. ``draft`` is None for a time mark: a heartbeat, which only says that time has gone on (or, ``ending``, that the
    asset sends no more)."""

    time_us: int
    asset: str | None
    draft: Draft | None
    ending: bool = False


def parse_event(text: str, source: str, origin: str) -> EventLine | Reject:
    """The event of a line, or why it is none."""
    try:
        body = json.loads(text)
        if not isinstance(body, dict):
            raise ValueError("not a JSON object")
        return _event(body, source, origin)
    except ValueError as exc:
        return Reject(origin, str(exc), text)


def _event(body: dict[str, Any], source: str, origin: str) -> EventLine:
    kind = str(body.get("type", ""))
    time_us = parse_instant(str(body.get("event_time", "")))
    asset = body.get("asset")
    if kind == HEARTBEAT:
        return EventLine(time_us, str(asset), None, body.get("phase") == "ending")
    topic = TOPIC_OF.get(kind)
    if topic is None:
        raise ValueError(f"type {kind!r} is not one that a source sends: {', '.join(sorted(TOPIC_OF))}")
    if kind not in SOURCE_EVENTS:
        # assets, orders, calendars and loss models go before the data that need them
        return EventLine(time_us, None, Draft(topic, source, None, body, barrier=kind in REFERENCE_EVENTS, origin=origin))
    if not isinstance(asset, str):
        raise ValueError("asset is missing")
    body = {k: v for k, v in body.items() if k not in ("source", "asset", "sequence")}
    return EventLine(time_us, asset, Draft(topic, source, asset, body, origin=origin))
