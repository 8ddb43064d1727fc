"""Timelines drawn as text, a letter a minute from 10:00 UTC on a Tuesday: records from a drawing, and elements drawn again."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from oracle.element_spans import Plant, Span, element_spans
from oracle.machine_records import micros

MINUTE = 60_000_000
START = micros("2026-11-24T10:00:00Z")
STATES = {"A": "ACTIVE", "R": "READY", "S": "STOPPED", "X": "Aborted", "E": "Execute", "U": "UNAVAILABLE"}
ENDED = "."
ELEMENTS = {
    "production": "P", "set-up": "S", "breakdown": "B", "minor stop": "m", "delay": "d", "no order": "n",
    "planned downtime": "D", "not planned": "-", "unknown": "?",
}  # fmt: skip


def text(at: int) -> str:
    """An instant as events write it."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def clock(time: str) -> int:
    """10:05 of the day, or a whole RFC 3339 time."""
    return micros(time if "T" in time else f"2026-11-24T{time}:00Z")


class Log:
    """Raw records of one source of one asset, numbered as they are made."""

    def __init__(self, asset: str = "m1", source: str = "gw") -> None:
        self.asset, self.source = asset, source
        self.machine: list[dict[str, Any]] = []
        self.inspection: list[dict[str, Any]] = []

    def fact(self, time: str | int, kind: str, **words: Any) -> "Log":
        """A fact of the machine."""
        self.machine.append(self._record(time, "factory.machine-event.v1", fact={"kind": kind, **words}))
        return self

    def beat(self, time: str | int, phase: str = "ending") -> "Log":
        """A heartbeat."""
        self.machine.append(self._record(time, "factory.heartbeat.v1", phase=phase))
        return self

    def verdict(self, time: str | int, unit: str, verdict: str, **words: Any) -> "Log":
        """An inspection of a unit."""
        self.inspection.append(self._record(time, "factory.inspection-result.v1", unit=unit, verdict=verdict, **words))
        return self

    def states(self, drawing: str, start: int = START) -> "Log":
        """A fact for each change of letter, and an ending after the last minute."""
        before = ENDED
        for minute, letter in enumerate([*drawing, ENDED]):
            at = start + minute * MINUTE
            if letter == ENDED != before:
                self.beat(at)
            elif letter != before:
                kind = "packml" if STATES[letter] != STATES[letter].upper() else "execution"
                self.fact(at, kind, state=STATES[letter])
            before = letter
        return self

    def _record(self, time: str | int, type_: str, **body: Any) -> dict[str, Any]:
        at = clock(time) if isinstance(time, str) else time
        sequence = len(self.machine) + len(self.inspection) + 1
        return {"type": type_, "event_time": text(at), "source": self.source, "asset": self.asset, "sequence": sequence, **body}


def loss_model(version: int = 1, valid_from: str = "2026-01-01T00:00:00Z", line: str = "l1", **words: Any) -> dict[str, Any]:
    """A loss model; a threshold is given in minutes, as ``micro_stop=2``."""
    thresholds = {f"{name}_us": n * MINUTE for name, n in words.items() if name != "rules"}
    return {"line": line, "version": version, "valid_from": text(clock(valid_from)), "rules": words.get("rules", []), **thresholds}


def calendar(*shifts: Mapping[str, Any], zone: str = "UTC", version: int = 1, line: str = "l1", **words: Any) -> dict[str, Any]:
    """A calendar, valid since the start of the year unless told."""
    return {"line": line, "version": version, "zone": zone, "valid_from": "2026-01-01T00:00:00Z", "shifts": list(shifts), **words}


def shift(name: str, start: str, end: str, *breaks: tuple[str, str], days: str = "mon tue wed thu fri sat sun") -> dict[str, Any]:
    """A shift, every day unless told."""
    return {"name": name, "days": days.split(), "start": start, "end": end, "breaks": [list(b) for b in breaks]}


def order(name: str, part: str, version: int = 1, planned_run_time_us: int | None = None) -> dict[str, Any]:
    """An order's record."""
    return {"order": name, "part": part, "version": version, "line": "l1", "planned_run_time_us": planned_run_time_us}


def plant(*logs: Log, assets: Mapping[str, str] | None = None, **reference: Any) -> Plant:
    """A plant of these logs, all assets on line l1 unless told."""
    lines = assets or {log.asset: "l1" for log in logs}
    return Plant(
        machine=[r for log in logs for r in log.machine],
        inspection=[r for log in logs for r in log.inspection],
        asset=[{"asset": a, "line": line, "version": 1} for a, line in lines.items()],
        **{name: list(records) for name, records in reference.items()},
    )


def drawn(spans: Iterable[Span], start: int = START) -> str:
    """A letter per minute from ``start`` on. Every span has to begin and end at a whole minute."""
    out = ""
    for s in spans:
        assert (s.start - START) % MINUTE == (s.end - START) % MINUTE == 0
        out += ELEMENTS[s.element] * ((s.end - max(s.start, start)) // MINUTE)
    return out


def elements(log: Log, **reference: Any) -> str:
    """The elements of one asset's log, drawn."""
    return drawn(element_spans(plant(log, **reference)))
