"""Bodies of simulated events: the contracts of schemas/ as JSON objects, without source and sequence number."""

from typing import Any

from schemas.instant import from_micros, rfc3339

Body = dict[str, Any]


def text_of(time_us: int) -> str:
    """RFC 3339 of microseconds since 1970."""
    return rfc3339(from_micros(time_us))


def machine_event(time_us: int, asset: str, kind: str, **words: Any) -> Body:
    """A factory.machine-event.v1 with a fact of that kind."""
    return {
        "type": "factory.machine-event.v1",
        "event_time": text_of(time_us),
        "asset": asset,
        "fact": {"kind": kind, **words},
    }


def order(
    time_us: int, number: str, customer: str, part: str, line: str, planned: int, due_us: int, run_time_us: int, version: int = 1
) -> Body:
    """A factory.order.v1; ``run_time_us`` is the planned run time of one unit (ISO 22400 PRU)."""
    return {
        "type": "factory.order.v1",
        "event_time": text_of(time_us),
        "version": version,
        "order": number,
        "customer": customer,
        "part": part,
        "line": line,
        "planned": planned,
        "due": text_of(due_us),
        "planned_run_time_us": run_time_us,
        "simulated": True,
    }


def inspection(time_us: int, asset: str, unit: str, order_number: str, verdict: str, defects: int, seconds: float) -> Body:
    """A factory.inspection-result.v1 of a gauge."""
    return {
        "type": "factory.inspection-result.v1",
        "event_time": text_of(time_us),
        "asset": asset,
        "unit": unit,
        "order": order_number,
        "verdict": verdict,
        "confidence": 1.0,
        "inspector": "gauge",
        "defects": defects,
        "seconds": seconds,
    }


def heartbeat(time_us: int, asset: str, phase: str = "alive") -> Body:
    """A time mark: the gateway makes its own heartbeats, but learns from this that time goes on."""
    return {"type": "factory.heartbeat.v1", "event_time": text_of(time_us), "asset": asset, "phase": phase}
