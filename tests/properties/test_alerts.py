"""The life of alarms over drawn logs: any batching, repeats and restarts give the same steps; an occurrence ends at most once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

import pytest
from alert_lab import send, window
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inmemory_pipeline import InMemoryPipeline, Lane
from machine_facts import Source, at, machine, us

from schemas.envelope import Event
from schemas.events.alert import Alert
from schemas.events.alert_action import AlertAction
from schemas.events.alert_refusal import AlertRefusal
from schemas.events.asset import Channel
from schemas.events.twin_state import TwinState
from schemas.instant import from_micros, to_micros
from schemas.registry import AGGREGATE, ALERT, ALERT_ACTION, MACHINE
from streams.agents import alert, twin
from streams.domain import alert_flood

CHANNELS = ("a", "b", "c")
ITEMS = tuple(f"c{i}" for i in range(6))
LIMITS = {"unit": "Cel", "high": 80.0, "low": 20.0, "deadband": 5.0}
ASSETS = [
    machine(
        asset,
        **{
            name: Channel.model_validate(
                {**LIMITS, "on_delay_us": on, "off_delay_us": off, "alarms_while": states}, strict=False
            )
            for name, on, off, states in (("a", 20_000_000, 0, []), ("b", 0, 20_000_000, tied), ("c", 0, 0, tied))
        },
    ).model_copy(update={"silence_after_us": 180_000_000})
    for asset, tied in (("m1", ["ACTIVE"]), ("m2", []))
]  # fmt: skip
randoms = st.randoms(use_true_random=False)
slow = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module", autouse=True)
def floods_that_drawn_logs_can_reach() -> Iterator[None]:
    """More than three alarms are a flood here, and fewer than two are none any more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alert_flood, "MOST", 3)
        patch.setattr(alert_flood, "FEW", 2)
        yield


#: what a machine says, and how long after the last word: at times before it, at times after a silence
facts = st.tuples(
    st.one_of(st.integers(0, 30_000_000), st.sampled_from([0, 5_000_000, -3_000_000, -20_000_000, 200_000_000, 500_000_000])),
    st.one_of(
        st.tuples(st.just("state"), st.sampled_from(["ACTIVE", "READY", "STOPPED"])),
        st.tuples(st.sampled_from(ITEMS), st.sampled_from(["normal", "warning", "fault", "unavailable"])),
        st.just(("alive", "")),
        st.just(("ending", "")),
    ),
)
levels = st.tuples(st.sampled_from(CHANNELS), st.sampled_from([10.0, 22.0, 50.0, 78.0, 85.0]))


def some(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """A few, or so many that they make a flood."""
    return st.one_of(st.lists(of, max_size=10), st.lists(of, min_size=25, max_size=40))


class Log(NamedTuple):
    """What is sent to each topic, in order."""

    facts: list[Event]
    windows: list[Event]


@st.composite
def logs(draw: st.DrawFn) -> Log:
    told, windows = [], []
    for asset in ("m1", "m2"):
        gw, time = Source(asset), us("10:00")
        for step, (kind, what) in draw(some(facts)):
            time = max(us("09:00"), time + step)
            match kind:
                case "state":
                    told.append(gw.state(time, what))
                case "alive":
                    told.append(gw.alive(time))
                case "ending":
                    told.append(gw.ending(time))
                case _:
                    told.append(gw.condition(time, kind, what))  # type: ignore[arg-type]
        windows += [window(i // len(CHANNELS), mean, channel, asset) for i, (channel, mean) in enumerate(draw(some(levels)))]
    return Log(told, windows)


def acts_on(steps: list[Alert], random: Random) -> list[Event]:
    """Actions on occurrences that were there, some of them twice, late or on nothing."""
    acts: list[Event] = []
    for number, step in enumerate(random.sample(steps, min(len(steps), 12))):
        time, action = (
            to_micros(step.event_time) + random.randrange(60_000_000),
            random.choice(["acknowledge", "shelve", "unshelve"]),
        )
        until = from_micros(time + random.randrange(1, 300_000_000)) if action == "shelve" else None
        act = AlertAction(
            event_time=from_micros(time), source=f"cli-{number}", asset=step.asset, sequence=1, action=action, rule=step.rule,  # type: ignore[arg-type]
            raised_at=random.choice([step.raised_at, step.raised_at, at("09:59")]), until=until,
        )  # fmt: skip
        acts += [act] * random.choice([1, 1, 2])
    return acts


def run(log: Log, acts: list[Event], random: Random | None, restarts: float = 0.0) -> InMemoryPipeline:
    """The step and the twin behind it; ``random`` chooses what is read next, else topic after topic."""
    line = InMemoryPipeline(steps=(alert.STEP, twin.STEP), assets=ASSETS, partitions=1)
    send(line, *log.facts, *log.windows, *acts)
    if random is None:
        line.run()
    else:
        line.run(choose=random.choice, restart=lambda: random.random() < restarts)
    return line


def by_rule(line: InMemoryPipeline) -> dict[tuple[str, str], list[Alert]]:
    """The steps of each rule, in order."""
    found: dict[tuple[str, str], list[Alert]] = defaultdict(list)
    for step in line.events(Alert):
        found[step.asset, step.rule].append(step)
    return found


def replayed(line: InMemoryPipeline) -> dict[str, list[str]]:
    """The rules with an alarm that is shown, by asset: plain code over the topic."""
    newest: dict[tuple[str, str], tuple[tuple[object, int], str]] = {}
    for step in line.events(Alert):
        newest[step.asset, step.rule] = max(
            newest.get((step.asset, step.rule), ((step.raised_at, 0), "")), ((step.raised_at, step.revision), step.state)
        )
    found: dict[str, list[str]] = defaultdict(list)
    for (asset, rule), (_, state) in sorted(newest.items()):
        found[asset] += [rule] * (state in ("raised", "acknowledged"))
    return found


@slow
@given(logs(), randoms)
def test_restarts_and_repeats_give_the_same_steps_and_ids(log: Log, random: Random) -> None:
    acts = acts_on(run(log, [], None).events(Alert), random)
    order = Random(random.randrange(1000))
    chosen: list[Lane] = []

    def note(lanes: list[Lane]) -> Lane:
        chosen.append(order.choice(lanes))
        return chosen[-1]

    plain = InMemoryPipeline(steps=(alert.STEP,), assets=ASSETS, partitions=1)
    send(plain, *log.facts, *log.windows, *acts)
    plain.run(choose=note)
    again = InMemoryPipeline(steps=plain.steps, assets=ASSETS, partitions=1)
    send(again, *log.facts, *log.windows, *acts)
    for lane in chosen:
        if random.random() < 0.3:
            again.restart()
        again.fold_next(lane)
        if random.random() < 0.2:  # the record is read again behind the fence of its states
            again.fold(lane, again.positions[lane] - 1)
    assert again.written[ALERT.name] == plain.written[ALERT.name]


@slow
@given(logs(), randoms)
def test_records_that_come_twice_change_nothing(log: Log, random: Random) -> None:
    twice = Log([e for e in log.facts for _ in range(random.choice([1, 2, 3]))], [e for e in log.windows for _ in range(2)])
    plain, again = run(log, [], None), run(twice, [], random)
    key = [(a.id, a.state) for rule in sorted(by_rule(plain)) for a in by_rule(plain)[rule]]
    assert [(a.id, a.state) for rule in sorted(by_rule(again)) for a in by_rule(again)[rule]] == key


@slow
@given(logs(), randoms)
def test_without_people_the_steps_do_not_depend_on_which_topic_is_read_first(log: Log, random: Random) -> None:
    plain, again = run(log, [], None), run(log, [], random, restarts=0.2)
    assert by_rule(again) == by_rule(plain)


@slow
@given(logs(), randoms)
def test_a_rule_has_one_open_occurrence_and_each_ends_at_most_once(log: Log, random: Random) -> None:
    acts = acts_on(run(log, [], None).events(Alert), random)
    for steps in by_rule(run(log, acts, random, restarts=0.1)).values():
        ends: dict[str, int] = defaultdict(int)
        for before, step in zip([None, *steps], steps, strict=False):
            if before is None or before.alert != step.alert:
                assert before is None or (before.state == "cleared" and before.raised_at < step.raised_at)
                assert (step.revision, step.state != "cleared") == (1, True)
            else:
                assert step.revision == before.revision + 1
                reopened = before.state == "cleared" and step.state != "cleared"
                assert not reopened or step.event_time == step.raised_at  # gone and back within one instant
                ends[step.alert] += (before.state != "cleared" and step.state == "cleared") - reopened
        assert set(ends.values()) <= {0, 1}


@slow
@given(logs(), randoms)
def test_every_action_has_exactly_one_answer_or_waits_for_its_alarm(log: Log, random: Random) -> None:
    acts = acts_on(run(log, [], None).events(Alert), random)
    line = run(log, acts, random, restarts=0.1)
    answered: dict[str, int] = defaultdict(int)
    for event in line.written[ALERT.name]:
        assert isinstance(event, Alert | AlertRefusal)
        if (event.cause or "").startswith("cli-"):
            answered[event.cause or ""] += 1
    asked = {e.event_id for e in acts}
    assert answered.keys() <= asked
    assert set(answered.values()) <= {1}
    states = [s for (step, _, _), s in line.states.items() if step == alert.STEP.name]
    assert answered.keys() | {w.event for s in states for w in s.desk.waiting} == asked


@slow
@given(logs(), randoms)
def test_the_twin_shows_what_a_replay_of_the_topic_shows(log: Log, random: Random) -> None:
    acts = acts_on(run(log, [], None).events(Alert), random)
    line = run(log, acts, random, restarts=0.1)
    shown = {s.scope.id: s.asset.open_alerts for s in line.events(TwinState) if s.asset is not None}
    assert {asset: rules for asset, rules in shown.items() if rules} == {a: r for a, r in replayed(line).items() if r}


@slow
@given(logs(), randoms)
def test_an_id_never_names_two_contents_whatever_the_order_of_reading(log: Log, random: Random) -> None:
    acts = acts_on(run(log, [], None).events(Alert), random)
    contents: dict[str, str] = {}
    for line in (run(log, acts, None), run(log, acts, random), run(log, acts, random, restarts=0.3)):
        for event in line.written[ALERT.name]:
            text = event.model_dump_json()
            assert contents.setdefault(event.event_id, text) == text


def test_the_topics_of_the_step_are_the_three_that_the_logs_are_drawn_for() -> None:
    assert {t.name for t in alert.STEP.reads} == {AGGREGATE.name, MACHINE.name, ALERT_ACTION.name}
