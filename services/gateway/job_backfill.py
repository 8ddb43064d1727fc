"""Old reports beside live data: the watermark of an asset is one for all its sources, so what lies behind it comes too late."""

from collections.abc import Callable, Iterable, Mapping

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from schemas.codec import decode
from schemas.events.twin_state import TwinState
from schemas.instant import to_micros
from schemas.registry import TWIN_STATE
from services.gateway.draft import text_of
from services.gateway.feed import Feed
from services.gateway.job_feed import JobFeed
from services.runtime.errors import UserError
from services.runtime.kafka import consumer, wait_for_broker

CLIENT_ID = "factorystream-gateway-backfill"
POLL_MS = 500


def refuse_behind(feeds: Iterable[Feed], known: Mapping[str, int]) -> None:
    """Raise UserError when a first fact of ``feeds`` lies before what is known of its asset (microseconds since 1970).

    Of such facts those within the horizon would restate hours, and count pieces a second time if the reports were sent before;
    older ones would change nothing and be named on factory.late.v1.
    """
    behind = [
        (feed.asset, known[feed.asset], feed.first_us)
        for feed in feeds
        if isinstance(feed, JobFeed) and feed.first_us is not None and feed.first_us < known.get(feed.asset, 0)
    ]
    if not behind:
        return
    asset, known_us, first_us = behind[0]
    others = f" (and {len(behind) - 1} more)" if behind[1:] else ""
    raise UserError(
        f"{asset}{others} is known until {text_of(known_us)[:19]}Z, and the table has reports of it from "
        f"{text_of(first_us)[:19]}Z on: they would come too late or count twice. Nothing was sent. Give the table without the "
        "reports that are known, or, if the asset is another one, an id of its own in [resources] of the mapping; --behind sends "
        "them all the same"
    )


def known_until(bootstrap: str, assets: Iterable[str], broker_timeout_s: float) -> dict[str, int]:
    """asset -> up to when the twin speaks of it, microseconds since 1970. Raises UserError when no broker answers."""
    wanted = set(assets)
    wait_for_broker(bootstrap, broker_timeout_s)
    client = consumer(bootstrap, CLIENT_ID, None)
    try:
        known: dict[str, int] = {}
        for values in _batches(client):
            for _, state in decode(TWIN_STATE, values).events:
                if isinstance(state, TwinState) and state.scope.kind == "asset" and state.scope.id in wanted:
                    known[state.scope.id] = max(known.get(state.scope.id, 0), to_micros(state.event_time))
        return known
    except KafkaError as exc:
        raise UserError(f"the broker at {bootstrap} stopped answering ({type(exc).__name__})") from exc
    finally:
        client.close()


def guard(bootstrap: str, broker_timeout_s: float) -> Callable[[list[Feed]], None]:
    """What a run asks before it takes in the first item: no report may lie behind what the platform knows of its asset."""

    def check(feeds: list[Feed]) -> None:
        assets = [feed.asset for feed in feeds if isinstance(feed, JobFeed)]
        if assets:
            refuse_behind(feeds, known_until(bootstrap, assets, broker_timeout_s))

    return check


def _batches(client: KafkaConsumer) -> Iterable[list[bytes | None]]:
    """The values of the topic of states up to its present ends; none where the topic is not there yet."""
    partitions = [TopicPartition(TWIN_STATE.name, n) for n in client.partitions_for_topic(TWIN_STATE.name) or ()]
    if not partitions:
        return
    client.assign(partitions)
    ends = client.end_offsets(partitions)
    client.seek_to_beginning()
    while any(client.position(p) < ends[p] for p in partitions):
        for records in client.poll(timeout_ms=POLL_MS).values():
            yield [r.value for r in records]
