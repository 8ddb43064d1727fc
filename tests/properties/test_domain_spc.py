"""Charts are what a batch program makes of all readings at once, however the facts of several sources were interleaved."""

import math
import statistics
from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, machine, us
from machine_logs import with_repeats
from oracle import spc_records as oracle
from oracle.machine_records import micros

from schemas.codec import to_json
from schemas.envelope import Event, SourceEvent
from schemas.events.alert import Alert
from schemas.events.asset import Asset, Channel, Control, Specification
from schemas.events.capability import Capability
from schemas.events.control_limits import ControlLimits
from schemas.events.late_event import LateEvent
from schemas.events.sensor_frame import SensorFrame
from schemas.instant import from_micros, to_micros
from schemas.registry import SENSOR
from streams.agents import spc
from streams.domain.exact_powers import Powers
from streams.domain.fold import Outcome

randoms = st.integers(0, 2**32 - 1).map(Random)  # its draws are many: hypothesis draws the seed
slow = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NELSON = ["N1", "N2", "N3", "N4", "N5", "N6", "N7", "N8"]
PHASE1 = 10
SPAN = 1_000_000  # a frame spans a second at most, and the facts of a source are at most two out of order


def logs(random: Random, facts: int) -> list[list[SourceEvent]]:
    """A log per source of one asset with the channels temp and load; the level of temp shifts now and then."""
    out, shift = [], 0.0
    for name in ("a", "b"):
        source, time, log = Source("m1", name), us("10:00"), []
        for _ in range(facts):
            time += random.randint(0, 3 * SPAN)
            shift = random.choice([shift, shift, shift, 0.0, 2.5, -1.5])
            rows = random.randint(1, 4)
            step = random.randint(0, SPAN // rows)
            temp: list[float | None] = [
                None if random.random() < 0.1 else round(20 + shift + random.gauss(0, 1), 2) for _ in range(rows)
            ]
            columns = {"temp": temp, "load": [random.choice([None, random.gauss(0, 1)]) for _ in range(rows)]}
            named = random.sample(sorted(columns), random.randint(1, 2))
            log.append(source.frame(time - random.randint(0, SPAN), {n: columns[n] for n in named}, step))
        out.append(log)
    return out


def times(event: SourceEvent) -> tuple[int, int]:
    """Of the first and the last reading."""
    first = to_micros(event.event_time)
    return first, event.last_time_us if isinstance(event, SensorFrame) else first


def merged(found: list[list[SourceEvent]], random: Random) -> list[SourceEvent]:
    """The logs as one, in a random order in which no reading comes more than 5 s behind the newest."""
    waiting, out = [list(log) for log in found], []
    while any(waiting):
        oldest = min(times(e)[0] for log in waiting for e in log)
        may = [log for log in waiting if log and times(log[0])[1] <= oldest + 5 * SPAN]
        out.append(random.choice(may).pop(0))
    end = Source("m1", "end")
    return [*out, end.ending(max(times(e)[1] for e in out) + 1)]


def described(control: Control) -> Asset:
    return machine(
        temp=Channel(unit="Cel", control=control, specification=Specification(lower=15.0, upper=25.0)),
        load=Channel(unit="1", control=Control(version=1, chart="ewma", phase1=10)),
        idle=Channel(unit="1"),
    )


def run(log: Sequence[SourceEvent], control: Control, random: Random | None = None) -> InMemoryPipeline:
    line = InMemoryPipeline(steps=(spc.STEP,), assets=[described(control)])
    line.send(*log, topic=SENSOR)
    line.run(restart=lambda: random is not None and random.random() < 0.3)
    return line


def results(line: InMemoryPipeline) -> list[bytes]:
    """Everything told, byte by byte."""
    kinds: tuple[type[Event], ...] = (ControlLimits, Alert, Capability, LateEvent)
    return sorted(to_json(e) for kind in kinds for e in line.events(kind))


@st.composite
def controls(draw: st.DrawFn) -> Control:
    n = draw(st.integers(1, 4))
    chart = draw(st.sampled_from(["individuals", "ewma", "cusum"] if n == 1 else ["xbar-r", "xbar-s", "ewma", "cusum"]))
    return Control(version=1, chart=chart, subgroup=n, phase1=PHASE1, rules=[*NELSON, "R1"])


@slow
@given(randoms, controls())
def test_interleaving_restarts_and_repeats_change_no_byte_of_what_is_told(random: Random, control: Control) -> None:
    found = logs(random, 30)
    plain = run(merged(found, random), control)
    again = run(with_repeats(merged(found, random), random), control, random)
    assert results(plain) == results(again)
    assert plain.events(LateEvent) == []
    assert plain.events(ControlLimits)


@slow
@given(randoms, st.integers(1, 4))
def test_limits_and_alarms_of_nelsons_rules_are_those_of_the_oracle(random: Random, n: int) -> None:
    control = Control(version=1, chart="individuals" if n == 1 else "xbar-r", subgroup=n, phase1=PHASE1, rules=NELSON)
    log = merged(logs(random, 40), random)
    line = run(with_repeats(log, random), control, random)
    read = oracle.readings([_body(e) for e in log], "temp", micros)
    values = [r.value for r in read]
    limits = [e for e in line.events(ControlLimits) if e.channel == "temp"]
    centre, sigma = oracle.range_limits(values, n, PHASE1)
    assert len(limits) == 1
    assert limits[0].centre == centre
    assert limits[0].sigma is not None
    assert math.isclose(limits[0].sigma, sigma, rel_tol=1e-12)
    ends = [read[i].time for i in range(n - 1, len(read), n)][PHASE1:]
    z = oracle.standardised(values, n, PHASE1)
    wanted = sorted((rule, state, ends[i]) for rule in NELSON for state, i in oracle.alarms(rule, z))
    told = [(a.rule.removeprefix("spc:temp:"), a.state, to_micros(a.event_time)) for a in line.events(Alert) if a.channel == "temp"]
    assert sorted(told) == wanted


def _body(event: SourceEvent) -> dict[str, Any]:
    body = event.model_dump(mode="json")
    return body


@slow
@given(randoms)
def test_the_life_of_an_alarm_is_raised_then_cleared_under_one_name(random: Random) -> None:
    line = run(merged(logs(random, 60), random), Control(version=1, chart="individuals", phase1=PHASE1, rules=[*NELSON, "R1"]))
    lives: dict[str, list[tuple[str, int]]] = {}
    for alert in line.events(Alert):
        lives.setdefault(alert.alert, []).append((alert.state, alert.revision))
    # two points at one instant may raise the alarm of that instant once more
    for steps in lives.values():
        assert [revision for _, revision in steps] == list(range(1, len(steps) + 1))
        assert all(state == ("raised" if revision % 2 else "cleared") for state, revision in steps)
    assert len({a.id for a in line.events(Alert)}) == len(line.events(Alert))


@slow
@given(randoms)
def test_every_reading_of_a_charted_channel_is_charted_or_late_or_waits(random: Random) -> None:
    source, log, sent = Source("m1", "a"), [], 0
    for _ in range(60):
        time = us("10:00") + random.randint(0, 40 * SPAN)
        log.append(source.frame(time, {"temp": [1.0, 2.0], "idle": [1.0, 1.0]}))
        sent += 2
    line = run(with_repeats(log, random), Control(version=1, chart="individuals", phase1=1000), random)
    (state,) = line.states.values()
    phase = state.channels["temp"].phase
    charted = phase.readings.n if phase else 0
    waiting = sum(t.values for t in state.waiting.tails)
    late = sum(e.readings for e in line.events(LateEvent))
    assert sent == charted + waiting + late
    assert sum(line.outcomes[spc.STEP.name, SENSOR.name, o] for o in Outcome) == len(line.log[SENSOR.name, 0]) + len(
        line.log[SENSOR.name, 1]
    )


values = st.floats(-1e100, 1e100) | st.integers(-9, 9).map(float)


@given(st.lists(st.lists(values, min_size=3, max_size=3), min_size=2, max_size=12), randoms)
def test_sums_of_powers_are_exact(groups: list[list[float]], random: Random) -> None:
    powers, shuffled = Powers(), Powers()
    for group in groups:
        powers.add(group)
    for group in random.sample(groups, len(groups)):
        shuffled.add(random.sample(group, 3))
    assert powers == shuffled
    every = [v for g in groups for v in g]
    exact = [Fraction(v) for v in every]
    assert powers.mean == float(sum(exact) / len(exact))
    assert powers.sd is not None
    assert math.isclose(powers.sd, statistics.stdev(exact), rel_tol=3e-16)
    assert Fraction(powers.fourth, 1 << 4 * powers.scale) == sum(x**4 for x in exact)
    within = sum(statistics.variance([Fraction(v) for v in g]) for g in groups) / len(groups)
    assert math.isclose(powers.sd_within(3) ** 2, within, rel_tol=1e-14)


def test_the_range_of_times_of_the_logs_is_one_in_which_nothing_is_late() -> None:
    random = Random(1)
    log = merged(logs(random, 50), random)
    newest = 0
    for event in log:
        assert times(event)[0] >= newest - 5 * SPAN
        newest = max(newest, times(event)[1])
    assert from_micros(newest) > from_micros(us("10:00"))
