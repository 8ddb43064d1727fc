"""What an event costs in each step, beside the job of the job benchmark: CPU time of the runner on a log in memory."""

from __future__ import annotations

import os
from datetime import timedelta

from bench_runner import MemoryLog
from bench_workload import records
from pipeline_plant import Plant
from pipeline_rates import Row

from schemas.codec import Encoded, encode
from schemas.events.machine_event import Execution, ExecutionChanged, MachineEvent, UnitProduced
from schemas.events.sensor_frame import SensorFrame
from schemas.instant import from_micros
from schemas.registry import MACHINE, SENSOR
from streams.pipeline import STEPS
from streams.step import Step

os.environ.setdefault("BENCH_RUN", "memory")
FRAME = 50
DAY, EVERY_S = 86_400, 300
ROUNDS = 3


async def test_all_steps_beside_the_job(figures: list[Row], scale: float) -> None:
    from bench_job import AGGREGATE, Windows, source

    job = Step("job", (source("job"),), (AGGREGATE,), (), Windows())
    own = Plant(seed=41, assets=4, hours=6 * scale, sensing_s=int(1800 * scale))
    raw = [*own.registrations(), *own.orders(), *own.records()]
    jobs, alls = [], []
    for _ in range(ROUNDS):  # in turns, so that both meet the same machine
        log = MemoryLog()
        log.put(Encoded("job", key.encode(), value, []) for key, value in records(int(100_000 * scale), 1_700_000_000_000))
        jobs.append((await log.run(job)).per_event)
        whole = MemoryLog(raw)
        whole.put(raw)
        for step in STEPS:  # in the order of the pipeline: each finds what those before it have sent
            await whole.run(step)
        alls.append(whole)
    base = min(jobs)
    figures.append(Row("job: CPU without a broker", base, "us/event"))
    best = {step.name: min(w.costs[step.name].per_event for w in alls) for step in STEPS}
    costs = alls[-1].costs
    for name, cost in costs.items():
        note = f"{best[name] / base:.1f} times the job; {cost.records} in, {cost.outputs} out"
        figures.append(Row(f"step {name}: CPU without a broker", best[name], "us/event", note=note))
        figures.append(Row(f"step {name}: changelog", cost.changelog_bytes / max(1, cost.records), "B/event"))
    taken = sum(cost.records for cost in costs.values())
    total = sum(best[name] * costs[name].records for name in best)
    sources = len(whole.topics[SENSOR.name]) + len(whole.topics[MACHINE.name])
    note = f"{total / taken / base:.1f} times the job"
    figures.append(Row("all steps: CPU for a record taken in", total / taken, "us/event", note=note))
    note = f"{total / sources / base:.1f} times the job; of {sources} raw events and what follows from them"
    figures.append(Row("all steps: CPU for a raw event", total / sources, "us/event", note=note))
    assert all(costs[step.name].records for step in STEPS)


def frames(count: int, rows: int) -> list[Encoded]:
    """``count`` readings of one channel, ten a second, ``rows`` to a frame."""
    begin, out = from_micros(1_700_000_000_000_000), []
    for n in range(0, count, rows):
        times = [100_000 * i for i in range(rows)]
        out.append(
            encode(
                SensorFrame(
                    event_time=begin + timedelta(microseconds=100_000 * n), source="gw", asset="p-a1", sequence=n // rows + 1,
                    times_us=times, columns={"temperature": [(n + i) % 800 / 8 for i in range(rows)]},
                )
            )
        )  # fmt: skip
    return out


async def test_frames_beside_single_readings(figures: list[Row], scale: float) -> None:
    aggregate = STEPS[0]
    count = int(50_000 * scale)
    rates = {}
    for rows in (1, FRAME):
        made = frames(count, rows)
        best = 0.0
        for _ in range(ROUNDS):
            log = MemoryLog(Plant(assets=1, sensing_s=1, hours=0.1).registrations())
            log.put(made)
            cost = await log.run(aggregate)
            best = max(best, count / cost.cpu_s)
        assert cost.outputs > count / 200  # a window of 10 s holds 100 readings
        rates[rows] = best
        size = sum(len(r.value) for r in made) / count
        what = "single readings" if rows == 1 else f"frames of {rows} readings"
        note = f"{size:.0f} B of log and {cost.changelog_bytes / count:.1f} B of changelog a reading"
        figures.append(Row(f"aggregate, {what}", best, "readings/s", note=note))
    figures.append(Row("frames to single readings", rates[FRAME] / rates[1], "times"))


def days(count: int) -> list[Encoded]:
    """The same day again and again: every 5 min a reading, and a piece or a change of state; of one asset."""
    begin, out, sequence = from_micros(1_700_000_000_000_000), [], 0
    for n in range(count * DAY // EVERY_S):
        at = begin + timedelta(seconds=EVERY_S * n)
        states = (Execution.ACTIVE, Execution.READY)
        fact = UnitProduced(produced=1) if n % 10 else ExecutionChanged(state=states[n // 10 % 2])
        for kind, body in ((SensorFrame, {"times_us": [0], "columns": {"load": [n % 80 / 8]}}), (MachineEvent, {"fact": fact})):
            sequence += 1
            out.append(encode(kind(event_time=at, source="gw", asset="p-a1", sequence=sequence, **body)))  # type: ignore[arg-type]
    return out


async def test_cost_of_an_event_as_history_grows(figures: list[Row], scale: float) -> None:
    count = max(2, int(16 * scale))
    log = MemoryLog(Plant(assets=1, sensing_s=1, hours=0.1).registrations())
    log.put(days(count))
    for step in STEPS:
        cost = await log.run(step)
        early, late = cost.part(0.5, 0.75), cost.part(0.75, 1.0)
        note = f"{early:.1f} and {late:.1f} us/event; {count} equal days of {cost.records // count} records"
        figures.append(Row(f"step {step.name}: last quarter of the log to the third", late / early, "times", note=note))
