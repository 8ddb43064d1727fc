"""The step spc: from readings to limits and alarms. Channels are judged by N1 alone unless a test says otherwise.

Phase 1 is ten readings that go up and down by 1 about 10: moving range 1 throughout, so sigma = 1 / 1.128 = 0.886 and the limits
are 10 +- 2.66.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, at, machine, us

from schemas.envelope import Event
from schemas.events.alert import Alert
from schemas.events.asset import Asset, Channel, Control
from schemas.events.control_limits import ControlLimits
from schemas.events.late_event import LateEvent
from schemas.identity import derived_id
from schemas.instant import to_micros
from schemas.registry import SENSOR
from streams.agents import spc
from streams.domain.fold import Outcome
from streams.domain.spc import SpcState
from streams.domain.spc_waiting import MOST_WAITING

STEADY = [9.5, 10.5] * 5


def control(version: int = 1, **settings: Any) -> Control:
    return Control(version=version, **{"chart": "individuals", "phase1": 10, "rules": ["N1"], **settings})


def asset(**channels: Channel) -> Asset:
    return machine(**channels)


def charted(**settings: Any) -> Asset:
    return asset(temp=Channel(unit="Cel", priority="high", control=control(**settings)))


@pytest.fixture
def line() -> InMemoryPipeline:
    return InMemoryPipeline(steps=(spc.STEP,), assets=[charted()])


def fold(line: InMemoryPipeline, *events: Event) -> list[tuple[str, str, int]]:
    """Send, run, and return (rule, state, revision) of the alerts that are new."""
    known = len(line.events(Alert))
    line.send(*events, topic=SENSOR)
    line.run()
    return [(a.rule, a.state, a.revision) for a in line.events(Alert)[known:]]


def describe(line: InMemoryPipeline, described: Asset) -> None:
    line.references[described.asset] = described


def second(n: int) -> int:
    return us("10:00") + n * 1_000_000


def each_second(gw: Source, values: Sequence[float], first: int = 0) -> list[Event]:
    """A reading a second."""
    return [gw.reading(second(first + i), v) for i, v in enumerate(values)]


def states(line: InMemoryPipeline) -> list[SpcState]:
    return list(line.states.values())


def test_the_limits_of_phase_one_are_told_once_with_where_they_come_from(line: InMemoryPipeline) -> None:
    gw = Source()
    fold(line, *each_second(gw, STEADY + STEADY), gw.alive("10:01"))
    (limits,) = line.events(ControlLimits)
    assert limits.centre == 10
    assert (limits.sigma, limits.lower, limits.upper) == pytest.approx((1 / 1.128379, 10 - 3 / 1.128379, 10 + 3 / 1.128379))
    assert (limits.dispersion, limits.dispersion_lower, limits.dispersion_upper) == pytest.approx((1, 0, 3.2665), rel=1e-4)
    assert (limits.n, limits.subgroups, limits.version, limits.unit) == (10, 10, 1, "Cel")
    assert (limits.first, limits.last) == ("gw/m1/1", "gw/m1/10")
    assert (limits.window.start, limits.event_time) == (at("10:00:00"), at("10:00:09"))
    assert to_micros(limits.window.end) == second(9) + 1


def test_an_alarm_names_the_rule_and_the_point_and_clears_within_two_sigma(line: InMemoryPipeline) -> None:
    # 10 +- 2.66:   13 !   12.6 stays   11.5 within 2 sigma (11.77): cleared
    gw = Source()
    told = fold(line, *each_second(gw, [*STEADY, 13.0, 12.6, 11.5]), gw.alive("10:01"))
    assert told == [("spc:temp:N1", "raised", 1), ("spc:temp:N1", "cleared", 2)]
    raised, cleared = line.events(Alert)
    assert raised.text == "temp of m1 breaks the rule N1, a point beyond 3 sigma, high; on 2026-11-24: 13 at 10:00:10"
    assert cleared.text == "temp of m1 no longer breaks the rule N1, a point beyond 3 sigma: 11.5"
    assert (raised.value, raised.priority, raised.unit, raised.channel, raised.cause) == (13.0, "high", "Cel", "temp", "gw/m1/11")
    assert raised.limit == pytest.approx(10 + 3 / 1.128379)
    assert (raised.event_time, cleared.event_time, cleared.raised_at) == (at("10:00:10"), at("10:00:12"), at("10:00:10"))
    assert raised.alert == cleared.alert == derived_id("alert", "m1", "spc:temp:N1", 1, second(10))


def test_a_pattern_of_several_points_names_all_of_them() -> None:
    line = InMemoryPipeline(steps=(spc.STEP,), assets=[charted(rules=["N2", "N5"])])
    gw = Source()
    fold(line, *each_second(gw, [*STEADY, *[10.25] * 9, 9.75]), gw.alive("10:01"))
    raised, cleared = line.events(Alert)
    assert raised.text.startswith(
        "temp of m1 breaks the rule N2, 9 points in a row on one side of the centre, high; on 2026-11-24:"
    )
    assert raised.text.count("10.25 at") == 9
    assert raised.text.endswith(", 10.25 at 10:00:10")
    assert (raised.limit, cleared.state, cleared.event_time) == (10.0, "cleared", at("10:00:19"))


def test_the_text_of_a_long_pattern_fits_and_says_how_many_points_it_leaves_out() -> None:
    name = "c" * 63
    described = asset(**{name: Channel(unit="Cel", control=control(rules=["N4"]))})
    line, gw = InMemoryPipeline(steps=(spc.STEP,), assets=[described]), Source()
    values = [*STEADY, *[10.123456, 9.876543] * 7]
    fold(line, *(gw.reading(second(i) + 123_456, v, name) for i, v in enumerate(values)), gw.alive("10:01"))
    (raised,) = line.events(Alert)
    assert 400 < len(raised.text) <= 500
    assert raised.text.count(" at ") + int(raised.text.removesuffix(" before").rpartition(" ")[2]) == 14


def test_readings_within_the_disorder_are_charted_in_the_order_of_their_times(line: InMemoryPipeline) -> None:
    # arrival  0..7, 9, 8 : the moving ranges are those of 0..9
    gw = Source()
    events = each_second(gw, STEADY[:8])
    events += [gw.reading(second(9), STEADY[9]), gw.reading(second(8), STEADY[8]), gw.alive("10:01")]
    fold(line, *events)
    (limits,) = line.events(ControlLimits)
    assert limits.dispersion == 1
    assert limits.last == "gw/m1/9"
    assert line.events(LateEvent) == []


def test_a_reading_behind_the_mark_is_late_and_named(line: InMemoryPipeline) -> None:
    # mark 9.999999 after 14.999999: the reading of 10 is in time, of 9.5 late
    gw = Source()
    fold(line, gw.alive("10:00:14.999999"), gw.reading("10:00:10", 1), gw.reading("10:00:09.5", 2))
    (late,) = line.events(LateEvent)
    assert (late.event, late.readings, late.step, late.lateness_us) == ("gw/m1/3", 1, "spc", 499_999)
    assert line.outcomes["spc", SENSOR.name, Outcome.LATE] == 1


def test_a_frame_that_is_late_in_part_counts_as_applied_and_only_charted_channels_are_late(line: InMemoryPipeline) -> None:
    gw = Source()
    fold(line, gw.alive("10:00:15"), gw.frame("10:00:08", {"temp": [1, None, 3], "load": [1, 2, 3]}))
    assert [e.readings for e in line.events(LateEvent)] == [1]
    fold(line, gw.frame("10:00:05", {"load": [1, 2]}))
    assert [e.readings for e in line.events(LateEvent)] == [1]
    assert line.outcomes["spc", SENSOR.name, Outcome.LATE] == 0


def test_an_end_makes_due_what_waits(line: InMemoryPipeline) -> None:
    gw = Source()
    fold(line, *each_second(gw, STEADY))
    assert line.events(ControlLimits) == []
    fold(line, gw.ending("10:00:09"))
    assert len(line.events(ControlLimits)) == 1
    fold(line, gw.reading("10:00:09", 1))
    assert [e.lateness_us for e in line.events(LateEvent)] == [1]


def test_a_repeat_changes_nothing(line: InMemoryPipeline) -> None:
    gw = Source()
    readings = each_second(gw, [*STEADY, 13.0])
    fold(line, *[r for r in readings for _ in (1, 2)], gw.alive("10:01"))
    assert line.outcomes["spc", SENSOR.name, Outcome.DUPLICATE] == 11
    assert [(a.rule, a.state) for a in line.events(Alert)] == [("spc:temp:N1", "raised")]


def test_a_higher_version_clears_what_is_open_and_starts_a_new_phase_one(line: InMemoryPipeline) -> None:
    gw = Source()
    fold(line, *each_second(gw, [*STEADY, 13.0]), gw.alive("10:00:20"))
    describe(line, charted(version=2))
    told = fold(line, *each_second(gw, [20 + v for v in STEADY], 30), gw.alive("10:01"))
    assert told == [("spc:temp:N1", "cleared", 2)]
    assert line.events(Alert)[-1].text == "the rule N1 no longer judges temp of m1: its chart of version 1 has ended"
    assert [(limits.version, limits.centre) for limits in line.events(ControlLimits)] == [(1, 10), (2, 30)]


def test_settings_that_change_without_a_higher_version_have_no_effect(line: InMemoryPipeline) -> None:
    gw = Source()
    fold(line, *each_second(gw, STEADY[:5]))
    describe(line, charted(phase1=15, rules=["N2"]))
    assert fold(line, *each_second(gw, [*STEADY[5:], 13.0], 5), gw.alive("10:01")) == [("spc:temp:N1", "raised", 1)]
    assert [limits.n for limits in line.events(ControlLimits)] == [10]


def test_a_chart_that_is_taken_away_clears_what_it_had_raised_and_leaves_no_state(line: InMemoryPipeline) -> None:
    gw = Source()
    fold(line, *each_second(gw, [*STEADY, 13.0]), gw.alive("10:00:20"))
    describe(line, asset(temp=Channel(unit="Cel")))
    assert fold(line, gw.alive("10:00:21")) == [("spc:temp:N1", "cleared", 2)]
    line.restart()
    assert line.stored == {}


def test_an_alarm_is_not_cleared_before_it_was_raised(line: InMemoryPipeline) -> None:
    gw = Source()
    fold(line, *each_second(gw, [*STEADY, 13.0]), gw.alive("10:00:20"))
    describe(line, asset(temp=Channel(unit="Cel")))
    fold(line, gw.alive("10:00:08"))
    assert line.events(Alert)[-1].event_time == line.events(Alert)[-1].raised_at == at("10:00:10")


def test_an_alarm_that_is_raised_again_at_the_instant_it_was_raised_goes_on(line: InMemoryPipeline) -> None:
    gw = Source()
    told = fold(line, *each_second(gw, STEADY), *(gw.reading("10:00:10", v) for v in (13, 10, 13)), gw.alive("10:01"))
    assert told == [("spc:temp:N1", "raised", 1), ("spc:temp:N1", "cleared", 2), ("spc:temp:N1", "raised", 3)]
    assert len({a.alert for a in line.events(Alert)}) == 1


def test_an_asset_without_charts_is_not_even_touched() -> None:
    line, gw = InMemoryPipeline(steps=(spc.STEP,), assets=[asset(temp=Channel(unit="Cel", high=5))]), Source()
    fold(line, *each_second(gw, STEADY), gw.reading("09:00", 1), gw.ending("10:01"))
    assert line.outcomes == {("spc", SENSOR.name, Outcome.APPLIED): 12}
    assert sum(len(events) for topic, events in line.written.items() if topic != SENSOR.name) == 0
    state = spc.STEP.logic.load("m1", None)
    folded = spc.STEP.logic.fold(state, gw.reading("10:02", 1), None, line.references)  # type: ignore[arg-type]
    assert not folded.touched
    assert spc.STEP.logic.dump(state) is None


def test_phase_one_is_tried_again_while_the_readings_do_not_vary_and_that_is_told_once(line: InMemoryPipeline) -> None:
    gw = Source()
    fold(line, *each_second(gw, [5.0] * 30 + STEADY), gw.alive("10:01"))
    nothing, limits = line.events(ControlLimits)
    assert nothing.null_reason == "the readings do not vary within subgroups: phase 1 goes on until they do"
    assert (nothing.upper, nothing.lower, nothing.sigma, nothing.window.start) == (None, None, None, at("10:00:00"))
    assert (limits.null_reason, limits.first, limits.last) == (None, "gw/m1/31", "gw/m1/40")
    assert nothing.id != limits.id


def test_two_channels_have_charts_of_their_own() -> None:
    described = asset(temp=Channel(unit="Cel", control=control()), load=Channel(unit="%", control=control(rules=["N1", "N7"])))
    line, gw = InMemoryPipeline(steps=(spc.STEP,), assets=[described]), Source()
    frames = [gw.frame(second(i), {"temp": [v], "load": [None if i % 2 else 2 * v]}) for i, v in enumerate([*STEADY, *STEADY, 13])]
    fold(line, *frames, gw.alive("10:01"))
    assert [(e.channel, e.n, e.unit) for e in line.events(ControlLimits)] == [("temp", 10, "Cel"), ("load", 10, "%")]
    assert [a.rule for a in line.events(Alert)] == ["spc:temp:N1"]


def test_a_subgroup_that_is_not_full_goes_on_after_an_end() -> None:
    line, gw = InMemoryPipeline(steps=(spc.STEP,), assets=[charted(chart="xbar-r", subgroup=2)]), Source()
    fold(line, *each_second(gw, [*STEADY, *STEADY[:9]]), gw.ending("10:00:30"))
    assert line.events(ControlLimits) == []
    fold(line, gw.reading("10:02", 10.5), gw.alive("10:03"))
    assert [(limits.n, limits.last) for limits in line.events(ControlLimits)] == [(20, "gw/m1/21")]


def test_an_ewma_and_a_cusum_notice_a_shift_that_no_point_shows() -> None:
    shifted = [*STEADY, *[11.2] * 12, *[10.0] * 30]  # 1.35 sigma
    for chart, rule in (("ewma", "EWMA"), ("cusum", "CUSUM-high"), ("individuals", None)):
        line, gw = InMemoryPipeline(steps=(spc.STEP,), assets=[charted(chart=chart)]), Source()
        told = fold(line, *each_second(gw, shifted), gw.alive("10:02"))
        assert told == ([] if rule is None else [(f"spc:temp:{rule}", "raised", 1), (f"spc:temp:{rule}", "cleared", 2)])


def test_more_readings_than_may_wait_are_charted_earlier_and_the_state_stays_small(line: InMemoryPipeline) -> None:
    # 30,000 readings within two seconds, less than the allowed disorder
    gw = Source()
    frames = [gw.frame(second(0) + i * 600_000, {"temp": STEADY * 1000}, step_us=60) for i in range(3)]
    fold(line, *frames)
    (state,) = states(line)
    assert sum(t.values for t in state.waiting.tails) == MOST_WAITING
    assert len(line.events(ControlLimits)) == 1
    assert len(spc.STEP.logic.dump(state) or b"") < 400_000
    fold(line, gw.reading(second(1), 1))
    assert [e.readings for e in line.events(LateEvent)] == [1]


def test_the_state_of_a_channel_does_not_grow_with_its_readings() -> None:
    everything = ["WE1", "WE2", "WE3", "WE4", "N1", "N2", "N3", "N4", "N5", "N6", "N7", "N8", "R1"]
    line, gw, sizes = InMemoryPipeline(steps=(spc.STEP,), assets=[charted(rules=everything)]), Source(), []
    for n in (500, 5000):
        rows = [9.5 + (i * 7919 % 1000) / 999 for i in range(n)]
        fold(line, gw.frame(second(n), {"temp": rows}, 1000), gw.alive(second(2 * n)))
        sizes.append(len(spc.STEP.logic.dump(states(line)[0]) or b""))
    assert sizes[1] < sizes[0] + 100 < 2500
