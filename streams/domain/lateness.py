"""What becomes of a fact that came too late: it is named on a topic of its own, never dropped silently."""

from schemas.envelope import SourceEvent
from schemas.events.late_event import LateEvent
from schemas.identity import derived_id
from streams.domain.fold import Origin


def late_event(step: str, event: SourceEvent, origin: Origin, lateness_us: int, readings: int = 0) -> LateEvent:
    """The record on factory.late.v1 of ``event``, which ``step`` could not use any more."""
    return LateEvent(
        event_time=event.event_time,
        id=derived_id(LateEvent.TYPE, step, event.TYPE, event.event_id),
        asset=event.asset,
        step=step,
        event=event.event_id,
        topic=origin.topic,
        partition=origin.partition,
        offset=origin.offset,
        lateness_us=lateness_us,
        readings=readings,
    )
