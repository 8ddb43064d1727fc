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

Scope = Annotated[str | None, typer.Option("--scope", help="Only this asset, line or order")]


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
    as_json: Json = False,
) -> None:
    """KPIs of ISO 22400 per asset, line and order."""
    wanted = kpi_named(name)
    with broker_at(data_dir, bootstrap, note) as where:
        found = newest_kpis(events(where, registry.KPI, KpiValue))
    found = [k for k in found if scope in (None, k.scope.id) and wanted in (None, k.kpi)]
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
    """The KPI of that name. Raises UserError that names the known ones."""
    try:
        return None if name is None else Kpi(name.replace("_", " ").replace("-", " "))
    except ValueError as exc:
        raise UserError(f"no KPI is named {name!r}; there are {', '.join(Kpi)}") from exc


def nothing(what: str, scope: str | None) -> str:
    """The line for an empty answer."""
    return f"no {what} yet" + (f" of {scope}" if scope else "")


def kpi_table(found: Iterable[KpiValue], title: str = "KPIs (newest revision of each)") -> Table:
    """KPIs for people, a bar each."""
    made = table(
        title, "scope", "KPI", "from (UTC)", "to", "", "value", "status", "rev", "observed", right=("value", "rev", "observed")
    )
    for k in found:
        start, end = rfc3339(k.window.start)[:16].replace("T", " "), rfc3339(k.window.end)[11:16]
        picture = bar(k.value) if k.value is not None else f"[dim]{k.null_reason or ''}[/]"
        row = (k.scope.id, k.kpi, start, end, picture, percent(k.value), k.status, str(k.revision), percent(k.coverage))
        made.add_row(*row)
    return made


def state_table(rows: Iterable[dict[str, Any]]) -> Table:
    """State rows for people, a bar each for the share of the hour."""
    made = table("Time per hour and execution state", "asset", "from (UTC)", "to", "state", "", "seconds", right=("seconds",))
    for r in rows:
        start, end = r["start"][:19].replace("T", " "), r["end"][11:19]
        made.add_row(r["asset"], start, end, r["state"], bar(r["seconds"] / 3600), f"{r['seconds']:.1f}")
    return made
