"""What every derived topic must say in the end, worked out from the raw records alone, and what it does say.

Nothing here is shared with the streams: windows, accounts and ratios come from the batch oracles, the rest is plain code over
decoded JSON. ``differences`` names every topic on which the two are not the same.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from oracle.machine_records import (
    HOUR,
    Scope,
    accounts_by_order,
    availability,
    by_asset,
    micros,
    order_quantities,
    quality,
    quantities,
)
from oracle.sensor_records import WINDOW, Windows, aggregates
from pipeline_lab import Lab, Place

from schemas.registry import AGGREGATE, ALERT, ASSET, KPI, LATE, MACHINE, MEASURE, ORDER, OUTBOUND, SENSOR, TWIN_STATE

Body = dict[str, Any]
COMPARED = ("availability", "quality ratio")
DERIVED = (AGGREGATE, MEASURE, KPI, ALERT, TWIN_STATE, OUTBOUND, LATE)
PACKML = {
    "ACTIVE": "Execute", "READY": "Idle", "INTERRUPTED": "Suspended", "WAIT": "Suspended", "FEED_HOLD": "Held",
    "STOPPED": "Stopped", "OPTIONAL_STOP": "Held", "PROGRAM_STOPPED": "Held", "PROGRAM_OPTIONAL_STOP": "Held",
    "PROGRAM_COMPLETED": "Complete", "UNAVAILABLE": None, None: None,
}  # fmt: skip


@dataclass(frozen=True)
class Raw:
    """The raw records, in log order per partition."""

    sensor: list[Body]
    machine: list[Body]
    assets: dict[str, Body]
    orders: dict[str, Body]

    @property
    def lines(self) -> dict[str, str]:
        """The line of each asset."""
        return {name: asset["line"] for name, asset in self.assets.items()}

    @cached_property
    def windows(self) -> Windows:
        """What the sensor oracle says."""
        return aggregates(self.sensor)

    @cached_property
    def accounts(self) -> dict[tuple[str, int, str | None, str], int]:
        """What the machine oracle says of times."""
        return accounts_by_order(self.machine)

    @cached_property
    def ratios(self) -> dict[str, dict[Scope, Fraction | None]]:
        """What the machine oracle says of KPIs, by their names."""
        return {"availability": availability(self.machine, self.lines), "quality ratio": quality(self.machine, self.lines)}

    @cached_property
    def scarcely_known(self) -> set[tuple[str, int]]:
        """(line, hour) of which less than half is known: no calendar says otherwise, so all of an hour is planned, so far as any
        asset of the line was heard in it."""
        known: dict[tuple[str, int], int] = defaultdict(int)
        heard: dict[tuple[str, int], set[str]] = defaultdict(set)
        until = {asset: max(micros(r["event_time"]) for r in log) for asset, log in by_asset(self.machine).items()}
        for (asset, hour, _, state), time in self.accounts.items():
            heard[self.lines[asset], hour].add(asset)
            known[self.lines[asset], hour] += time if state != "UNAVAILABLE" else 0
        for asset, hour, _ in quantities(self.machine):
            heard[self.lines[asset], hour].add(asset)
        observed = {k: min(HOUR, max(until[a] for a in assets) - k[1]) * len(assets) for k, assets in heard.items()}
        return {k for k, span in observed.items() if known[k] * 2 < span}

    @cached_property
    def made(self) -> dict[str | None, tuple[int, int, int]]:
        """What the machine oracle says of units per order."""
        return order_quantities(self.machine)


def raw_records(lab: Lab, rejected: Collection[Place] = ()) -> Raw:
    """Read the raw topics, without the records at ``rejected``."""

    def bodies(topic: Any) -> list[Body]:
        good = [r for r in lab.read(topic) if r.value is not None and (r.topic, r.partition, r.offset) not in rejected]
        return [json.loads(r.value) for r in good]

    return Raw(
        bodies(SENSOR),
        bodies(MACHINE),
        {b["asset"]: b for b in bodies(ASSET)},
        {b["order"]: b for b in bodies(ORDER)},
    )


def expected(raw: Raw) -> dict[str, dict[Any, Any]]:
    """Per derived topic what its newest records say, by what they are about."""
    alerts = list(alert_steps(raw))
    return {
        AGGREGATE.name: {key: (s.n, s.low, s.high, float(s.mean)) for key, s in raw.windows.closed.items()},
        MEASURE.name: measures(raw),
        KPI.name: dict(kpis(raw)),
        ALERT.name: dict.fromkeys(alerts, 1),
        TWIN_STATE.name: dict(twins(raw, alerts)),
        OUTBOUND.name: dict(outbound(raw)),
        LATE.name: dict(raw.windows.late),
    }


def measures(raw: Raw) -> dict[Any, Any]:
    """(asset, hour) -> (time by order and state, units by order), neither with zeros."""
    out: dict[Any, Any] = defaultdict(lambda: ({}, {}))
    for (asset, hour, order, state), time in raw.accounts.items():
        if time:
            out[asset, hour][0][order, state] = time
    for (asset, hour, order), counts in quantities(raw.machine).items():
        if any(counts):
            out[asset, hour][1][order] = counts
    return dict(out)


def kpis(raw: Raw) -> Iterator[tuple[Any, Any]]:
    """(KPI, kind of scope, id, hour) -> ratio of hours and orders, only those that have one."""
    for name, values in raw.ratios.items():
        yield from (((name, *scope), value) for scope, value in values.items() if value is not None)


def alert_steps(raw: Raw) -> Iterator[tuple[str, str, str, str, int]]:
    """(asset, rule, state, priority, event time) of each step of each alarm, in order per rule."""
    means: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
    for (asset, channel, start), statistics in sorted(raw.windows.closed.items()):
        means[asset, channel].append((start, float(statistics.mean)))
    for (asset, channel), windows in means.items():
        declared = raw.assets[asset]["channels"].get(channel, {})
        for side, sign in (("high", 1), ("low", -1)):
            if declared.get(side) is not None:
                for state, at in _excursions(windows, declared[side] * sign, sign, declared["deadband"]):
                    yield asset, f"limit:{channel}:{side}", state, declared["priority"], at
    for asset, log in by_asset(raw.machine).items():
        yield from _conditions(asset, log)


def _excursions(windows: list[tuple[int, float]], limit: float, sign: int, deadband: float) -> Iterator[tuple[str, int]]:
    is_open, beyond = False, 0
    for start, mean in windows:
        excess = mean * sign - limit
        beyond = beyond + 1 if excess > 0 else 0
        if is_open and excess <= -deadband:
            is_open = False
            yield "cleared", start + WINDOW
        elif not is_open and beyond >= 2:
            is_open = True
            yield "raised", start + WINDOW


def _conditions(asset: str, log: list[Any]) -> Iterator[tuple[str, str, str, str, int]]:
    judged: dict[str, tuple[int, int]] = {}
    priority: dict[str, str] = {}  # of the conditions with an open alarm
    for record in log:
        fact = record.get("fact", {})
        if fact.get("kind") != "condition":
            continue
        item, level, time = fact["item"], fact["level"], micros(record["event_time"])
        if (time, record["sequence"]) < judged.get(item, (0, 0)):
            continue
        judged[item] = (time, record["sequence"])
        if level in ("warning", "fault"):
            urgency = {"warning": "medium", "fault": "high"}[level]
            if item not in priority or (urgency == "high" and priority[item] != "high"):
                priority[item] = urgency
                yield asset, f"condition:{item}", "raised", urgency, time
        elif level == "normal" and item in priority:
            yield asset, f"condition:{item}", "cleared", priority.pop(item), time


def twins(raw: Raw, alerts: Iterable[tuple[str, str, str, str, int]]) -> Iterator[tuple[Any, Any]]:
    """(kind of scope, id) -> what its state shows."""
    state: dict[tuple[str, str], str] = {}
    for asset, rule, step, _, _ in alerts:
        state[asset, rule] = step
    for asset, log in by_asset(raw.machine).items():
        open_alerts = sorted(rule for (a, rule), step in state.items() if a == asset and step == "raised")
        yield ("asset", asset), {**_asset(log), "open_alerts": open_alerts}
    hourly = raw.ratios["availability"]
    for line in set(raw.lines.values()):
        hour = max(h for kind, name, h in hourly if kind == "line" and name == line and h is not None)
        ratio = hourly["line", line, hour]
        low = (line, hour) in raw.scarcely_known
        yield ("line", line), {"hour": hour, "availability": None if ratio is None or low else float(ratio)}
    for order in raw.orders:
        yield ("order", order), _order(raw, order)


def _asset(log: list[Any]) -> Body:
    newest: Body = {}
    conditions: Body = {}
    produced = scrap = 0
    for record in sorted(log, key=lambda r: (micros(r["event_time"]), r["sequence"])):
        fact = record.get("fact", {})
        match fact.get("kind"):
            case "execution":
                newest["execution"] = fact["state"]
            case "mode" | "program" | "order" as kind:
                newest[kind] = fact[kind]
            case "condition":
                conditions[fact["item"]] = fact["level"]
            case "produced":
                produced += fact["produced"]
                scrap += fact.get("scrap", 0)
    shown = {name: newest.get(name) for name in ("execution", "mode", "program", "order")}
    bad = sorted(item for item, level in conditions.items() if level in ("warning", "fault"))
    return {**shown, "packml": PACKML[shown["execution"]], "produced": produced, "scrap": scrap, "conditions": bad}


def _order(raw: Raw, order: str) -> Body:
    record = raw.orders[order]
    produced, scrap, rework = raw.made.get(order, (0, 0, 0))
    good = max(0, produced - scrap - rework)
    times = {state: t for (_, _, o, state), t in raw.accounts.items() if o == order and t}
    ratio = raw.ratios["availability"].get(("order", order, None))
    busy = any(state != "UNAVAILABLE" for state in times)
    return {
        **{name: record[name] for name in ("line", "part", "customer", "planned", "due")},
        "produced": produced,
        "good": good,
        "availability": None if ratio is None else float(ratio),
        "phase": "complete" if good >= record["planned"] else "running" if produced or busy else "planned",
    }


def outbound(raw: Raw) -> Iterator[tuple[Any, Any]]:
    """(customer, order, product, KPI) -> what the newest event says."""
    for order, record in raw.orders.items():
        shown = _order(raw, order)
        progress = {name: shown[name] for name in ("part", "planned", "produced", "good", "phase", "due")}
        yield (record["customer"], order, "order", None), progress
        for kpi, values in raw.ratios.items():
            ratio = values.get(("order", order, None))
            if ratio is not None:
                yield (record["customer"], order, "kpi", kpi), {"value": float(ratio)}


def found(lab: Lab, rejected: Collection[Place] = ()) -> dict[str, dict[Any, Any]]:
    """The same of the topics as they are."""
    bodies = {t.name: derived(lab.read(t), rejected) for t in DERIVED}
    newest: dict[str, dict[Any, Any]] = {}
    for topic, read in bodies.items():
        newest[topic] = {}
        for body in sorted(read, key=lambda b: b.get("revision", 0)):
            key, says = _SAYS[topic](body)
            newest[topic][key] = says
    return {topic: {key: says for key, says in values.items() if says is not None} for topic, values in newest.items()}


def derived(records: Iterable[Any], rejected: Collection[Place] = ()) -> list[Body]:
    """The bodies of the events, each id once."""
    out: dict[str, Body] = {}
    for r in records:
        if r.value is not None and (r.topic, r.partition, r.offset) not in rejected:
            body = json.loads(r.value)
            out[body["id"]] = body
    return list(out.values())


def ambiguous(lab: Lab, rejected: Collection[Place] = ()) -> list[str]:
    """The ids that have come with more than one content, with their topic."""
    contents: dict[tuple[str, str], set[bytes]] = defaultdict(set)
    for topic in DERIVED:
        for r in lab.read(topic):
            if r.value is not None and (r.topic, r.partition, r.offset) not in rejected:
                contents[topic.name, json.loads(r.value)["id"]].add(r.value)
    return [f"{topic} {name}: {sorted(values)}" for (topic, name), values in contents.items() if len(values) > 1]


def _aggregate(b: Body) -> tuple[Any, Any]:
    return (b["asset"], b["channel"], micros(b["window"]["start"])), (b["n"], b["min"], b["max"], b["mean"])


def _measure(b: Body) -> tuple[Any, Any]:
    account = {(e["order"], e["state"]): e["duration_us"] for e in b["account"]}
    units = {
        q["order"]: (q["produced"], q["scrap"], q["rework"])
        for q in b["quantities"]
        if any((q["produced"], q["scrap"], q["rework"]))
    }
    return (b["asset"], micros(b["window"]["start"])), (account, units)


def _kpi(b: Body) -> tuple[Any, Any]:
    hour = micros(b["window"]["start"]) if b["window_kind"] == "hour" else None
    key = (b["kpi"], b["scope"]["kind"], b["scope"]["id"], hour)
    if b["kpi"] not in COMPARED or b["window_kind"] not in ("hour", "order"):
        return (*key, b["window_kind"], b["window_id"]), None  # what is known of these is compared elsewhere
    ratio = Fraction(b["numerator"], b["denominator"]) if b["denominator"] else None
    low = b["scope"]["kind"] != "order" and b["coverage"] < 0.5
    assert (b["value"] is None) == (ratio is None or low), b
    assert b["value"] is None or math.isclose(b["value"], ratio or 0, rel_tol=1e-15), b
    return key, ratio


def _alert(b: Body) -> tuple[Any, Any]:
    return (b["asset"], b["rule"], b["state"], b["priority"], micros(b["event_time"])), 1


def _twin(b: Body) -> tuple[Any, Any]:
    says = dict(b[b["scope"]["kind"]])
    if says.get("hour") is not None:
        says["hour"] = micros(says["hour"])
    return (b["scope"]["kind"], b["scope"]["id"]), says


def _outbound(b: Body) -> tuple[Any, Any]:
    p = b["payload"]
    if p["product"] == "order":
        progress = {name: p[name] for name in ("part", "planned", "produced", "good", "phase", "due")}
        return (b["customer"], b["subject"], "order", None), progress
    return (b["customer"], b["subject"], "kpi", p["kpi"]), None if p["value"] is None else {"value": p["value"]}


def _late(b: Body) -> tuple[Any, Any]:
    source, asset, sequence = b["event"].split("/")
    return (source, asset, int(sequence)), b["readings"]


_SAYS: Mapping[str, Any] = {
    AGGREGATE.name: _aggregate, MEASURE.name: _measure, KPI.name: _kpi, ALERT.name: _alert, TWIN_STATE.name: _twin,
    OUTBOUND.name: _outbound, LATE.name: _late,
}  # fmt: skip


def differences(lab: Lab, rejected: Collection[Place] = ()) -> list[str]:
    """What the derived topics say and should not, or do not say and should; none when all is well."""
    wanted, there = expected(raw_records(lab, rejected)), found(lab, rejected)
    out = []
    for topic in wanted:
        for key in sorted(wanted[topic].keys() | there[topic].keys(), key=str):
            should, does = wanted[topic].get(key), there[topic].get(key)
            if should != does:
                out.append(f"{topic} {key}: should say {should}, says {does}")
    return out
