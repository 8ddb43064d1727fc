"""What steps see of the reference topics: the newest record of each key, and the versions of a line as one sequence."""

from __future__ import annotations

from typing import Any, NamedTuple

from schemas.codec import encode
from schemas.envelope import Event
from schemas.events.calendar import Calendar
from schemas.events.loss_model import LossModel
from schemas.events.order import Order
from schemas.registry import ASSET, CALENDAR, LOSS_MODEL, ORDER, topic_of
from schemas.topic import Topic
from streams.transport.references import ReferenceView

TIME = "2026-11-24T00:00:00Z"


class Record(NamedTuple):
    """A record as the client gives it."""

    key: bytes
    value: bytes | None
    partition: int = 0
    offset: int = 0


def view(*topics: Topic) -> ReferenceView:
    """A view that nobody feeds but the test."""
    return ReferenceView({}, topics or (ASSET, CALENDAR, LOSS_MODEL, ORDER), lambda _: None)


def take(seen: ReferenceView, *events: Event) -> None:
    """The events come in, one batch each."""
    for event in events:
        record = encode(event)
        seen._take(topic_of(type(event)), [Record(record.key, record.value)])


def calendar(version: int, line: str = "l1", zone: str = "UTC") -> Calendar:
    body = {"event_time": TIME, "version": version, "line": line, "zone": zone, "valid_from": TIME, "shifts": []}
    return Calendar.model_validate(body, strict=False)


def model(version: int, line: str = "l1", micro_stop_us: int = 0) -> LossModel:
    body = {"event_time": TIME, "version": version, "line": line, "valid_from": TIME, "micro_stop_us": micro_stop_us}
    return LossModel.model_validate(body, strict=False)


def order(version: int = 1, planned: int = 5) -> Order:
    body = {
        "event_time": TIME,
        "version": version,
        "order": "o-1",
        "customer": "acme",
        "part": "p",
        "line": "l1",
        "planned": planned,
    }
    return Order.model_validate(body, strict=False)


def test_the_versions_of_a_line_come_in_their_order_whatever_order_they_were_written_in() -> None:
    seen = view()
    take(seen, *(calendar(v) for v in (10, 2, 9)), calendar(1, "l2"), model(3), model(1), model(2, "l2"))
    assert [c.version for c in seen.calendars("l1")] == [2, 9, 10]
    assert [c.version for c in seen.calendars("l2")] == [1]
    assert [m.version for m in seen.loss_models("l1")] == [1, 3]
    assert list(seen.calendars("l3")) == []


def test_the_sequence_is_the_same_object_until_a_version_of_that_line_changes() -> None:
    seen = view()
    take(seen, calendar(1), calendar(2), model(1), calendar(1, "l2"))
    before, other, models = seen.calendars("l1"), seen.calendars("l2"), seen.loss_models("l1")
    take(seen, calendar(2), calendar(2, "l2"))  # a repeat, and another line
    assert seen.calendars("l1") is before
    assert seen.loss_models("l1") is models
    assert seen.calendars("l2") is not other
    take(seen, calendar(2, zone="Asia/Shanghai"))
    after = seen.calendars("l1")
    assert [c.zone for c in after] == ["UTC", "Asia/Shanghai"]
    assert [c.zone for c in before] == ["UTC", "UTC"]
    assert after[0] is before[0]


def test_a_version_that_is_withdrawn_is_gone_and_may_come_again() -> None:
    seen = view()
    take(seen, calendar(1), calendar(2))
    assert len(seen.calendars("l1")) == 2
    seen._take(CALENDAR, [Record(b"l1/2", None), Record(b"l1/7", None)])
    assert [c.version for c in seen.calendars("l1")] == [1]
    take(seen, calendar(2))
    assert [c.version for c in seen.calendars("l1")] == [1, 2]


def test_a_record_that_is_moved_to_another_line_leaves_the_first() -> None:
    seen = view()
    take(seen, calendar(1))
    assert len(seen.calendars("l1")) == 1
    seen._take(CALENDAR, [Record(b"l1/1", encode(calendar(1, "l2")).value)])
    assert (list(seen.calendars("l1")), len(seen.calendars("l2"))) == ([], 1)


def test_of_an_order_the_last_record_counts() -> None:
    seen = view()
    assert seen.order("o-1") is None
    take(seen, order(), order(2, planned=7))
    found: Any = seen.order("o-1")
    assert (found.version, found.planned) == (2, 7)
    seen._take(ORDER, [Record(b"o-1", None)])
    assert seen.order("o-1") is None


def test_a_step_that_does_not_read_a_reference_topic_sees_nothing_of_it() -> None:
    seen = view(ASSET)
    assert (list(seen.calendars("l1")), list(seen.loss_models("l1")), seen.order("o-1")) == ([], [], None)


def test_what_is_no_calendar_changes_nothing() -> None:
    seen = view()
    take(seen, calendar(1))
    before = seen.calendars("l1")
    seen._take(CALENDAR, [Record(b"l1/1", b"{}")])
    assert seen.calendars("l1") is before
