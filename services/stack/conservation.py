"""Nothing is lost and nothing is counted twice: what the stages counted, compared with itself and with the log."""

from collections.abc import Collection, Mapping

from schemas.metric import EventClass
from services.stack.scrape import Counts, StageCount


def violations(counts: Counts, ends: Mapping[str, int], restarted: Collection[str] = ()) -> list[str]:
    """Sentences about what does not add up when all is processed; none when conservation holds.

    For every (stage, topic): received = sum of the classes + in flight, and in flight is 0. Every record of the topic has been
    received: ``ends`` gives how many the log holds. A stage may receive a record again, and must then count it as deduplicated.
    A stage in ``restarted`` has begun to count anew, so only its own sum is checked.
    """
    found: list[str] = []
    for (stage, topic), count in sorted(counts.items()):
        found += _within(stage, topic, count)
        if stage not in restarted and topic in ends:
            found += _against_log(stage, topic, count, ends[topic])
    return found


def _within(stage: str, topic: str, count: StageCount) -> list[str]:
    found = []
    if not count.balances:
        classes = " + ".join(f"{n} {c}" for c, n in sorted(count.ended.items()) if n) or "nothing"
        found.append(
            f"{stage} received {count.received} records of {topic}, and they ended as {classes}, {count.in_flight} in flight"
        )
    if count.in_flight:
        found.append(f"{stage} still holds {count.in_flight} records of {topic}")
    return found


def _against_log(stage: str, topic: str, count: StageCount, end: int) -> list[str]:
    if count.received < end:
        return [f"{topic} holds {end} records, and {stage} received {count.received}"]
    again = count.received - end
    if again > count.ended[EventClass.DEDUPLICATED]:
        return [f"{stage} received {again} more records of {topic} than it holds, and did not count them as deduplicated"]
    return []
