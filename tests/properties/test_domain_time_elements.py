"""Time elements of drawn timelines: what a program finds that looks at each minute apart, however the time is asked for, and
however the facts came."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inmemory_pipeline import InMemoryPipeline
from machine_facts import DAY, Source, machine
from machine_logs import with_repeats
from minute_elements import MINUTE, Minutes

from schemas.envelope import Event, SourceEvent
from schemas.events.calendar import Calendar
from schemas.events.loss_model import LossModel
from schemas.events.measure import Measure
from schemas.instant import HOUR_US, from_micros, to_micros
from schemas.packml import PackMLState
from schemas.registry import MACHINE
from streams.agents import measure
from streams.domain.calendar import pieces
from streams.domain.fact_series import Entry, Kind, entry
from streams.domain.line_basis import LineBasis
from streams.domain.measure import MeasureLogic
from streams.domain.time_elements import Facts, element_spans

randoms = st.randoms(use_true_random=False)
slow = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
START = to_micros(DAY) + 4 * HOUR_US
STATES = ("ACTIVE", "ACTIVE", "READY", "STOPPED", "UNAVAILABLE", "Execute", "Held", "")
ORDERS = ("A-1", "B-2", None)
MODES = ("AUTOMATIC", "MANUAL")
CODES = ("jam", "cleaning", "no operator")
MOST = 300  # minutes of a drawn log

RULES: list[dict[str, Any]] = [
    {"reasons": ["jam"], "element": "breakdown"},
    {"reasons": ["cleaning"], "element": "planned downtime"},
    {"modes": ["MANUAL"], "states": ["ACTIVE"], "element": "set-up"},
    {"states": ["STOPPED"], "element": "breakdown"},
    {"states": ["READY"], "on_order": False, "element": "no order"},
    {"states": ["Held"], "element": "delay"},
]


@st.composite
def loss_models(draw: st.DrawFn) -> list[LossModel]:
    """None, one or two versions with some of the rules and small thresholds."""
    out = []
    for version in range(1, draw(st.integers(0, 2)) + 1):
        limits = {"micro_stop_us": 9, "minimum_run_us": 6, "break_gap_us": 12, "set_up_limit_us": 60}
        since = 0 if version == 1 else START + draw(st.integers(0, MOST)) * MINUTE
        out.append(
            LossModel.model_validate(
                {
                    "event_time": DAY, "version": version, "line": "l1", "valid_from": from_micros(since),
                    "rules": draw(st.lists(st.sampled_from(RULES), max_size=4)),
                    **{name: draw(st.integers(0, most)) * MINUTE for name, most in limits.items()},
                },
                strict=False,
            )
        )  # fmt: skip
    return out


@st.composite
def calendars(draw: st.DrawFn) -> list[Calendar]:
    """None, one or two versions of two shifts with a break; the second version holds from some minute on."""
    out = []
    for version in range(1, draw(st.integers(0, 2)) + 1):
        clocks = sorted(draw(st.lists(st.integers(4 * 60, 9 * 60), min_size=4, max_size=4, unique=True)))
        a, b, c, d = (f"{m // 60:02}:{m % 60:02}" for m in clocks)
        since = 0 if version == 1 else START + draw(st.integers(0, MOST)) * MINUTE
        out.append(
            Calendar.model_validate(
                {
                    "event_time": DAY, "version": version, "line": "l1", "zone": "UTC", "valid_from": from_micros(since),
                    "shifts": [{"name": "early", "days": list(DAYS), "start": a, "end": d, "breaks": [(b, c)]}],
                },
                strict=False,
            )
        )  # fmt: skip
    return out


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Row = tuple[str, int, Any]  # kind, minute, value


def rows() -> st.SearchStrategy[list[Row]]:
    """Facts of one machine in any order of time."""
    minute = st.integers(0, MOST)
    fact = st.one_of(
        st.tuples(st.just("state"), minute, st.sampled_from(STATES)),
        st.tuples(st.just("state"), minute, st.sampled_from(STATES)),
        st.tuples(st.just("order"), minute, st.sampled_from(ORDERS)),
        st.tuples(st.just("mode"), minute, st.sampled_from(MODES)),
        st.tuples(st.just("code"), minute, st.sampled_from(CODES)),
    )
    return st.lists(fact, min_size=1, max_size=25)


def facts_of(found: list[Row]) -> Facts:
    """The facts as the step keeps them; an end is one of state and mode."""
    series: list[list[Entry]] = [[] for _ in Kind]
    for number, (kind, minute, value) in enumerate(found, 1):
        kinds = [Kind[kind.upper()]] + ([Kind.MODE] if kind == "state" and value == "" else [])
        for k in kinds:
            series[k].append(entry(START + minute * MINUTE, number, "gw", value, number))
    return Facts([sorted(one) for one in series], START + max(m for _, m, _ in found) * MINUTE)


def by_minute(found: list[Row], models: list[LossModel], planned: list[Calendar]) -> list[tuple[str, str | None]]:
    def of(kind: str) -> list[tuple[int, int, str | None]]:
        numbered = [(m, n, v) for n, (k, m, v) in enumerate(found, 1) if k == kind]
        if kind == "mode":
            numbered += [(m, n, v) for n, (k, m, v) in enumerate(found, 1) if k == "state" and v == ""]
        return numbered

    known = max(m for _, m, _ in found)
    whole = pieces(planned, START - 24 * HOUR_US, START + 24 * HOUR_US)
    return Minutes(START, known, of("state"), of("mode"), of("order"), of("code"), models, whole).run()


def minutes_of(spans: list[Any]) -> list[tuple[str, str | None]]:
    return [(s.element.value, s.reason) for s in spans for _ in range((s.end - s.start) // MINUTE)]


@slow
@given(rows(), loss_models(), calendars())
def test_each_minute_is_in_the_element_that_the_rules_name(
    found: list[Row], models: list[LossModel], planned: list[Calendar]
) -> None:
    facts = facts_of(found)
    spans = element_spans(facts, LineBasis(planned, models), START, facts.known)
    assert minutes_of(spans) == by_minute(found, models, planned)


@slow
@given(rows(), loss_models(), calendars(), st.lists(st.integers(0, MOST), max_size=6))
def test_asking_part_by_part_gives_what_asking_at_once_gives(
    found: list[Row], models: list[LossModel], planned: list[Calendar], cuts: list[int]
) -> None:
    facts, basis = facts_of(found), LineBasis(planned, models)
    whole = element_spans(facts, basis, START, facts.known)
    times = sorted({START, facts.known, *(t for t in (START + c * MINUTE for c in cuts) if t < facts.known)})
    parts = [s for a, b in pairwise(times) for s in element_spans(facts, basis, a, b)]
    assert minutes_of(parts) == minutes_of(whole)
    begun: list[dict[str, int]] = [defaultdict(int), defaultdict(int)]
    for count, spans in zip(begun, (parts, whole), strict=True):
        for s in spans:
            count[s.element] += s.begins
    assert begun[0] == begun[1]


# the step


def events_of(found: list[Row]) -> list[SourceEvent]:
    """The rows as facts of one source, in the order of the list; the number of each is its place in it."""
    gw, out = Source(), []
    for kind, minute, value in found:
        time = START + minute * MINUTE
        match kind:
            case "state" if value == "":
                out.append(gw.ending(time))
            case "state" if value in set(PackMLState):
                out.append(gw.packml(time, value))
            case "state":
                out.append(gw.state(time, value))
            case "order":
                out.append(gw.order(time, value))
            case "mode":
                out.append(gw.mode(time, value))
            case "code":
                out.append(gw.coded(time, value))
    return out


def run(log: list[Event], models: list[LossModel], planned: list[Calendar], random: Random) -> InMemoryPipeline:
    line = InMemoryPipeline(steps=(measure.STEP,), assets=[machine()], calendars=planned, loss_models=models)
    line.send(*log, topic=MACHINE)
    line.run(restart=lambda: random.random() < 0.3)
    return line


def newest(line: InMemoryPipeline) -> dict[int, Measure]:
    return {to_micros(m.window.start): m for m in line.events(Measure)}


def hourly(minutes: list[tuple[str, str | None]]) -> dict[int, dict[tuple[str, str | None], int]]:
    out: dict[int, dict[tuple[str, str | None], int]] = defaultdict(lambda: defaultdict(int))
    for m, key in enumerate(minutes):
        out[(START + m * MINUTE) // HOUR_US * HOUR_US][key] += MINUTE
    return out


@slow
@given(rows(), loss_models(), calendars(), randoms)
def test_measures_end_up_with_the_minutes_whatever_the_order_the_repeats_and_the_restarts(
    found: list[Row], models: list[LossModel], planned: list[Calendar], random: Random
) -> None:
    log = events_of(found)
    random.shuffle(log)
    if random.random() < 0.5:
        log.sort(key=lambda e: e.event_time)
    end = Source(source="last").ending(START + max(m for _, m, _ in found) * MINUTE)
    log.insert(random.choice([len(log), random.randint(0, len(log))]), end)
    line = run(with_repeats(log, random), models, planned, random)
    wanted = hourly(by_minute([*found, ("state", max(m for _, m, _ in found), "")], models, planned))
    for hour, m in newest(line).items():
        told: dict[tuple[str, str | None], int] = defaultdict(int)
        for e in m.elements:
            told[e.element.value, e.reason] += e.duration_us
        assert told == wanted[hour], datetime.fromtimestamp(hour / 1e6, UTC)
    known = {h for h, minutes in wanted.items() if any(e in WORKED for e, _ in minutes)}
    assert known <= newest(line).keys()


WORKED = {"production", "set-up", "breakdown", "minor stop", "delay", "no order"}


@slow
@given(rows(), loss_models(), calendars(), randoms)
def test_versions_that_arrive_late_restate_what_they_touch(
    found: list[Row], models: list[LossModel], planned: list[Calendar], random: Random
) -> None:
    log = events_of(found)
    last = START + max(m for _, m, _ in found) * MINUTE
    line = run([*log, Source(source="last").ending(last)], models[:1], [], random)
    line.references.put(*planned, *models)
    line.send(Source(source="later").alive(last), topic=MACHINE)
    line.run()
    at_once = run([*log, Source(source="last").ending(last)], models, planned, random)
    same = [
        {h: (m.elements, m.account, m.quantities, m.calendar_version, m.loss_model_version) for h, m in newest(x).items()}
        for x in (line, at_once)
    ]
    assert same[0] == same[1]


@slow
@given(rows(), loss_models(), calendars())
def test_what_is_forgotten_has_had_its_say(found: list[Row], models: list[LossModel], planned: list[Calendar]) -> None:
    # in time order and without codes nothing older than the thresholds may matter
    beats = Source(source="beats")
    alive: list[SourceEvent] = [beats.alive(START + m * MINUTE) for m in range(0, MOST, 20)]
    facts = events_of(sorted((r for r in found if r[0] != "code"), key=lambda r: r[1]))
    log = sorted([*facts, *alive], key=lambda e: e.event_time)
    told = []
    for horizon in (HOUR_US, 100 * HOUR_US):
        step = replace(measure.STEP, logic=MeasureLogic(horizon_us=horizon))
        line = InMemoryPipeline(steps=(step,), assets=[machine()], calendars=planned, loss_models=models)
        line.send(*log, Source(source="last").ending(START + MOST * MINUTE), topic=MACHINE)
        line.run(restart=lambda: True)
        told.append([m.model_dump(exclude={"inputs"}) for m in line.events(Measure)])
    assert told[0] == told[1]


# quantities

WHAT = ("produced", "scrap", "inspected", "passed", "energy_wh")


@st.composite
def works(draw: st.DrawFn) -> list[tuple[str, int, Any]]:
    """Units, readings, verdicts and orders in any order of time."""
    minute, order = st.integers(0, MOST), st.sampled_from(ORDERS)
    return draw(
        st.lists(
            st.one_of(
                st.tuples(st.just("order"), minute, order),
                st.tuples(st.just("produced"), minute, st.tuples(st.integers(1, 3), st.integers(0, 1), order)),
                st.tuples(st.just("energy"), minute, st.integers(0, 5)),
                st.tuples(
                    st.just("verdict"),
                    minute,
                    st.tuples(st.sampled_from(["U1", "U2", "U3"]), st.sampled_from(["pass", "fail", "uncertain"]), order),
                ),
            ),
            min_size=1,
            max_size=20,
        )
    )


def work_events(found: list[tuple[str, int, Any]]) -> tuple[list[SourceEvent], list[SourceEvent]]:
    """Machine facts and verdicts, numbered by one source in the order of the list."""
    gw = Source()
    facts: list[SourceEvent] = []
    verdicts: list[SourceEvent] = []
    for kind, minute, value in found:
        time = START + minute * MINUTE
        if kind == "order":
            facts.append(gw.order(time, value))
        elif kind == "produced":
            facts.append(gw.produced(time, value[0], scrap=value[1], order=value[2]))
        elif kind == "energy":
            facts.append(gw.energy(time, float(value)))
        else:
            verdicts.append(gw.verdict(time, value[0], value[1], order=value[2]))
    return facts, verdicts


def work_by_hour(found: list[tuple[str, int, Any]]) -> dict[tuple[int, str | None], list[int]]:
    """(hour, order) -> WHAT, by looking at all of it at once."""
    rows = [(m, n, k, v) for n, (k, m, v) in enumerate(found, 1)]
    out: dict[tuple[int, str | None], list[int]] = defaultdict(lambda: [0] * len(WHAT))

    def order_at(minute: int) -> str | None:
        held = sorted((m, n, v) for m, n, k, v in rows if k == "order" and m <= minute)
        return held[-1][2] if held else None

    def add(minute: int, order: str | None, place: int, n: int) -> None:
        out[(START + minute * MINUTE) // HOUR_US * HOUR_US, order or order_at(minute)][place] += n

    for m, _, _, (n, scrap, order) in (r for r in rows if r[2] == "produced"):
        add(m, order, 0, n)
        add(m, order, 1, scrap)
    counter = {m: v for m, _, _, v in sorted(r for r in rows if r[2] == "energy")}  # of one minute the last number counts
    for (_, a), (m, b) in pairwise(sorted(counter.items())):
        add(m, None, 4, max(b - a, 0) * 1000)
    for unit in ("U1", "U2", "U3"):
        heard = sorted((m, n, v[1], v[2]) for m, n, k, v in rows if k == "verdict" and v[0] == unit)
        if heard and heard[-1][2] != "uncertain":
            add(heard[0][0], heard[0][3], 2, 1)
            add(heard[0][0], heard[0][3], 3, int(heard[-1][2] == "pass"))
    return {key: n for key, n in out.items() if any(n)}


@slow
@given(works(), randoms)
def test_quantities_are_those_of_all_facts_at_once_however_the_topics_interleave(
    found: list[tuple[str, int, Any]], random: Random
) -> None:
    facts, verdicts = work_events(found)
    random.shuffle(facts)
    random.shuffle(verdicts)
    line = InMemoryPipeline(steps=(measure.STEP,), assets=[machine()])
    end = Source(source="last").ending(START + MOST * MINUTE)
    line.send(*with_repeats([*facts, end], random), topic=MACHINE)
    line.send(*with_repeats(verdicts, random))
    line.run(choose=random.choice, restart=lambda: random.random() < 0.3)
    told = {
        (h, order): [sum(getattr(q, w) for q in m.quantities if q.order == order) for w in WHAT]
        for h, m in newest(line).items()
        for order in {q.order for q in m.quantities}
    }
    assert {key: n for key, n in told.items() if any(n)} == work_by_hour(found)
