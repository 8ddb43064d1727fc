"""Hypothesis strategies: plants with calendars, loss models and orders, and all that their sources said, as raw JSON records.

Sources interleave, event times jump back, records change places and come again, verdicts come late, machines fall silent, and
two sources of one asset number their facts apart. Times are whole minutes but for a few, so that thresholds are met exactly.
Everything lies within a few days, far inside the horizon of the steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st
from oracle.drawn_timeline import MINUTE, text
from oracle.element_spans import Plant
from oracle.machine_records import micros

Record = dict[str, Any]
LINES = {"m1": "l1", "m2": "l1", "m3": "l2"}
ORDERS = {"l1": ("A-1", "B-2"), "l2": ("C-3", "D-4")}  # an order is made on one line
PARTS = {"A-1": "P-1", "B-2": "P-2", "C-3": "P-3"}  # nobody ever tells the record of D-4
RATES = {"A-1": 90_000_000, "C-3": 1}
STATES = ("ACTIVE", "READY", "STOPPED", "UNAVAILABLE")
PACKML = ("Execute", "Aborted", "Idle")
REASONS = ("jam", "changeover", "no material")
LAST = "last"  # the source that ends every asset
#: midnight in UTC of days with 23, 24 and 25 hours in Berlin
DAYS = tuple(micros(f"{day}T00:00:00Z") for day in ("2026-11-24", "2026-03-29", "2026-10-25"))
ZONES = ("UTC", "Europe/Berlin", "Asia/Shanghai", "Asia/Kolkata", "America/New_York")
RULES: tuple[Record, ...] = (
    {"states": ["ACTIVE", "Execute"], "element": "production"},
    {"reasons": ["jam"], "element": "breakdown"},
    {"reasons": ["changeover"], "element": "set-up"},
    {"modes": ["MANUAL"], "element": "set-up"},
    {"states": ["Aborted"], "element": "breakdown"},
    {"states": ["READY"], "on_order": True, "element": "breakdown"},
    {"states": ["STOPPED"], "element": "planned downtime"},
    {"on_order": False, "element": "no order"},
    {"modes": ["AUTOMATIC"], "states": ["READY", "Idle"], "element": "production"},
    {"element": "delay"},
)

#: minutes from one fact of a source to its next: mostly ahead, at times together or behind, seldom hours ahead
steps = st.one_of(
    st.integers(0, 20),
    st.integers(0, 90),
    st.sampled_from([0, 1, 2, 60, 61]),
    st.integers(-90, -1),
    st.sampled_from([0.1, 59.9999, 4 * 60, 14 * 60]),
)
minutes = st.integers(0, 24 * 60 - 1)


def clock(minute: int) -> str:
    """``06:05``."""
    return f"{minute // 60:02}:{minute % 60:02}"


@dataclass(frozen=True)
class GeneratedPlant:
    """Logs per source, each in the order of its sequence, and the reference data. ``silent`` assets are never ended."""

    logs: list[list[Record]]
    asset: list[Record]
    order: list[Record]
    calendar: list[Record]
    loss_model: list[Record]
    silent: tuple[str, ...] = ()

    def records(self, random: Random) -> Plant:
        """One log of all records, mostly in the order of each source; some come late or again, and what is to end ends last."""
        log = with_repeats(displaced(interleaved(self.logs, random), random), random)
        log += [r for r in endings(log) if r["asset"] not in self.silent]
        verdicts = [r for r in log if r["type"] == "factory.inspection-result.v1"]
        machine = [r for r in log if r["type"] != "factory.inspection-result.v1"]
        return Plant(machine, verdicts, self.asset, self.order, self.calendar, self.loss_model)


def interleaved(logs: list[list[Record]], random: Random) -> list[Record]:
    """One log in which every source keeps its order."""
    waiting, out = [list(log) for log in logs if log], []
    while waiting:
        out.append(random.choice(waiting).pop(0))
        waiting = [log for log in waiting if log]
    return out


def displaced(log: list[Record], random: Random) -> list[Record]:
    """The log with some records up to six places later, behind others of their own source."""
    out = list(log)
    for record in random.sample(log, len(log) // 8):
        place = out.index(record)
        out.insert(place + random.randint(1, 6), out.pop(place))
    return out


def with_repeats(log: list[Record], random: Random) -> list[Record]:
    """The log with some records once more, anywhere behind the first time."""
    out = list(log)
    for record in random.sample(log, len(log) // 4):
        out.insert(random.randint(out.index(record) + 1, len(out)), record)
    return out


def endings(log: list[Record]) -> list[Record]:
    """A source of its own ends each asset at its newest time."""
    newest: dict[str, str] = {}
    for record in log:
        newest[record["asset"]] = max(newest.get(record["asset"], ""), record["event_time"])
    return [
        {"event_time": time, "source": LAST, "asset": asset, "sequence": 1, "type": "factory.heartbeat.v1", "phase": "ending"}
        for asset, time in newest.items()
    ]


def _fact(kind: str, **words: st.SearchStrategy[Any]) -> st.SearchStrategy[Record]:
    fact = st.fixed_dictionaries({"kind": st.just(kind), **words})
    return fact.map(lambda f: {"type": "factory.machine-event.v1", "fact": f, "since": None})


def facts(asset: str) -> st.SearchStrategy[Record]:
    """What a source says, without who and when."""
    orders = st.sampled_from([None, *ORDERS[LINES[asset]]])
    small = st.integers(0, 2)
    units = st.sampled_from([f"{asset}-u{n}" for n in range(3)])
    verdict = units.flatmap(
        lambda unit: st.fixed_dictionaries(
            {
                "type": st.just("factory.inspection-result.v1"),
                "unit": st.just(unit),
                "order": st.just(None if unit.endswith("0") else ORDERS[LINES[asset]][0]),
                "attempt": st.sampled_from([1, 1, 2]),
                "verdict": st.sampled_from(["pass", "fail", "uncertain"]),
                "confidence": st.just(0.5),
                "inspector": st.just("gauge"),
            }
        )
    )
    return st.one_of(
        _fact("execution", state=st.sampled_from(STATES)),
        _fact("execution", state=st.just("ACTIVE")),
        _fact("packml", state=st.sampled_from(PACKML)),
        _fact("stop", reason=st.sampled_from(REASONS)),
        _fact("mode", mode=st.sampled_from(["AUTOMATIC", "MANUAL"])),
        _fact("order", order=orders),
        _fact(
            "produced",
            produced=small,
            scrap=small,
            rework=small,
            order=orders,
            part=st.sampled_from([None, None, "Q-" + LINES[asset]]),
        ),
        _fact("energy", counter_kwh=st.sampled_from([0.0, 1.0, 1.0004, 2.5, 100.0])),
        verdict,
        st.fixed_dictionaries({"type": st.just("factory.heartbeat.v1"), "phase": st.sampled_from(["alive", "ending"])}),
    )


@st.composite
def source_logs(draw: st.DrawFn, asset: str, source: str, start: int, longest: int = 14) -> list[Record]:
    """The log of one source of one asset."""
    at, out = start + draw(st.integers(0, 120)) * MINUTE, []
    for number, (step, body) in enumerate(draw(st.lists(st.tuples(steps, facts(asset)), min_size=3, max_size=longest)), 1):
        at = max(start, at + round(step * MINUTE))
        out.append({"event_time": text(at), "source": source, "asset": asset, "sequence": number, **body})
    return out


@st.composite
def shifts(draw: st.DrawFn) -> list[Record]:
    """Up to three shifts, which may overlap, with breaks that may lie anywhere."""
    weekdays = st.sampled_from(
        [["mon", "tue", "wed", "thu", "fri"], ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ["sun", "tue"]]
    )
    common = st.sampled_from([("00:00", "00:00"), ("06:00", "14:00"), ("14:00", "22:00"), ("22:00", "06:00"), ("02:30", "09:00")])
    out = []
    for name in draw(st.lists(st.sampled_from(["early", "late", "night"]), min_size=1, max_size=3, unique=True)):
        start, end = draw(common | common | st.tuples(minutes.map(clock), minutes.map(clock)))
        hour = int(start[:2])
        breaks = draw(st.lists(st.sampled_from([(2, 10, 30), (0, 0, 15), (4, 30, 59), (3, 0, 59)]), max_size=2))
        out.append(
            {
                "name": name,
                "days": draw(weekdays),
                "start": start,
                "end": end,
                "breaks": [[clock((hour + h) % 24 * 60 + a), clock((hour + h) % 24 * 60 + b)] for h, a, b in breaks],
            }
        )
    return out


@st.composite
def calendars(draw: st.DrawFn, line: str, start: int) -> list[Record]:
    """No calendar, or one from before or from on the way, or one that another replaces on the way; all in one zone."""
    told, out = draw(st.sampled_from([(), (1,), (1, 2), (2,)])), []
    zone = "UTC" if told == (2,) else draw(st.sampled_from(ZONES))  # days that a change of zone cuts are another matter
    begin = [start - 4 * 24 * 60 * MINUTE, start + draw(st.integers(0, 24 * 60)) * MINUTE]
    for version in told:
        down = [
            {"start": text(start + a * MINUTE), "end": text(start + (a + n) * MINUTE), "reason": "trial"}
            for a, n in draw(st.lists(st.tuples(minutes, st.integers(1, 90)), max_size=2))
        ]
        holidays = draw(st.sampled_from([[], [], [text(start)[:10]]]))
        body = {"line": line, "zone": zone, "shifts": draw(shifts()), "holidays": holidays, "planned_downtimes": down}
        head = {"event_time": text(start), "version": version, "type": "factory.calendar.v1"}
        out.append({**head, "valid_from": text(begin[version - 1]), **body})
    return out


@st.composite
def loss_models(draw: st.DrawFn, line: str, start: int) -> list[Record]:
    """No loss model, or one, or one that another replaces on the way."""
    begin = [start - 60 * MINUTE, start + draw(st.integers(0, 24 * 60)) * MINUTE]
    out = []
    for version in range(1, draw(st.sampled_from([0, 1, 1, 2])) + 1):
        rules = [
            {"states": None, "reasons": None, "modes": None, "on_order": None, **r}
            for r in draw(st.lists(st.sampled_from(RULES), max_size=5))
        ]
        short, long = st.sampled_from([0, 0, 1, 5, 20, 60]), st.sampled_from([0, 0, 10, 60, 24 * 60])
        out.append(
            {
                "event_time": text(start),
                "version": version,
                "type": "factory.loss-model.v1",
                "line": line,
                "valid_from": text(begin[version - 1]),
                "rules": rules,
                "micro_stop_us": draw(short) * MINUTE,
                "minimum_run_us": draw(short) * MINUTE,
                "break_gap_us": draw(short) * MINUTE,
                "set_up_limit_us": draw(long) * MINUTE,
            }
        )
    return out


@st.composite
def plants(draw: st.DrawFn, assets: int = 3, silent: bool = False) -> GeneratedPlant:
    """A plant of the first ``assets`` assets; where ``silent``, the last of them is never ended."""
    start, chosen = draw(st.sampled_from(DAYS)), list(LINES)[:assets]
    lines = sorted({LINES[a] for a in chosen})
    day = text(start)
    return GeneratedPlant(
        logs=[draw(source_logs(a, s, start)) for a in chosen for s in draw(st.sampled_from([("a",), ("a", "b")]))],
        asset=[
            {
                "event_time": day, "version": 1, "type": "factory.asset.v1", "asset": a, "name": a, "site": "s1", "area": "a1",
                "line": LINES[a],
            }
            for a in chosen
        ],
        order=[
            {
                "event_time": day, "version": 1, "type": "factory.order.v1", "order": o, "customer": "c1", "part": part,
                "line": line, "planned": 10, "due": None, "planned_run_time_us": RATES.get(o),
            }
            for line in lines for o in ORDERS[line] if (part := PARTS.get(o)) is not None
        ],
        calendar=[r for line in lines for r in draw(calendars(line, start))],
        loss_model=[r for line in lines for r in draw(loss_models(line, start))],
        silent=(chosen[-1],) if silent else (),
    )  # fmt: skip
