"""``factorystream query``: results as they stand on the log, the newest revision of each."""

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.table import Table

from schemas import registry
from schemas.codec import to_json
from schemas.events.kpi_value import Kpi, KpiValue
from schemas.events.measure import Measure
from schemas.instant import rfc3339
from services.cli.newest import newest_kpis, newest_measures, states
from services.cli.options import DATA_DIR, Bootstrap, Json, LastDir
from services.cli.screen import OUT, bar, note, percent, print_json, table
from services.runtime.errors import UserError
from services.stack.log_reader import events
from services.stack.session import broker_at

Scope = Annotated[str | None, typer.Option("--scope", help="Only this asset, line, order or part")]
FLAGS = {
    "above one": "above 1",
    "low speed": "slow",
    "low coverage": "little known",
    "unrated units": "units without planned run time",
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Results as they stand: the newest revision of each.", no_args_is_help=True)
    group.command("kpi", epilog="Example: factorystream query kpi --kpi availability --json")(kpi)
    group.command("states", epilog="Example: factorystream query states --scope mazak03 --json")(show_states)
    app.add_typer(group, name="query")


def kpi(
    data_dir: LastDir = DATA_DIR,
    bootstrap: Bootstrap = None,
    scope: Scope = None,
    name: Annotated[str | None, typer.Option("--kpi", help="Only this KPI, e.g. availability")] = None,
    window: Annotated[
        str | None, typer.Option("--window", help="Only hour, shift, day or order, or one of them: 2026-11-24, 2026-11-24/night")
    ] = None,
    as_json: Json = False,
) -> None:
    """KPIs of ISO 22400 per asset, line, order and part."""
    wanted = kpi_named(name)
    with broker_at(data_dir, bootstrap, note) as where:
        found = newest_kpis(events(where, registry.KPI, KpiValue))
    found = [k for k in found if scope in (None, k.scope.id) and wanted in (None, k.kpi) and in_window(k, window)]
    if as_json:
        print_json([json.loads(to_json(k)) for k in found])
    else:
        OUT.print(kpi_table(found) if found else nothing("KPI", scope))


def show_states(data_dir: LastDir = DATA_DIR, bootstrap: Bootstrap = None, scope: Scope = None, as_json: Json = False) -> None:
    """Seconds that each asset spent in each execution state, per hour."""
    with broker_at(data_dir, bootstrap, note) as where:
        rows = states(newest_measures(events(where, registry.MEASURE, Measure)))
    rows = [r for r in rows if scope in (None, r["asset"])]
    if as_json:
        print_json(rows)
    else:
        OUT.print(state_table(rows) if rows else nothing("time account", scope))


def kpi_named(name: str | None) -> Kpi | None:
    """The KPI of that name or abbreviation (oee, mtbf), hyphens or not. Raises UserError that names the known ones."""
    if name is None:
        return None
    for kpi in Kpi:
        if plain(name) in (plain(kpi), plain(kpi.name)):
            return kpi
    raise UserError(f"no KPI is named {name!r}; there are {', '.join(Kpi)}")


def plain(name: str) -> str:
    """A name in small letters, its words apart by spaces."""
    return name.lower().replace("_", " ").replace("-", " ")


def in_window(k: KpiValue, wanted: str | None) -> bool:
    """Whether the window is of this kind, has this id, or is the hour that begins like this in RFC 3339."""
    if wanted in (None, k.window_kind, k.window_id):
        return True
    return k.window_kind == "hour" and "T" in str(wanted) and rfc3339(k.window.start).startswith(str(wanted))


def nothing(what: str, scope: str | None) -> str:
    """The line for an empty answer."""
    return f"no {what} yet" + (f" of {scope}" if scope else "")


def kpi_table(found: Iterable[KpiValue], title: str = "KPIs (newest revision of each)") -> Table:
    """KPIs for people, a bar for each ratio."""
    right = ("value", "rev", "known")
    made = table(title, "scope", "window (UTC)", "KPI", "", "value", "status", "rev", "known", "note", right=right)
    for k in found:
        picture = bar(k.value, 10) if k.value is not None and k.unit == "1" else ""
        notes = ", ".join(FLAGS[flag] for flag in k.flags)
        status = k.status + (f" ({k.delta:+.3g})" if k.status == "restated" and k.delta else "")
        note = "; ".join(x for x in (k.null_reason, notes) if x)
        made.add_row(k.scope.id, window_name(k), k.kpi, picture, amount(k), status, str(k.revision), percent(k.coverage), note)
    return made


def window_name(k: KpiValue) -> str:
    """The id of a shift or day; else from when to when."""
    if k.window_id is not None:
        return f"{k.window_kind} {k.window_id}"
    start, end = rfc3339(k.window.start)[:16].replace("T", " "), rfc3339(k.window.end)[:16].replace("T", " ")
    return f"{k.window_kind} {start} to {end.removeprefix(start[:11])}"


def amount(k: KpiValue) -> str:
    """The value with its unit: ratios in percent, rates and times rounded to what one can read."""
    if k.value is None or k.unit == "1":
        return percent(k.value)
    number = f"{k.value:,.0f}" if abs(k.value) >= 1000 else f"{k.value:.3g}"
    return f"{number}{k.unit}" if k.unit.startswith("/") else f"{number} {k.unit}"


def state_table(rows: Iterable[dict[str, Any]]) -> Table:
    """State rows for people, a bar each for the share of the hour."""
    made = table("Time per hour and execution state", "asset", "from (UTC)", "to", "state", "", "seconds", right=("seconds",))
    for r in rows:
        start, end = r["start"][:19].replace("T", " "), r["end"][11:19]
        made.add_row(r["asset"], start, end, r["state"], bar(r["seconds"] / 3600), f"{r['seconds']:.1f}")
    return made
