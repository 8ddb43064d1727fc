"""The state of the step measure as bytes: what of it survives, how large it gets, and the layout before."""

from dataclasses import replace

import pytest
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, at, loss_model, machine, minutes, us
from measure_lab import account, elements, fold, measuring, quantities

from schemas.events.measure import Measure
from schemas.registry import MACHINE
from streams.agents import measure
from streams.domain.fact_series import Kind, Verdict, entry
from streams.domain.hour_record import Units
from streams.domain.measure import MeasureLogic
from streams.domain.measure_state import MeasureState, dump, load
from streams.domain.state_bytes import UnknownStateVersion
from streams.domain.timeline import MOST_FACTS

#: Layout 1, as its program wrote it. A-1 from 9:00; [9 A-20 U-40 R)[10 A-40 R-50:none)[11 R-10 STOPPED-31; in hour 10 three units
#: for B-2 and two that name no order. All before 9:20 is settled. Hours 9 and 10 are final, 11 was told twice.
LAYOUT_1 = (
    b'[1,[[{"gw":10,"b":1},1795519860000000,1795518000000000,1795512000000000,[1795510800000000,false,2,"gw","ACTIVE",1],'
    b'[1795510800000000,false,1,"gw","A-1",0]],{"1795510800000000":[["gw","UNAVAILABLE","READY"],[1200000000,3,0,1,2,1200000000,1,0,'
    b'2,1],[],[],[],[["A-1","ACTIVE",1200000000]],[0,3,3,"l1",["A-1"]]],"1795514400000000":[["gw","ACTIVE","READY",null],[0,5,0,1,4,'
    b'2400000000,3,0,2,3],[3000000000,9,0,3,8],[1200000000,2,0,0],[["B-2",[3,0,0]]],[],[4,8,5,"l1",["A-1","B-2"]]],'
    b'"1795518000000000":[["b","STOPPED"],[600000000,1,0,1,9],[],[],[],[],[9,9,2,"l1",[]]]}]]'
)


def upgraded() -> InMemoryPipeline:
    """The step after it loaded the state of layout 1."""
    line = measuring()
    line.stored["measure", line.partition_of(b"m1"), "m1"] = LAYOUT_1
    return line


def test_a_state_of_layout_1_goes_on_where_it_was() -> None:
    gw, line = Source(), upgraded()
    gw.sequence = 9
    assert fold(line, gw.alive("11:30")) == []  # number 10 was counted
    told = fold(line, gw.ending("12:00"))
    assert [(m.window.start, m.status, m.revision, account(m)) for m in told] == [
        (at("11:00"), "final", 3, {"READY": 10, "STOPPED": 50})
    ]
    assert elements(told[0]) == {"no order": 60}


def test_an_hour_of_layout_1_is_restated_with_all_that_it_had_told() -> None:
    gw, line = Source(source="late"), upgraded()
    (told, *_) = fold(line, gw.produced("10:30", 1))
    assert (told.window.start, told.status, told.revision) == (at("10:00"), "restated", 6)
    assert account(told) == {"A-1:ACTIVE": 40, "A-1:READY": 10, "READY": 10}
    assert elements(told) == {"A-1:production": 40, "A-1:delay": 10, "no order": 10}
    assert quantities(told) == {"A-1": (3, 0, 0), "B-2": (3, 0, 0)}


def test_what_layout_1_had_settled_stays_in_its_hour() -> None:
    gw, line = Source(source="late"), upgraded()
    (told, *_) = fold(line, gw.state("09:30", "READY"))
    assert account(told) == {"A-1:ACTIVE": 20, "A-1:UNAVAILABLE": 10, "A-1:READY": 30}
    assert elements(told) == {"A-1:production": 20, "A-1:unknown": 10, "A-1:delay": 30}


def test_another_layout_is_named() -> None:
    with pytest.raises(UnknownStateVersion, match="layout 3"):
        load("m1", b"[3,[]]")


def test_bytes_become_the_same_bytes_again() -> None:
    gw, line = Source(), measuring(loss_model(minimum_run=2, micro_stop=5))
    fold(
        line, gw.order("10:00", "A-1"), gw.state("10:00", "ACTIVE"), gw.mode("10:01", "MANUAL"), gw.coded("10:02", "jam"),
        gw.energy("10:03", 2.5), gw.produced("10:04", 3, order="B-2"), gw.packml("10:05", "Held"),
        gw.verdict("10:06", "U1", "pass"), gw.alive("11:30"),
    )  # fmt: skip
    ((_, state),) = line.states.items()
    data = dump(state)
    assert dump(load("m1", data)) == data


def test_a_state_of_as_many_facts_as_are_kept_stays_below_half_a_megabyte() -> None:
    # a cycle every 40 s for a week: run, stop, a unit with a part, and a verdict on a unit with a long id
    state, start = MeasureState("m1"), us("00:00")
    for i in range(MOST_FACTS // 4):
        time = start + i * 40_000_000 + i * 7919 % 1_000_000
        state.timeline.insert(Kind.STATE, entry(time, 5 * i + 1, "gateway-1", "ACTIVE", 31 * i))
        state.timeline.insert(Kind.STATE, entry(time + 31_000_000, 5 * i + 2, "gateway-1", "READY", 31 * i + 9))
        state.timeline.produce(Units(time + 31_000_000, 1, 0, 0, "PO-20461", "P-1138"), 31 * i + 10)
        verdict = Verdict(f"SN-2026-11-{i:07}", "pass", "PO-20461").value
        state.timeline.insert(Kind.VERDICT, entry(time + 35_000_000, i + 1, "inspection-1", verdict, 3 * i))
    assert state.timeline.size == MOST_FACTS
    assert len(dump(state)) < 500_000


def test_a_change_of_order_that_was_forgotten_still_makes_set_up_of_the_stop() -> None:
    # horizon 1 h: [10-A--40 R 50:A-1 )[11 ------ )[12 : the change is forgotten at 12:00, set-up goes on to 12:20
    step = replace(measure.STEP, logic=MeasureLogic(horizon_us=minutes(60)))
    line = InMemoryPipeline(steps=(step,), assets=[machine()], loss_models=[loss_model(set_up_limit=90)])
    gw = Source()
    line.send(gw.state("10:00", "ACTIVE"), gw.state("10:40", "READY"), gw.order("10:50", "A-1"), topic=MACHINE)
    line.send(*(gw.alive(f"{h}:{m}") for h in (11, 12, 13) for m in (10, 30, 50)), topic=MACHINE)
    line.run(restart=lambda: True)
    newest = {m.window.start: elements(m) for m in line.events(Measure)}
    assert newest[at("12:00")] == {"A-1:set-up": 20, "A-1:delay": 40}
