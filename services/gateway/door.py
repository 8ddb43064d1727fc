"""The door: a draft becomes an event through the schemas codec, or a reject with the reason."""

import json
from collections import defaultdict
from collections.abc import Sequence

from schemas.codec import decode
from schemas.envelope import Event, SourceEvent
from schemas.events.sensor_frame import SensorFrame
from schemas.instant import END_OF_TIME, to_micros
from schemas.topic import Topic
from services.gateway.draft import Body, Draft
from services.gateway.feed import Reject

Admitted = tuple[Draft, Event]
END_OF_TIME_US = to_micros(END_OF_TIME)


def admit(drafts: Sequence[Draft], latest_us: int = END_OF_TIME_US) -> tuple[list[Admitted], list[Reject]]:
    """Events in the order of their drafts, and what was turned away. A rejected draft takes no sequence number.

    A fact after ``latest_us`` (microseconds since 1970) is turned away: it would make all that comes after it late.
    """
    by_topic: dict[str, list[int]] = defaultdict(list)
    topics: dict[str, Topic] = {}
    for index, draft in enumerate(drafts):
        by_topic[draft.topic.name].append(index)
        topics[draft.topic.name] = draft.topic
    events: dict[int, Event] = {}
    rejects: dict[int, Reject] = {}
    for name, places in by_topic.items():
        decoded = decode(topics[name], [_json(drafts[i]) for i in places])
        for at, event in decoded.events:
            draft = drafts[places[at]]
            if isinstance(event, SourceEvent) and (time := _last_time_us(event)) > latest_us:
                reason = (
                    f"{(time - latest_us) / 1e6:.0f} s after the latest time that is believed: is the clock of its source right?"
                )
                rejects[places[at]] = Reject(draft.origin, reason, json.dumps(draft.body), "event_time", name)
            else:
                events[places[at]] = event
        for r in decoded.rejections:
            draft = drafts[places[r.index]]
            rejects[places[r.index]] = Reject(draft.origin, r.reason, json.dumps(draft.body), r.field, name)
    return [(drafts[i], events[i]) for i in sorted(events)], [rejects[i] for i in sorted(rejects)]


def numbered(event: Event, sequence: int) -> Event:
    """The event with its sequence number."""
    assert isinstance(event, SourceEvent)
    return event.model_copy(update={"sequence": sequence})


def _last_time_us(event: SourceEvent) -> int:
    return event.last_time_us if isinstance(event, SensorFrame) else to_micros(event.event_time)


def _json(draft: Draft) -> bytes:
    body: Body = dict(draft.body)
    if draft.asset is not None:  # the number comes when the event is let in
        body |= {"source": draft.source, "asset": draft.asset, "sequence": 1}
    return json.dumps(body).encode()
