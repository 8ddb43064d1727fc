"""What a recorded log lacks, made up around what it has: orders, units and rejects of a machine whose activity is real.

Pure: the same activity, seed and choices give the same events. No unit is finished while the real machine was not ACTIVE.
"""

import heapq
import random
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

from schemas.instant import HOUR_US, SECOND_US, from_micros
from services.simulator import bodies
from services.simulator.activity import Span
from services.simulator.bodies import Body


@dataclass(frozen=True, slots=True)
class Choices:
    """What a plan assumes. Times in seconds; rates are shares of the units."""

    customers: Sequence[str] = ("acme", "borealis")
    line: str = "line-1"
    planned_run_s: float = 60.0  # planned run time per unit (ISO 22400 PRU)
    slower: float = 1.35  # the slowest unit takes so many times the planned time, the fastest just the planned time
    scrap: float = 0.03
    rework: float = 0.02
    orders_per_asset: int = 4
    inspections: bool = False
    missed: float = 0.01  # units that only the inspection finds bad


@dataclass(slots=True)
class Plan:
    """The events in event-time order, and the orders."""

    events: list[Body] = field(default_factory=list)
    orders: list[Body] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Job:
    number: str
    part: str
    planned: int


def make_plan(activity: Mapping[str, Sequence[Span]], seed: int, choices: Choices) -> Plan:
    """Orders for the customers in turn, and what each asset makes of them while it is active."""
    plan = Plan()
    streams = []
    for asset in sorted(activity):
        rng = random.Random(f"{seed}/{asset}")
        jobs = _orders(plan, asset, activity[asset], choices)
        streams.append(_produce(asset, activity[asset], jobs, rng, choices))
    plan.events = list(heapq.merge(*streams, key=lambda body: str(body["event_time"])))
    plan.orders.sort(key=lambda body: (str(body["event_time"]), str(body["order"])))
    return plan


def _orders(plan: Plan, asset: str, spans: Sequence[Span], choices: Choices) -> list[_Job]:
    """Orders that together ask for what the active time should yield at the planned pace; known an hour before the first start."""
    active_s = sum(s.end_us - s.start_us for s in spans) / 1e6
    units = max(choices.orders_per_asset, round(active_s / choices.planned_run_s))
    day = from_micros(spans[0].start_us).strftime("%Y%m%d")
    jobs = []
    for index in range(choices.orders_per_asset):
        planned = units // choices.orders_per_asset + (index < units % choices.orders_per_asset)
        job = _Job(f"{asset}-{day}-{index + 1}", f"part-{'abcdefgh'[index % 8]}", planned)
        due = spans[0].start_us + (spans[-1].end_us - spans[0].start_us) * (index + 1) // choices.orders_per_asset
        plan.orders.append(
            bodies.order(
                spans[0].start_us - HOUR_US, job.number, choices.customers[index % len(choices.customers)], job.part, choices.line,
                planned, due, round(choices.planned_run_s * SECOND_US),
            )
        )  # fmt: skip
        jobs.append(job)
    return jobs


def _produce(asset: str, spans: Sequence[Span], jobs: Sequence[_Job], rng: random.Random, choices: Choices) -> list[Body]:
    out: list[tuple[int, int, Body]] = []

    def emit(time_us: int, body: Body) -> None:
        if time_us <= spans[-1].end_us:
            out.append((time_us, len(out), body))

    clock = simpy.Environment(initial_time=spans[0].start_us)
    clock.process(_machine(clock, asset, spans, jobs, rng, choices, emit))
    clock.run()
    return [body for _, _, body in sorted(out, key=lambda entry: entry[:2])]


def _machine(
    clock: simpy.Environment,
    asset: str,
    spans: Sequence[Span],
    jobs: Sequence[_Job],
    rng: random.Random,
    choices: Choices,
    emit: Any,
) -> Generator[simpy.Event, None, None]:
    """Work off the orders; the work on a unit stands still while the machine does, as the real one did."""
    left = iter(spans)
    span = next(left)
    number = 0
    for job in jobs:
        emit(int(clock.now), bodies.machine_event(int(clock.now), asset, "order", order=job.number))
        for _ in range(job.planned):
            work_us = round(choices.planned_run_s * SECOND_US * rng.triangular(1.0, choices.slower, 1.05))
            while clock.now + work_us >= span.end_us:
                work_us -= span.end_us - int(clock.now)
                following = next(left, None)
                if following is None:
                    emit(span.end_us, bodies.machine_event(span.end_us, asset, "order", order=None))
                    return
                span = following
                yield clock.timeout(span.start_us - int(clock.now))
            yield clock.timeout(work_us)
            number += 1
            _finish(int(clock.now), asset, f"{asset}-{job.number.split('-')[-2]}-u{number:04d}", job, rng, choices, emit)
    emit(int(clock.now), bodies.machine_event(int(clock.now), asset, "order", order=None))


def _finish(now: int, asset: str, unit: str, job: _Job, rng: random.Random, choices: Choices, emit: Any) -> None:
    draw = rng.random()
    scrap = draw < choices.scrap
    rework = choices.scrap <= draw < choices.scrap + choices.rework
    emit(now, bodies.machine_event(now, asset, "produced", produced=1, scrap=int(scrap), rework=int(rework), order=job.number,
                                   part=job.part, units=[unit]))  # fmt: skip
    if choices.inspections:
        seconds = round(rng.uniform(5, 20), 1)
        bad = scrap or rework or rng.random() < choices.missed
        at = now + round(seconds * SECOND_US)
        emit(at, bodies.inspection(at, asset, unit, job.number, "fail" if bad else "pass", int(bad), seconds))
