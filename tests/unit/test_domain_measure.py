"""Time accounts per hour: when measures are told and what they say. Timelines: ``A`` active, ``R`` ready, ``U`` unavailable,
``[10---)`` an hour, ``x`` a fact out of order, ``E`` the source ends."""

import pytest
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, at, machine, minutes
from measure_lab import account, fold, measuring, quantities

from schemas.envelope import Event
from schemas.events.late_event import LateEvent
from schemas.events.measure import Measure
from schemas.registry import MACHINE
from streams.agents import measure
from streams.domain import timeline
from streams.domain.fold import Outcome


@pytest.fixture
def line() -> InMemoryPipeline:
    return measuring()


# when


def test_an_open_hour_is_told_when_known_time_crosses_five_minutes(line: InMemoryPipeline) -> None:
    # [10-A--5  nothing at 4:59, one measure at 5:01
    gw = Source()
    assert fold(line, gw.state("10:01", "ACTIVE"), gw.alive("10:04:59")) == []
    (told,) = fold(line, gw.alive("10:05:01"))
    assert (told.status, told.revision, told.observed_until) == ("provisional", 1, at("10:05:01"))
    assert account(told) == {"ACTIVE": pytest.approx(4 + 1 / 60)}


def test_a_leap_over_several_marks_tells_once(line: InMemoryPipeline) -> None:
    gw = Source()
    assert [m.observed_until for m in fold(line, gw.state("10:01", "ACTIVE"), gw.alive("10:47"))] == [at("10:47")]


def test_an_hour_is_final_when_the_watermark_reaches_its_end(line: InMemoryPipeline) -> None:
    # [10-A------)  5 s of disorder
    gw = Source()
    fold(line, gw.state("10:30", "ACTIVE"), gw.alive("10:58"))
    assert fold(line, gw.alive("11:00:04.999999")) == []
    (told,) = fold(line, gw.alive("11:00:05"))
    assert (told.status, told.revision, told.event_time, account(told)) == ("final", 2, at("11:00"), {"ACTIVE": 30})


def test_a_leap_into_the_next_hour_tells_both(line: InMemoryPipeline) -> None:
    # [10-A-----)[11-A-7
    gw = Source()
    told = fold(line, gw.state("10:59", "ACTIVE"), gw.alive("11:07"))
    assert [(m.window.start, m.status, account(m)) for m in told] == [
        (at("10:00"), "final", {"ACTIVE": 1}),
        (at("11:00"), "provisional", {"ACTIVE": 7}),
    ]


def test_an_end_tells_the_open_hour_up_to_it(line: InMemoryPipeline) -> None:
    gw = Source()
    (told,) = fold(line, gw.state("10:01", "ACTIVE"), gw.ending("10:03:00.000001"))
    assert (told.status, told.observed_until) == ("provisional", at("10:03:00.000001"))
    assert [e.duration_us for e in told.account] == [minutes(2) + 1]


def test_an_end_at_the_end_of_the_hour_makes_it_final(line: InMemoryPipeline) -> None:
    gw = Source()
    assert [(m.window.start, m.status) for m in fold(line, gw.state("10:01", "ACTIVE"), gw.ending("11:00"))] == [
        (at("10:00"), "final")
    ]


def test_an_hour_without_a_known_state_is_not_told(line: InMemoryPipeline) -> None:
    gw = Source()
    assert fold(line, gw.alive("09:10"), gw.mode("10:20", "MANUAL"), gw.alive("11:30")) == []


def test_a_silence_longer_than_the_horizon_is_told_within_it(line: InMemoryPipeline) -> None:
    # [10-A ... nothing for 20 days ... : the hour last heard of, then the last 7 days
    gw = Source()
    told = fold(line, gw.state("10:30", "ACTIVE"), gw.alive("+20 10:00:10"))
    assert [m.window.start for m in told[:2]] == [at("10:00"), at("+13 10:00")]
    assert len(told) == 1 + 7 * 24
    assert {m.status for m in told} == {"final"}


# what


def test_time_before_the_first_state_is_in_no_entry(line: InMemoryPipeline) -> None:
    # [10--- ?? --40-R---)
    gw = Source()
    (told,) = fold(line, gw.alive("10:00"), gw.state("10:40", "READY"), gw.ending("11:00"))
    assert account(told) == {"READY": 20}


def test_a_state_is_carried_over_hours(line: InMemoryPipeline) -> None:
    # [10-A----)[11-----)[12--R--
    gw = Source()
    told = fold(line, gw.state("10:30", "ACTIVE"), gw.state("12:15", "READY"), gw.ending("12:30"))
    assert [account(m) for m in told if m.status == "final"] == [{"ACTIVE": 30}, {"ACTIVE": 60}]
    assert account(told[-1]) == {"ACTIVE": 15, "READY": 15}


def test_the_machine_is_in_the_later_of_two_states_of_one_instant(line: InMemoryPipeline) -> None:
    gw = Source()
    (told,) = fold(line, gw.state("10:00", "ACTIVE"), gw.state("10:00", "READY"), gw.ending("11:00"))
    assert account(told) == {"READY": 60}


def test_a_state_older_than_the_source_could_watch_counts_from_its_event_time(line: InMemoryPipeline) -> None:
    gw = Source()
    fact = gw.state("10:00", "STOPPED").model_copy(update={"since": at("-3 04:00")})
    (told,) = fold(line, fact, gw.ending("11:00"))
    assert account(told) == {"STOPPED": 60}


def test_time_is_split_by_the_order_in_work(line: InMemoryPipeline) -> None:
    # [10 A---------R---)   orders: none |10:15 A-1 |10:45 none
    gw = Source()
    told = fold(
        line,
        gw.state("10:00", "ACTIVE"),
        gw.order("10:15", "A-1"),
        gw.state("10:40", "READY"),
        gw.order("10:45", None),
        gw.ending("11:00"),
    )
    assert account(told[-1]) == {"ACTIVE": 15, "A-1:ACTIVE": 25, "A-1:READY": 5, "READY": 15}


def test_units_belong_to_the_order_they_name_else_to_the_one_in_work(line: InMemoryPipeline) -> None:
    gw = Source()
    told = fold(
        line,
        gw.state("10:00", "ACTIVE"),
        gw.produced("10:01", 1),
        gw.order("10:10", "A-1"),
        gw.produced("10:10", 5, scrap=1),
        gw.produced("10:20", 2, rework=1, order="B-2"),
        gw.ending("11:00"),
    )
    assert quantities(told[-1]) == {None: (1, 0, 0), "A-1": (5, 1, 0), "B-2": (2, 0, 1)}


def test_units_without_a_known_state_are_told(line: InMemoryPipeline) -> None:
    gw = Source()
    (told,) = fold(line, gw.produced("10:01", 3), gw.ending("10:02"))
    assert (account(told), quantities(told)) == ({}, {None: (3, 0, 0)})


def test_after_a_source_ended_its_state_is_unknown_until_stated_again(line: InMemoryPipeline) -> None:
    # [10-A--20E   ...   [12---30-R--)
    gw = Source()
    told = fold(line, gw.state("10:00", "ACTIVE"), gw.ending("10:20"), gw.state("12:30", "READY"), gw.ending("13:00"))
    assert [(m.window.start, m.status, account(m)) for m in told] == [
        (at("10:00"), "provisional", {"ACTIVE": 20}),
        (at("10:00"), "final", {"ACTIVE": 20}),
        (at("12:00"), "final", {"READY": 30}),
    ]


def test_an_end_of_any_source_ends_what_is_known(line: InMemoryPipeline) -> None:
    # the gateway says the end of an asset once, for all its sources; a fact of the same instant came before it
    a, b = Source(source="a"), Source(source="b")
    told = fold(line, b.alive("10:00"), a.alive("10:00"), a.state("10:20", "ACTIVE"), b.ending("10:20"), a.alive("11:00:05"))
    assert told == []


def test_an_order_holds_when_a_source_ends(line: InMemoryPipeline) -> None:
    gw = Source()
    told = fold(line, gw.order("10:00", "A-1"), gw.ending("10:20"), gw.state("10:30", "ACTIVE"), gw.ending("11:00"))
    assert account(told[-1]) == {"A-1:ACTIVE": 30}


def test_facts_behind_a_measure_are_named_by_their_offsets(line: InMemoryPipeline) -> None:
    # offsets: 0 A in hour 9, 1 heartbeat, 2 R and 3 a unit in hour 10
    gw = Source()
    told = fold(
        line,
        gw.state("09:59", "ACTIVE"),
        gw.alive("10:00:30"),
        gw.state("10:30", "READY"),
        gw.produced("10:31", 1),
        gw.ending("11:00"),
    )
    ranges = [[(i.topic, i.first_offset, i.last_offset) for i in m.inputs] for m in told]
    assert ranges[0] == [(MACHINE.name, 0, 0)]
    assert ranges[-1] == [(MACHINE.name, 0, 0), (MACHINE.name, 2, 3)]


def test_a_measure_carries_the_line_of_the_asset(line: InMemoryPipeline) -> None:
    gw = Source()
    (told,) = fold(line, gw.state("10:00", "ACTIVE"), gw.ending("10:02"))
    assert (told.asset, told.line) == ("m1", "l1")


def test_an_hour_stays_with_the_line_it_was_first_told_to(line: InMemoryPipeline) -> None:
    gw = Source()
    fold(line, gw.state("10:00", "ACTIVE"), gw.alive("10:06"))
    line.references["m1"] = machine(line="l2")
    told = fold(line, gw.alive("11:06"))
    assert [(m.window.start, m.line) for m in told] == [(at("10:00"), "l1"), (at("11:00"), "l2")]


# repetition, restart, size


def test_a_restart_between_any_two_records_changes_nothing(line: InMemoryPipeline) -> None:
    def run(restart: bool) -> list[Measure]:
        a, b, one = Source(source="a"), Source(source="b"), InMemoryPipeline(steps=line.steps, assets=[machine()])
        facts = [
            a.state("10:00", "ACTIVE"),
            b.order("10:10", "A-1"),
            a.produced("10:20", 2, 1),
            a.produced("10:21", 1, order="B-2"),
        ]
        facts += [
            a.alive("10:30"),
            a.state("11:30", "READY"),
            a.state("10:40", "STOPPED"),
            b.order("10:05", "B-2"),
            b.order("10:10", None),
        ]
        one.send(*facts, a.ending("11:40"), a.state("12:10", "ACTIVE"), a.alive("+7 12:30"), topic=MACHINE)
        one.run(restart=lambda: restart)
        return one.events(Measure)

    assert run(True) == run(False)


def test_a_repeated_sequence_changes_nothing(line: InMemoryPipeline) -> None:
    gw = Source()
    units = gw.produced("10:10", 3)
    (told,) = fold(line, units, units, gw.ending("10:12"))
    assert quantities(told) == {None: (3, 0, 0)}
    assert line.outcomes["measure", MACHINE.name, Outcome.DUPLICATE] == 1


def test_revisions_of_an_hour_have_ids_of_their_own(line: InMemoryPipeline) -> None:
    gw = Source()
    told = fold(line, gw.state("10:00", "ACTIVE"), *(gw.alive(f"10:{m}") for m in (6, 11, 16)))
    assert [m.revision for m in told] == [1, 2, 3]
    assert len({m.id for m in told}) == 3


def test_more_facts_than_a_state_may_hold_settle_the_oldest(line: InMemoryPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    # 40 states in one hour, at most 20 are kept one by one: the account is the same, only restatement is given up
    monkeypatch.setattr(timeline, "MOST_FACTS", 20)
    gw = Source()
    assigned = gw.order("10:00", "A-1")
    states = [gw.state(f"10:{m:02}", ("ACTIVE", "READY")[m % 2]) for m in range(40)]
    told = fold(line, assigned, *states, gw.produced("10:39", 2), gw.state("10:01", "STOPPED"), gw.ending("11:00"))
    assert account(told[-1]) == {"A-1:ACTIVE": 20, "A-1:READY": 40}
    assert quantities(told[-1]) == {"A-1": (2, 0, 0)}
    assert [e.lateness_us > 0 for e in line.events(LateEvent)] == [True]


def test_settling_early_changes_no_account_of_facts_in_order(line: InMemoryPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(most: int) -> list[Measure]:
        monkeypatch.setattr(timeline, "MOST_FACTS", most)
        gw, one = Source(), InMemoryPipeline(steps=line.steps, assets=[machine()])
        facts: list[Event] = []
        for i in range(100):
            clock = f"{6 + i // 20:02}:{3 * (i % 20):02}"
            facts += [
                gw.state(clock, ("ACTIVE", "READY", "STOPPED")[i % 3]),
                gw.order(clock, ("A-1", None)[i % 2]),
                gw.produced(clock, 1),
            ]
        return fold(one, *facts, gw.ending("11:00"))

    assert [m.model_dump(exclude={"inputs"}) for m in run(7)] == [m.model_dump(exclude={"inputs"}) for m in run(10_000)]


def test_an_hour_that_waits_for_its_end_is_not_forgotten(line: InMemoryPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    # [10-A----)[11: more facts than fit within the 5 s that hour 10 is still open
    monkeypatch.setattr(timeline, "MOST_FACTS", 4)
    gw = Source()
    told = fold(
        line,
        gw.state("10:00", "ACTIVE"),
        *(gw.state(f"11:00:00.{i}", ("READY", "STOPPED")[i % 2]) for i in range(9)),
        gw.alive("11:01"),
    )
    assert account(told[-1]) == {"ACTIVE": 60}


def test_settling_early_restates_nothing_by_itself(line: InMemoryPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    # [6-A----)[7-R---)[8-A-: the state is full when a fact out of order comes for hour 7
    monkeypatch.setattr(timeline, "MOST_FACTS", 6)
    gw = Source()
    fold(line, *(gw.state(f"{6 + i // 2:02}:{30 * (i % 2):02}", ("ACTIVE", "READY")[i % 2]) for i in range(6)), gw.alive("09:01"))
    told = fold(line, gw.state("07:45", "STOPPED"))
    assert [(m.window.start, account(m)) for m in told] == [(at("07:00"), {"ACTIVE": 30, "READY": 15, "STOPPED": 15})]


def test_a_state_of_a_week_stays_small(line: InMemoryPipeline) -> None:
    # a state every 4 min for 8 days: 2,520 facts within the horizon
    gw = Source()
    start = int(at("00:00").timestamp()) * 1_000_000
    fold(line, *(gw.state(start + minutes(4 * i), ("ACTIVE", "READY")[i % 2]) for i in range(2880)))
    ((_, state),) = line.states.items()
    assert len(measure.STEP.logic.dump(state) or b"") < 100_000


# 10:00 ACTIVE   10:05 heard   10:07 end   10:20 heard again   11:10 heard
#                not due       due         due                 final
def test_days_add_an_hour_up_from_when_its_source_has_ended() -> None:
    line, gw = measuring(), Source()
    line.send(gw.state("10:00", "ACTIVE"), gw.alive("10:05"), topic=MACHINE)
    line.send(gw.ending("10:07"), gw.state("10:20", "READY"), gw.alive("11:10"), topic=MACHINE)
    told = [(m.status, m.due) for m in fold(line) if m.window.start == at("10:00")]
    assert told[0] == ("provisional", False)
    assert told[1:-1] == [("provisional", True)] * (len(told) - 2)
    assert len(told) > 3
    assert told[-1] == ("final", True)
