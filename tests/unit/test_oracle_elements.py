"""The oracle's time elements against drawn timelines: one letter a minute from 10:00.

States: A active, R ready, S stopped, X aborted (PackML), E execute (PackML), U unavailable, . after an ending.
Elements: P production, S set-up, B breakdown, m minor stop, d delay, n no order, D planned downtime, - not planned, ? unknown.
"""

import pytest
from oracle.calendar_days import Record
from oracle.drawn_timeline import MINUTE, START, Log, calendar, clock, drawn, elements, loss_model, order, plant, shift
from oracle.element_spans import element_spans, hourly, state_accounts
from oracle.machine_records import HOUR

CODED = [{"reasons": ["jam"], "element": "breakdown"}, {"reasons": ["clean"], "element": "set-up"}]
ABORTED = [{"states": ["Aborted"], "element": "breakdown"}]


def on_order(drawing: str) -> Log:
    """A log of a machine that has been on order A-1 since before."""
    return Log().fact("10:00", "order", order="A-1").states(drawing)


def at(minute: int) -> int:
    return START + minute * MINUTE


def test_without_a_model_active_is_production_and_the_rest_delay_on_an_order() -> None:
    assert elements(on_order("AARRSUUA..A")) == "PPddd??P??P"


def test_without_a_model_and_an_order_a_stop_is_no_order_but_a_run_is_production() -> None:
    assert elements(Log().states("AARRE")) == "PPnnP"


def test_before_the_first_state_nothing_is_known_and_the_hour_counts_from_its_start() -> None:
    assert elements(Log().states("A", at(3))) == "???P"


def test_an_order_outlives_an_ending_and_the_state_and_mode_do_not() -> None:
    rules = [{"modes": ["MANUAL"], "element": "set-up"}]
    log = on_order("R").fact(at(0), "mode", mode="MANUAL").states("R", at(3))
    assert elements(log, loss_model=[loss_model(rules=rules)]) == "S??d"


def test_the_first_rule_that_holds_decides_and_the_default_where_none_holds() -> None:
    rules: list[Record] = [
        {"states": ["STOPPED"], "on_order": True, "element": "breakdown"},
        {"states": ["STOPPED"], "element": "set-up"},
    ]
    model = [loss_model(rules=rules)]
    assert elements(on_order("SSR"), loss_model=model) == "BBd"
    assert elements(Log().states("SSR"), loss_model=model) == "SSn"


def test_of_equal_times_the_later_sequence_counts_and_an_ending_comes_last() -> None:
    log = Log().fact("10:00", "execution", state="READY").fact("10:00", "execution", state="ACTIVE").beat("10:02")
    assert elements(log) == "PP"
    late = Log().fact("10:00", "execution", state="ACTIVE").beat("10:01").fact("10:01", "execution", state="ACTIVE").beat("10:02")
    assert elements(late) == "P?"


def test_a_repeat_changes_nothing_and_the_order_of_the_log_does_not_matter() -> None:
    log = on_order("AARRSUUA..A")
    turned = plant(log)
    assert drawn(element_spans(type(turned)(machine=[*log.machine[::-1], *log.machine], asset=turned.asset))) == "PPddd??P??P"


# break 10:03 to 10:06, end of the shift at 10:09
BREAK = [calendar(shift("early", "10:00", "10:09", ("10:03", "10:06")))]


def test_the_calendar_decides_before_the_machine_is_asked() -> None:
    assert elements(on_order("AAAAAAAAAAAA"), calendar=BREAK) == "PPPDDDPPP---"
    assert elements(on_order("U" * 12), calendar=BREAK) == "???DDD???---"


# runs      ..A of 1 min between stops is none at a minimum of 2; of 2 min it is one
@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        ("RARR", "dddd"),
        ("RAAR", "dPPd"),
        ("ARAR", "Pddd"),  # the first has no stop before it
        ("RA", "dP"),  # the last has no stop after it
        ("URARU", "?ddd?"),
        ("UAR", "?Pd"),
        ("RAU", "dP?"),
        ("RARAR", "ddddd"),
        ("RA.R", "dP?d"),
    ],
)
def test_a_run_below_the_minimum_belongs_to_the_stop_around_it(states: str, wanted: str) -> None:
    assert elements(on_order(states), loss_model=[loss_model(minimum_run=2)]) == wanted


def test_a_short_run_takes_the_state_of_the_stop_before_it() -> None:
    assert elements(on_order("XARR"), loss_model=[loss_model(rules=ABORTED, minimum_run=2)]) == "BBdd"


def test_a_run_is_measured_over_breaks() -> None:
    # 1 min before the break, 3 in it: a run of 4
    assert elements(on_order("RRAAAARR"), loss_model=[loss_model(minimum_run=4)], calendar=BREAK) == "ddPDDDdd"


# code      at minute 3 of a stop from 2 to 6, over a break in the middle
def test_a_code_counts_for_all_of_its_stop() -> None:
    log = on_order("AARRSSAARR").fact(at(3), "stop", reason="jam")
    assert elements(log, loss_model=[loss_model(rules=CODED)]) == "PPBBBBPPdd"


def test_a_code_counts_from_the_stop_s_first_instant_to_before_its_last() -> None:
    model = [loss_model(rules=CODED)]
    assert elements(on_order("ARRA").fact(at(1), "stop", reason="jam"), loss_model=model) == "PBBP"
    assert elements(on_order("ARRA").fact(at(3), "stop", reason="jam"), loss_model=model) == "PddP"


def test_the_newest_code_of_a_stop_counts_and_of_equal_times_the_later_sequence() -> None:
    model = [loss_model(rules=CODED)]
    later_first = on_order("ARRA").fact(at(2), "stop", reason="jam").fact(at(1), "stop", reason="clean")
    assert elements(later_first, loss_model=model) == "PBBP"
    same_time = on_order("ARRA").fact(at(1), "stop", reason="jam").fact(at(1), "stop", reason="clean")
    assert elements(same_time, loss_model=model) == "PSSP"


def test_a_code_in_a_short_run_is_a_code_of_the_stop_around_it() -> None:
    log = on_order("ARARA").fact(at(2), "stop", reason="jam")
    assert elements(log, loss_model=[loss_model(rules=CODED, minimum_run=2)]) == "PBBBP"


def test_unknown_time_parts_two_stops() -> None:
    assert elements(on_order("RURA").fact(at(0), "stop", reason="jam"), loss_model=[loss_model(rules=CODED)]) == "B?dP"


# threshold 3 min
@pytest.mark.parametrize(("states", "wanted"), [("ARRA", "PmmP"), ("ARRRA", "PdddP"), ("AXXA", "PmmP"), ("ARXRA", "PdBdP")])
def test_a_shorter_uncoded_stop_is_a_minor_stop(states: str, wanted: str) -> None:
    assert elements(on_order(states), loss_model=[loss_model(rules=ABORTED, micro_stop=3)]) == wanted


def test_a_coded_stop_is_no_minor_stop() -> None:
    log = on_order("ARRA").fact(at(1), "stop", reason="jam")
    assert elements(log, loss_model=[loss_model(rules=CODED, micro_stop=3)]) == "PBBP"


def test_a_stop_without_an_order_stays_no_order_though_it_is_short() -> None:
    assert elements(Log().states("ARRA"), loss_model=[loss_model(micro_stop=3)]) == "PnnP"


def test_the_length_of_a_stop_is_measured_over_breaks_and_hours() -> None:
    model = [loss_model(micro_stop=5)]
    assert elements(on_order("AARRRRRAA"), loss_model=model, calendar=BREAK) == "PPdDDDdPP"
    assert elements(on_order("AAARRRRAA"), loss_model=model, calendar=BREAK) == "PPPDDDmPP"
    log = Log().fact("10:00", "order", order="A-1").states("A" * 58 + "RRRR" + "AA")
    assert elements(log, loss_model=model)[-6:] == "mmmmPP"


# change to B-2 at minute 2; limit 4 min
@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        ("AARRRA", "PPSSSP"),
        ("AARRRRRRA", "PPSSSSddP"),
        ("ARRRA", "PdSSP"),
        ("AAAARRAR", "PPPPSSPd"),  # a run that is going on does not begin
        ("AAUURRRA", "PP??SSdP"),
    ],
)
def test_stops_from_a_change_of_order_to_the_first_run_are_set_up(states: str, wanted: str) -> None:
    log = on_order(states).fact(at(2), "order", order="B-2")
    assert elements(log, loss_model=[loss_model(set_up_limit=4)]) == wanted


def test_the_first_order_is_a_change_and_the_same_order_again_is_none() -> None:
    model = [loss_model(set_up_limit=9)]
    assert elements(Log().states("RRRA").fact(at(1), "order", order="A-1"), loss_model=model) == "nSSP"
    assert elements(on_order("ARRA").fact(at(1), "order", order="A-1"), loss_model=model) == "PddP"
    assert elements(on_order("ARRA").fact(at(1), "order", order=None), loss_model=model) == "PnnP"


def test_a_coded_stop_and_a_breakdown_in_set_up_stay_what_they_are() -> None:
    model = [loss_model(rules=[*CODED, *ABORTED], set_up_limit=9)]
    assert (
        elements(on_order("ARRA").fact(at(1), "order", order="B-2").fact(at(1), "stop", reason="jam"), loss_model=model) == "PBBP"
    )
    assert elements(on_order("ARXRA").fact(at(1), "order", order="B-2"), loss_model=model) == "PSBSP"


def test_a_short_run_does_not_end_set_up() -> None:
    log = on_order("AARARRAA").fact(at(2), "order", order="B-2")
    assert elements(log, loss_model=[loss_model(set_up_limit=9, minimum_run=2)]) == "PPSSSSPP"


# break 10:03 to 10:06; gap 2 min
@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        ("RRRRRRRRR", "dDDDDDDDd"),
        ("AARAAAARR", "PPDDDDPdd"),  # touches before; after it a run lies between
        ("ARAAAARRR", "PdPDDDDDd"),  # from the break's end on
        ("AARUUUURR", "PPDDDD?dd"),
        ("RRUUUUUUU", "dd?DDD???"),
    ],
)
def test_a_stop_that_touches_a_break_belongs_to_it_as_far_as_the_gap(states: str, wanted: str) -> None:
    assert elements(on_order(states), loss_model=[loss_model(break_gap=2)], calendar=BREAK) == wanted


def test_a_breakdown_at_a_break_stays_one_and_a_minor_stop_does_not() -> None:
    model = [loss_model(rules=ABORTED, break_gap=2, micro_stop=1)]
    assert elements(on_order("AXXXXXXXA"), loss_model=model, calendar=BREAK) == "PBBDDDBBP"
    short = [loss_model(break_gap=2, micro_stop=5)]
    assert elements(on_order("AARRRRAAA"), loss_model=short, calendar=BREAK) == "PPDDDDPPP"


def test_each_span_has_the_model_in_force_and_a_stop_the_threshold_of_its_start() -> None:
    models = [
        loss_model(micro_stop=3),
        loss_model(2, "10:02", rules=[{"states": ["READY"], "element": "breakdown"}, {"states": ["STOPPED"], "element": "set-up"}]),
    ]
    # the stop 1-3 begins under version 1: minor; the next two begin under version 2
    assert elements(on_order("ARRASSARRA"), loss_model=models) == "PmmPSSPBBP"


def test_what_the_calendar_decides_has_no_reason_though_the_stop_is_coded() -> None:
    log = on_order("AARRRRRA").fact(at(2), "stop", reason="jam")
    accounts = hourly(element_spans(plant(log, calendar=BREAK)))
    assert {(key[4], key[5]): us // MINUTE for key, us in accounts["m1", START].items()} == {
        ("production", None): 3,
        ("delay", "jam"): 2,
        ("planned downtime", None): 3,
    }


def test_reasons_orders_parts_and_days_are_those_of_the_span() -> None:
    log = on_order("ARRA").fact(at(1), "stop", reason="jam")
    known = plant(log, loss_model=[loss_model(rules=CODED)], order=[order("A-1", "P-1")], calendar=BREAK)
    place = ("2026-11-24", "2026-11-24/early", "A-1", "P-1")
    assert hourly(element_spans(known)) == {
        ("m1", START): {
            (*place, "production", None): MINUTE,
            (*place, "breakdown", "jam"): 2 * MINUTE,
            (*place, "planned downtime", None): MINUTE,
        }
    }


def test_a_breakdown_over_an_hour_begins_once() -> None:
    log = Log().fact("10:00", "order", order="A-1").states("A" * 55 + "X" * 10 + "AX")
    spans = element_spans(plant(log, loss_model=[loss_model(rules=ABORTED)]))
    assert [s.begun for s in spans if s.element == "breakdown"] == [True, True]
    accounts = hourly(spans)
    assert {h: sum(us for key, us in a.items() if key[4] == "breakdown") for (_, h), a in accounts.items()} == {
        START: 5 * MINUTE,
        START + HOUR: 6 * MINUTE,
    }


def test_every_hour_adds_up_to_all_of_its_time() -> None:
    accounts = hourly(element_spans(plant(on_order("AARRSUUA..A"))))
    assert {hour: sum(a.values()) for hour, a in accounts.items()} == {("m1", clock("10:00")): 11 * MINUTE}


def test_the_account_of_states_is_what_the_machine_said() -> None:
    log = on_order("AUXA").fact(at(3), "order", order=None)
    accounts = state_accounts(plant(log, loss_model=[loss_model(minimum_run=9)]))
    assert accounts == {
        ("m1", START): {
            ("A-1", "ACTIVE"): MINUTE, ("A-1", "UNAVAILABLE"): MINUTE, ("A-1", "Aborted"): MINUTE, (None, "ACTIVE"): MINUTE,
        }
    }  # fmt: skip
