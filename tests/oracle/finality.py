"""Batch oracle for finality: which hours of an asset no fact in time can change any more.

Nothing is imported from the streams. Times are integers, microseconds since 1970.
"""

from oracle.calendar_days import in_force, versions
from oracle.element_spans import Plant, observed
from oracle.loss_rules import threshold
from oracle.machine_records import HOUR, micros
from oracle.machine_timeline import in_order

DISORDER = 5_000_000
LAG = ("minimum_run_us", "micro_stop_us", "break_gap_us")  # by how much what comes after an hour can judge its end anew


def final_hours(plant: Plant) -> set[tuple[str, int]]:
    """Assets and hours up to the first hour that is not final. An ending closes all that lies before it; else the newest time less
    the allowed disorder has to pass the end by the thresholds of the loss models in force in the hour."""
    out = set()
    for asset, (first, _) in observed(plant).items():
        newest = max((micros(r["event_time"]) for r in plant.machine if r["asset"] == asset), default=0)  # verdicts move no time
        models = versions(plant.loss_model, plant.lines[asset])
        ended = max((micros(r["event_time"]) for r in in_order(plant.machine, "ending") if r["asset"] == asset), default=0)
        for hour in range(first, newest + 1, HOUR):
            changes = [hour, *(t for m in models if hour <= (t := micros(m["valid_from"])) < hour + HOUR)]
            lag = max(sum(threshold(in_force(models, t), name) for name in LAG) for t in changes)
            if hour + HOUR > ended and hour + HOUR + lag > newest - DISORDER:
                break
            out.add((asset, hour))
    return out
