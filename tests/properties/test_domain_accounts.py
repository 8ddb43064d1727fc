"""Accounts and KPIs are what a batch program makes of all records at once, however the log was interleaved, repeated and cut."""

from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inmemory_pipeline import InMemoryPipeline
from kpi_lab import fold, newest, rolling_up
from machine_facts import machine
from machine_logs import HORIZON_US, LINES, factory_logs, interleaved, with_repeats
from oracle import machine_records

from schemas.codec import to_json
from schemas.envelope import Event, SourceEvent
from schemas.events.kpi_value import Kpi, KpiValue
from schemas.events.measure import Measure, NamedWindow
from schemas.instant import to_micros
from schemas.registry import MACHINE
from schemas.time_element import BUSY, TimeElement
from streams.agents import kpi, measure
from streams.domain.measure import MeasureLogic

randoms = st.integers(0, 2**32 - 1).map(Random)
slow = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MEASURE = replace(measure.STEP, logic=MeasureLogic(horizon_us=HORIZON_US))


def run(log: list[SourceEvent], random: Random | None = None) -> InMemoryPipeline:
    """The steps measure and kpi over a log; with ``random``, lanes are picked and states stored and loaded at will."""
    line = InMemoryPipeline(steps=(MEASURE, kpi.STEP), assets=[machine(a, on) for a, on in LINES.items()])
    line.send(*log, topic=MACHINE)
    if random is None:
        line.run()
    else:
        line.run(choose=random.choice, restart=lambda: random.random() < 0.3)
    return line


def newest_measures(line: InMemoryPipeline) -> dict[tuple[str, int], Measure]:
    return {(m.asset, to_micros(m.window.start)): m for m in line.events(Measure)}


def newest_values(line: InMemoryPipeline, which: Kpi) -> dict[tuple[str, str, int | None], KpiValue]:
    """The last value of each hour and order."""
    told = [v for v in line.events(KpiValue) if v.kpi is which and v.window_kind in ("hour", "order")]
    hour = {v.id: to_micros(v.window.start) if v.window_kind == "hour" else None for v in told}
    return {(v.scope.kind, v.scope.id, hour[v.id]): v for v in told}


def by_id(events: list[Event]) -> dict[str, Event]:
    return {e.event_id: e for e in events}


@slow
@given(factory_logs(), randoms)
def test_accounts_and_quantities_are_those_of_the_oracle(logs: list[list[SourceEvent]], random: Random) -> None:
    log = with_repeats(interleaved(logs, random), random)
    line, raw = run(log, random), [to_json(e) for e in log]
    account, units = {}, {}
    for (asset, hour), m in newest_measures(line).items():
        account |= {(asset, hour, e.order, e.state.value): e.duration_us for e in m.account}
        units |= {(asset, hour, q.order): (q.produced, q.scrap, q.rework) for q in m.quantities}
    assert account == machine_records.accounts_by_order(raw, HORIZON_US)
    zero = (0, 0, 0)  # an order that an hour has lost
    assert {k: v for k, v in units.items() if v != zero} == {
        k: v for k, v in machine_records.quantities(raw, HORIZON_US).items() if v != zero
    }


@slow
@given(factory_logs(), randoms)
def test_kpis_are_those_of_the_oracle(logs: list[list[SourceEvent]], random: Random) -> None:
    log = with_repeats(interleaved(logs, random), random)
    line, raw = run(log, random), [to_json(e) for e in log]
    for which, wanted in (
        (Kpi.AVAILABILITY, machine_records.availability(raw, LINES, HORIZON_US)),
        (Kpi.QUALITY_RATIO, machine_records.quality(raw, LINES, HORIZON_US)),
    ):
        found = newest_values(line, which)
        ratios = {s: Fraction(v.numerator, v.denominator) for s, v in found.items() if v.denominator}
        assert ratios == {s: r for s, r in wanted.items() if r is not None}
        for value in found.values():
            low = value.scope.kind != "order" and value.coverage < 0.5
            assert (value.value is None) == (value.null_reason is not None) == (low or value.denominator == 0)
            assert value.value is None or value.value == value.numerator / value.denominator


@slow
@given(factory_logs(), randoms)
def test_restarts_repeats_and_other_assets_change_no_result_at_all(logs: list[list[SourceEvent]], random: Random) -> None:
    # the records of each asset keep their order; everything else is shuffled
    log = interleaved(logs, random)
    plain = run(log)
    per_asset = [[e for e in log if e.asset == a] for a in LINES]
    again = run(with_repeats(interleaved([x[:-1] for x in per_asset], random), random), random)
    same = [
        {i: e.model_dump(exclude={"inputs"}) for i, e in by_id(line.events(Measure)).items()} for line in (again, plain)
    ]  # offsets differ: other records lie between
    assert same[0] == same[1]


@slow
@given(factory_logs(), randoms)
def test_the_elements_of_a_measure_lie_within_what_was_observed(logs: list[list[SourceEvent]], random: Random) -> None:
    for m in run(interleaved(logs, random)).events(Measure):
        observed = to_micros(m.observed_until) - to_micros(m.window.start)
        assert sum(e.duration_us for e in m.account) <= observed
        assert sum(e.duration_us for e in m.elements) == observed
        assert len({(e.order, e.state) for e in m.account}) == len(m.account)
        assert (m.reason is not None) or m.status != "restated"


@slow
@given(factory_logs(), randoms)
def test_revisions_of_a_window_rise_by_one_and_once_final_is_never_provisional(
    logs: list[list[SourceEvent]], random: Random
) -> None:
    line = run(with_repeats(interleaved(logs, random), random), random)
    seen: dict[tuple[str, int], Measure] = {}
    for m in line.events(Measure):
        before = seen.get((m.asset, to_micros(m.window.start)))
        assert m.revision == (1 if before is None else before.revision + 1)
        if before is not None and before.status != "provisional":
            assert m.status == "restated"
        seen[m.asset, to_micros(m.window.start)] = m


@slow
@given(factory_logs(), randoms)
def test_the_order_in_which_measures_arrive_does_not_change_the_values(logs: list[list[SourceEvent]], random: Random) -> None:
    measures = run(interleaved(logs, random)).events(Measure)
    shuffled = [*measures, *measures]
    random.shuffle(shuffled)
    found = []
    for order in (measures, shuffled):
        values = newest(fold(rolling_up(), *order))
        # what has no denominator in the end was told only if it had one on the way; an order's window ends where it last changed
        found.append(
            {
                key: (v.numerator, v.denominator, v.value, v.coverage, v.flags, v.window_kind == "order" or v.window)
                for key, v in values.items()
                if v.denominator
            }
        )
    assert found[0] == found[1]


@slow
@given(factory_logs(), randoms)
def test_repeated_measures_change_no_value_at_all(logs: list[list[SourceEvent]], random: Random) -> None:
    measures = run(interleaved(logs, random)).events(Measure)
    repeated = [m for n, m in enumerate(measures) for m in (m, *random.sample(measures[: n + 1], min(n, 2)))]
    told = [[v.model_dump(exclude={"inputs"}) for v in fold(rolling_up(), *order)] for order in (measures, repeated)]
    assert told[0] == told[1]


@slow
@given(factory_logs(), randoms)
def test_shifts_days_and_parts_are_the_sums_of_settled_hours(logs: list[list[SourceEvent]], random: Random) -> None:
    """Added up by brute force over the newest revisions, after measures were given shifts and parts at random."""
    line = run(interleaved(logs, random))
    measures = [placed(m, random) for m in newest_measures(line).values() if m.status != "provisional"]
    wanted: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for m in measures:
        for e in m.elements:
            for scope in places(m, e):
                wanted[scope][0] += e.duration_us if e.element is TimeElement.PRODUCTION else 0
                wanted[scope][1] += e.duration_us if e.element in BUSY else 0
        for q in m.quantities:
            for scope in places(m, q):
                wanted[scope][2] += q.scrap
                wanted[scope][3] += q.produced
    values = newest(fold(rolling_up(), *random.sample(measures, len(measures))))
    for place, which in ((0, Kpi.AVAILABILITY), (2, Kpi.SCRAP_RATIO)):
        found = {
            (kind, name, window.removesuffix("/l1").removesuffix("/l2")): [v.numerator, v.denominator]
            for (kind, name, window_kind, window, kpi), v in values.items()
            if kpi is which and window_kind in ("day", "shift") and v.denominator
        }
        assert found == {scope: sums[place : place + 2] for scope, sums in wanted.items() if sums[place + 1]}


def placed(m: Measure, random: Random) -> Measure:
    """The measure with its time and units in a shift or none, on one of two parts or none; a part is made on one line."""
    day = m.windows[0]
    shifts = [f"{day.id}/{name}" for name in ("a", "b")]
    parts = [f"{m.line}-P1", f"{m.line}-P2", None]

    def place(entry: Any) -> Any:
        return entry.model_copy(update={"shift": random.choice([*shifts, None]), "part": random.choice(parts)})

    windows = [day, *(NamedWindow(kind="shift", id=shift, window=day.window) for shift in shifts)]
    entries = {"elements": [place(e) for e in m.elements], "quantities": [place(q) for q in m.quantities]}
    return m.model_copy(update={"windows": windows, **entries})


def places(m: Measure, entry: Any) -> list[tuple[str, str, str]]:
    """The scopes and windows that an entry counts in."""
    windows = [entry.day, *([entry.shift] if entry.shift else [])]
    own = [(kind, name, window) for kind, name in (("asset", m.asset), ("line", m.line)) for window in windows]
    return own if entry.part is None else [*own, ("part", entry.part, entry.day)]
