"""Windows of 10 s: when they close, what is late, what a restart leaves. Timelines: ``[0---)`` a window, ``x`` a late reading."""

import pytest
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, at, machine, us

from schemas.events.asset import Channel
from schemas.events.late_event import LateEvent
from schemas.events.window_aggregate import WindowAggregate
from schemas.registry import SENSOR
from streams.agents import aggregate
from streams.domain.fold import Outcome


@pytest.fixture
def line() -> InMemoryPipeline:
    return InMemoryPipeline(steps=(aggregate.STEP,), assets=[machine(temp=Channel(unit="Cel"))])


def fold(line: InMemoryPipeline, *events: object) -> list[WindowAggregate]:
    line.send(*events, topic=SENSOR)  # type: ignore[arg-type]
    line.run()
    return line.events(WindowAggregate)


def test_a_window_stays_open_until_the_watermark_reaches_its_end(line: InMemoryPipeline) -> None:
    # [0---)[10-    5 s of disorder are allowed: at 14.999 the watermark is 9.999
    gw = Source()
    assert fold(line, gw.reading("10:00:01", 20), gw.alive("10:00:14.999999")) == []
    assert [w.n for w in fold(line, gw.alive("10:00:15"))] == [1]


def test_a_window_says_what_was_read_and_where(line: InMemoryPipeline) -> None:
    gw = Source()
    (window,) = fold(line, gw.reading("10:00:01", 20), gw.reading("10:00:09.999999", 23), gw.alive("10:00:15"))
    assert (window.n, window.mean, window.min, window.max) == (2, 21.5, 20, 23)
    assert window.sd == pytest.approx(4.5**0.5)
    assert (window.window.start, window.window.end, window.event_time) == (at("10:00:00"), at("10:00:10"), at("10:00:10"))
    assert window.unit == "Cel"
    assert [(i.first_offset, i.last_offset) for i in window.inputs] == [(0, 1)]


def test_a_reading_at_the_end_belongs_to_the_next_window(line: InMemoryPipeline) -> None:
    gw = Source()
    windows = fold(line, gw.reading("10:00:09", 1), gw.reading("10:00:10", 2), gw.alive("10:00:30"))
    assert [(w.window.start, w.mean) for w in windows] == [(at("10:00:00"), 1), (at("10:00:10"), 2)]


def test_readings_out_of_order_within_the_disorder_count(line: InMemoryPipeline) -> None:
    # [0--2---)[10---14
    gw = Source()
    windows = fold(line, gw.reading("10:00:14", 1), gw.reading("10:00:02", 3), gw.alive("10:00:15"))
    assert [(w.n, w.mean) for w in windows] == [(1, 3)]


def test_a_reading_of_a_closed_window_is_late_and_named(line: InMemoryPipeline) -> None:
    # [0-x--)[10--15
    gw = Source()
    windows = fold(line, gw.reading("10:00:01", 1), gw.reading("10:00:15", 2), gw.reading("10:00:02", 9))
    assert [w.mean for w in windows] == [1]
    (late,) = line.events(LateEvent)
    assert (late.event, late.readings, late.lateness_us, late.offset) == ("gw/m1/3", 1, 8_000_000, 2)
    assert line.outcomes["aggregate", SENSOR.name, Outcome.LATE] == 1


def test_a_frame_that_is_late_in_part_counts_as_applied(line: InMemoryPipeline) -> None:
    # [0---)[10--15  frame x at 8 and 9, on time at 10
    gw = Source()
    fold(line, gw.reading("10:00:15", 2), gw.frame("10:00:08", {"temp": [1, 2, 3], "load": [None, 1, None]}))
    assert [e.readings for e in line.events(LateEvent)] == [3]
    assert line.outcomes["aggregate", SENSOR.name, Outcome.LATE] == 0
    windows = fold(line, Source("m1", "other").alive("10:00:25"))
    assert [(w.channel, w.n) for w in windows] == [("temp", 2)]


def test_the_rows_of_one_frame_are_not_late_because_of_its_own_last_row(line: InMemoryPipeline) -> None:
    # one frame over 40 s: the readings are judged by the records before it
    gw = Source()
    windows = fold(line, gw.frame("10:00:00", {"temp": [1, 2, 3, 4, 5]}, step_us=10_000_000))
    assert [w.mean for w in windows] == [1, 2, 3]
    assert line.events(LateEvent) == []


def test_nulls_are_no_readings(line: InMemoryPipeline) -> None:
    gw = Source()
    windows = fold(line, gw.frame("10:00:00", {"temp": [None, 2, None], "load": [None, None, None]}), gw.alive("10:00:15"))
    assert [(w.channel, w.n) for w in windows] == [("temp", 1)]


def test_an_undeclared_channel_has_the_unit_one(line: InMemoryPipeline) -> None:
    gw = Source()
    assert [w.unit for w in fold(line, gw.reading("10:00:00", 1, "load"), gw.alive("10:00:15"))] == ["1"]


def test_a_repeated_sequence_changes_nothing(line: InMemoryPipeline) -> None:
    gw = Source()
    reading = gw.reading("10:00:01", 20)
    windows = fold(line, reading, reading, gw.alive("10:00:15"))
    assert [w.n for w in windows] == [1]
    assert line.outcomes["aggregate", SENSOR.name, Outcome.DUPLICATE] == 1


def test_two_sources_number_for_themselves(line: InMemoryPipeline) -> None:
    a, b = Source(source="a"), Source(source="b")
    assert [w.n for w in fold(line, a.reading("10:00:01", 1), b.reading("10:00:02", 2), a.alive("10:00:15"))] == [2]


def test_an_ending_source_closes_the_window_that_holds_its_end(line: InMemoryPipeline) -> None:
    # [0---)[10-E
    gw = Source()
    windows = fold(line, gw.reading("10:00:01", 1), gw.reading("10:00:11", 2), gw.ending("10:00:11"))
    assert [w.mean for w in windows] == [1, 2]


def test_an_ending_source_closes_the_window_that_begins_at_its_end(line: InMemoryPipeline) -> None:
    gw = Source()
    assert [w.mean for w in fold(line, gw.reading("10:00:10", 2), gw.ending("10:00:10"))] == [2]


def test_after_an_end_the_closed_window_stays_closed(line: InMemoryPipeline) -> None:
    # [0--E x )
    gw = Source()
    fold(line, gw.reading("10:00:01", 1), gw.ending("10:00:03"), gw.reading("10:00:05", 2), gw.alive("10:00:40"))
    assert [w.mean for w in line.events(WindowAggregate)] == [1]
    assert [e.lateness_us for e in line.events(LateEvent)] == [5_000_000]


def test_a_restart_between_any_two_records_changes_nothing(line: InMemoryPipeline) -> None:
    def records() -> list[object]:
        gw = Source()
        return [
            gw.reading("10:00:01", 0.1),
            gw.frame("10:00:02", {"temp": [0.2, 5e-324]}),
            gw.reading("10:00:12", 7),
            gw.alive("10:01"),
        ]

    whole = fold(line, *records())
    cut = InMemoryPipeline(steps=line.steps, assets=[machine(temp=Channel(unit="Cel"))])
    cut.send(*records(), topic=SENSOR)  # type: ignore[arg-type]
    cut.run(restart=lambda: True)
    assert cut.events(WindowAggregate) == whole


def test_the_id_names_asset_channel_and_window(line: InMemoryPipeline) -> None:
    gw, later = Source(), Source(source="other")
    ids = [
        w.id for w in fold(line, gw.frame("10:00:00", {"temp": [1], "load": [1]}), gw.reading("10:00:11", 1), later.alive("10:01"))
    ]
    assert len(set(ids)) == 3


def test_the_watermark_is_the_highest_time_seen_not_the_last(line: InMemoryPipeline) -> None:
    gw = Source()
    windows = fold(line, gw.reading("10:00:01", 1), gw.alive("10:00:16"), gw.alive("10:00:03"), gw.reading("10:00:04", 5))
    assert [w.n for w in windows] == [1]
    assert us("10:00:10") - us("10:00:04") == line.events(LateEvent)[0].lateness_us
