"""Hypothesis strategies that follow the contracts: JSON values that an event's schema allows."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from schemas.document_json_schema import Schema, json_schema
from schemas.envelope import Event
from schemas.events.alert_action import AlertAction
from schemas.events.asset import Asset
from schemas.events.calendar import Calendar
from schemas.events.loss_model import LossModel
from schemas.events.sensor_frame import SensorFrame
from schemas.events.twin_state import TwinState
from schemas.evolution import inline
from schemas.instant import END_OF_TIME, EPOCH

Values = st.SearchStrategy[Any]

MOST_ITEMS = 4
WIDE_INTEGER = 10**30
TEXT = st.characters(codec="utf-8")


def payloads(event: type[Event]) -> Values:
    """JSON values that are events of this type: allowed by its schema, and by its rules across fields."""
    values = allowed(inline(json_schema(event)))
    rule = _RULES.get(event)
    return values if rule is None else st.builds(rule, values, st.integers(1, MOST_ITEMS))


def allowed(schema: Schema) -> Values:
    """JSON values that a schema without references allows."""
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return st.one_of([allowed(part) for part in schema[word]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return _BY_TYPE[schema["type"]](schema)


def times() -> Values:
    """RFC 3339 texts of any precision and offset within the range of the contracts."""
    day = timedelta(days=1)
    moments = st.datetimes((EPOCH + day).replace(tzinfo=None), (END_OF_TIME - day).replace(tzinfo=None), timezones=st.just(UTC))
    return st.builds(
        _time_text, moments, st.integers(-23 * 60, 23 * 60), st.sampled_from(["", ".5", ".250", ".000001", ".123456789"])
    )


def _time_text(moment: datetime, offset_minutes: int, fraction: str) -> str:
    local = moment.astimezone(timezone(timedelta(minutes=offset_minutes))).replace(microsecond=0)
    text = local.isoformat()
    return f"{text[:19]}{fraction}{text[19:]}" if offset_minutes else f"{text[:19]}{fraction}Z"


def _strings(schema: Schema) -> Values:
    if schema.get("format") == "date-time":
        return times()
    if "pattern" in schema:
        return st.from_regex(schema["pattern"].removeprefix("^").removesuffix("$"), fullmatch=True)
    return st.text(TEXT, min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 20), 200))


def _integers(schema: Schema) -> Values:
    smallest = schema.get("minimum", schema.get("exclusiveMinimum", -WIDE_INTEGER - 1) + 1)
    return st.integers(smallest, schema.get("maximum", WIDE_INTEGER))


def _numbers(schema: Schema) -> Values:
    bounds = {"min_value": schema.get("minimum"), "max_value": schema.get("maximum")}
    return st.floats(**bounds, allow_nan=False, allow_infinity=False)


def _arrays(schema: Schema) -> Values:
    if "prefixItems" in schema:
        return st.tuples(*map(allowed, schema["prefixItems"])).map(list)
    return st.lists(allowed(schema["items"]), min_size=schema.get("minItems", 0), max_size=MOST_ITEMS)


def _objects(schema: Schema) -> Values:
    if "patternProperties" in schema:
        [(pattern, values)] = schema["patternProperties"].items()
        keys = _strings({"pattern": pattern})
        return st.dictionaries(keys, allowed(values), min_size=schema.get("minProperties", 0), max_size=MOST_ITEMS)
    required = {name: allowed(prop) for name, prop in schema["properties"].items() if name in schema["required"]}
    optional = {name: allowed(prop) for name, prop in schema["properties"].items() if name not in schema["required"]}
    return st.fixed_dictionaries(required, optional=optional)


def _same_length(frame: dict[str, Any], rows: int) -> dict[str, Any]:
    """A frame has one value per time in each column, and times do not fall."""
    columns = {name: (values * rows)[:rows] for name, values in frame["columns"].items()}
    return {**frame, "times_us": sorted((frame["times_us"] * rows)[:rows]), "columns": columns}


def _one_state(state: dict[str, Any], choice: int) -> dict[str, Any]:
    """A twin state says something about what its scope names, and about nothing else."""
    given = [kind for kind in ("asset", "line", "order") if state.get(kind) is not None]
    if not given:
        line = {"availability": None, "hour": None}
        return {**state, "scope": {**state["scope"], "kind": "line"}, "line": line}
    kind = given[choice % len(given)]
    rest = {name: value for name, value in state.items() if name not in given or name == kind}
    return {**rest, "scope": {**state["scope"], "kind": kind}}


def _named_once(calendar: dict[str, Any], choice: int) -> dict[str, Any]:
    """A calendar knows its zone, names each shift once, has dates that exist, and downtimes that go forward."""
    shifts = [{**shift, "name": f"{shift['name'][:60]}{i}"} for i, shift in enumerate(calendar["shifts"])]
    downtimes = [
        {**downtime, "start": f"2026-11-0{choice}T00:00:00Z", "end": f"2026-11-0{choice}T01:00:00Z"}
        for downtime in calendar.get("planned_downtimes", [])
    ]
    zone = ("UTC", "Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo")[choice % 4]
    changed = {"zone": zone, "shifts": shifts, "holidays": ["2026-10-01"], "planned_downtimes": downtimes}
    return {**calendar, **{name: value for name, value in changed.items() if name in calendar}}


def _conditions_hold(model: dict[str, Any], choice: int) -> dict[str, Any]:
    """A condition of a rule has something that can hold."""
    del choice
    rules = [
        {name: value for name, value in rule.items() if name not in ("states", "reasons", "modes") or value != []}
        for rule in model.get("rules", [])
    ]
    return {**model, **({"rules": rules} if "rules" in model else {})}


def _end_of_shelf(action: dict[str, Any], choice: int) -> dict[str, Any]:
    """A shelf has an end, and nothing else has one."""
    del choice
    shelve = action["action"] == "shelve"
    return {**action, "until": (action.get("until") or action["event_time"]) if shelve else None}


def _asset(asset: dict[str, Any], choice: int) -> dict[str, Any]:
    """The subgroup fits the chart, no rule is named twice, and the limits of a specification are in order."""
    return (
        {**asset, "channels": {name: _channel(c, choice) for name, c in asset["channels"].items()}}
        if "channels" in asset
        else asset
    )


def _channel(channel: dict[str, Any], choice: int) -> dict[str, Any]:
    changed = dict(channel)
    if control := channel.get("control"):
        subgroup = 1 if control["chart"] == "individuals" else choice + 1
        rules = {"rules": list(dict.fromkeys(control["rules"]))} if "rules" in control else {}
        changed["control"] = {**control, **rules, "subgroup": subgroup}
    if (specification := channel.get("specification")) is not None:
        given = sorted({-1.0, 1.0, *(v for v in specification.values() if v is not None)})
        target = {} if choice > 2 else {"target": given[1]}
        changed["specification"] = {"lower": given[0], "upper": None if choice == 1 else given[-1], **target}
    return changed


_BY_TYPE: dict[str, Callable[[Schema], Values]] = {
    "string": _strings,
    "integer": _integers,
    "number": _numbers,
    "boolean": lambda _: st.booleans(),
    "null": lambda _: st.none(),
    "array": _arrays,
    "object": _objects,
}
_RULES: dict[type[Event], Callable[[Any, int], Any]] = {
    Asset: _asset,
    SensorFrame: _same_length,
    TwinState: _one_state,
    Calendar: _named_once,
    LossModel: _conditions_hold,
    AlertAction: _end_of_shelf,
}
