"""Windows are what a batch program makes of all readings in exact arithmetic, to the last bit where a float can say it."""

import math
from fractions import Fraction
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inmemory_pipeline import InMemoryPipeline
from machine_facts import Source, machine, us
from machine_logs import with_repeats
from oracle.sensor_records import aggregates

from schemas.codec import to_json
from schemas.envelope import SourceEvent
from schemas.events.late_event import LateEvent
from schemas.events.sensor_frame import MAX_VALUE, SensorFrame
from schemas.events.window_aggregate import WindowAggregate
from schemas.instant import to_micros
from schemas.registry import SENSOR
from streams.agents import aggregate
from streams.domain.exact_moments import Moments
from streams.domain.fold import Outcome

randoms = st.randoms(use_true_random=False)
slow = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
values = st.floats(-MAX_VALUE, MAX_VALUE) | st.integers(-4, 4).map(float)
columns = st.integers(1, 4).flatmap(
    lambda rows: st.dictionaries(
        st.sampled_from(["temp", "load"]), st.lists(st.none() | values, min_size=rows, max_size=rows), min_size=1
    )
)


@st.composite
def sensor_logs(draw: st.DrawFn) -> list[list[SourceEvent]]:
    """A log per source of two assets."""
    out = []
    for asset, name in (("m1", "a"), ("m1", "b"), ("m2", "a")):
        source, time, log = Source(asset, name), us("10:00"), []
        for _ in range(draw(st.integers(0, 8))):
            time += draw(st.integers(-8_000_000, 12_000_000) | st.sampled_from([0, 10_000_000, 4_999_999]))
            kind = draw(st.sampled_from(["frame", "frame", "frame", "alive", "ending"]))
            if kind == "frame":
                log.append(source.frame(time, draw(columns), draw(st.integers(0, 7_000_000))))
            else:
                log.append(source.alive(time) if kind == "alive" else source.ending(time))
        out.append(log)
    return out


def interleaved(logs: list[list[SourceEvent]], random: Random) -> list[SourceEvent]:
    waiting, out = [list(log) for log in logs if log], []
    while waiting:
        out.append(random.choice(waiting).pop(0))
        waiting = [w for w in waiting if w]
    return out


def run(log: list[SourceEvent], random: Random | None = None) -> InMemoryPipeline:
    line = InMemoryPipeline(steps=(aggregate.STEP,), assets=[machine("m1"), machine("m2")])
    line.send(*log, topic=SENSOR)
    line.run(restart=lambda: random is not None and random.random() < 0.3)
    return line


@slow
@given(sensor_logs(), randoms)
def test_windows_and_late_readings_are_those_of_the_oracle(logs: list[list[SourceEvent]], random: Random) -> None:
    log = with_repeats(interleaved(logs, random), random)
    line, wanted = run(log, random), aggregates([to_json(e) for e in log])
    found = {(w.asset, w.channel, to_micros(w.window.start)): w for w in line.events(WindowAggregate)}
    assert len(found) == len(line.events(WindowAggregate))
    assert found.keys() == wanted.closed.keys()
    for key, w in found.items():
        s = wanted.closed[key]
        assert (w.n, w.mean, w.min, w.max) == (s.n, float(s.mean), s.low, s.high)
        assert is_root(w.rms, s.mean_square)
        assert w.sd is None if s.variance is None else w.sd is not None and is_root(w.sd, s.variance)
    assert {tuple(e.event.split("/")): e.readings for e in line.events(LateEvent)} == {
        (source, asset, str(sequence)): n for (source, asset, sequence), n in wanted.late.items()
    }


def is_root(found: float, square: Fraction) -> bool:
    """Whether ``found`` is the root, at most one float away from the true one."""
    low, high = math.nextafter(found, 0), math.nextafter(found, math.inf)
    return Fraction(low) ** 2 <= square and (math.isinf(high) or square <= Fraction(high) ** 2)


@slow
@given(sensor_logs(), randoms)
def test_restarts_and_repeats_change_no_window(logs: list[list[SourceEvent]], random: Random) -> None:
    log = interleaved(logs, random)
    plain, again = run(log), run(with_repeats(log, random), random)
    without = {"inputs"}  # repeats move the offsets
    assert [w.model_dump(exclude=without) for w in again.events(WindowAggregate)] == [
        w.model_dump(exclude=without) for w in plain.events(WindowAggregate)
    ]


@slow
@given(sensor_logs(), randoms)
def test_every_reading_is_in_a_window_or_late_or_waits(logs: list[list[SourceEvent]], random: Random) -> None:
    line = run(interleaved(logs, random))
    read = sum(1 for log in logs for e in log if isinstance(e, SensorFrame) for _ in e.readings())
    waiting = sum(c.moments.n for s in line.states.values() for w in s.open.values() for c in w.values())
    assert read == waiting + sum(w.n for w in line.events(WindowAggregate)) + sum(e.readings for e in line.events(LateEvent))
    assert sum(line.outcomes[aggregate.STEP.name, SENSOR.name, o] for o in Outcome) == sum(map(len, logs))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30), randoms)
def test_no_order_or_grouping_of_values_changes_their_moments(found: list[float], random: Random) -> None:
    one, other, shuffled = Moments(), Moments(), list(found)
    one.add(found)
    random.shuffle(shuffled)
    while shuffled:
        size = random.randint(1, len(shuffled))
        other.add(shuffled[:size])
        shuffled = shuffled[size:]
    assert (one.mean, one.sd, one.rms, one.low, one.high) == (other.mean, other.sd, other.rms, other.low, other.high)
    assert other.n == one.n
