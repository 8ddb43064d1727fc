"""The door: a draft becomes an event through the schemas codec, or a reject with the reason."""

import json
from collections import defaultdict
from collections.abc import Sequence

from schemas.codec import decode
from schemas.envelope import Event, SourceEvent
from schemas.topic import Topic
from services.gateway.draft import Body, Draft
from services.gateway.feed import Reject

Admitted = tuple[Draft, Event]


def admit(drafts: Sequence[Draft]) -> tuple[list[Admitted], list[Reject]]:
    """Events in the order of their drafts, and what was turned away. A rejected draft takes no sequence number."""
    by_topic: dict[str, list[int]] = defaultdict(list)
    topics: dict[str, Topic] = {}
    for index, draft in enumerate(drafts):
        by_topic[draft.topic.name].append(index)
        topics[draft.topic.name] = draft.topic
    events: dict[int, Event] = {}
    rejects: dict[int, Reject] = {}
    for name, places in by_topic.items():
        decoded = decode(topics[name], [_json(drafts[i]) for i in places])
        events.update({places[at]: event for at, event in decoded.events})
        for r in decoded.rejections:
            draft = drafts[places[r.index]]
            rejects[places[r.index]] = Reject(draft.origin, r.reason, json.dumps(draft.body), r.field, name)
    return [(drafts[i], events[i]) for i in sorted(events)], [rejects[i] for i in sorted(rejects)]


def numbered(event: Event, sequence: int) -> Event:
    """The event with its sequence number."""
    assert isinstance(event, SourceEvent)
    return event.model_copy(update={"sequence": sequence})


def _json(draft: Draft) -> bytes:
    body: Body = dict(draft.body)
    if draft.asset is not None:  # the number comes when the event is let in
        body |= {"source": draft.source, "asset": draft.asset, "sequence": 1}
    return json.dumps(body).encode()
