"""The command line of the simulator. What it writes is marked as simulated, and only the gateway sends it to Kafka."""

import json
from pathlib import Path
from typing import Annotated

import typer

from services.runtime.errors import UserError
from services.simulator.activity import read_activity
from services.simulator.output import write_events
from services.simulator.plan import Choices, make_plan

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Simulated orders, units and plants."
)


@app.callback()
def simulator() -> None:
    """Simulated orders, units and plants."""


@app.command()
def plan(
    activity: Annotated[Path, typer.Option(help="JSON of `python -m services.gateway inspect mtconnect LOG --json`.")],
    out: Annotated[Path, typer.Option(help="Events to write, JSON lines.")],
    orders: Annotated[Path, typer.Option(help="Orders to write, JSON lines.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 1,
    customers: Annotated[str, typer.Option(help="Customer ids, comma separated.")] = "acme,borealis",
    line: Annotated[str, typer.Option(help="Line of the orders.")] = "line-1",
    run_time: Annotated[float, typer.Option(min=1, help="Planned run time per unit, seconds.")] = 60.0,
    orders_per_asset: Annotated[int, typer.Option(min=1, help="Orders for each machine.")] = 4,
    inspections: Annotated[bool, typer.Option("--inspections", help="A gauge inspects each unit.")] = False,
) -> None:
    """Make up orders, units and rejects for real machine activity."""
    names = tuple(name.strip() for name in customers.split(",") if name.strip())
    if not names:
        raise UserError("--customers names no customer")
    choices = Choices(names, line, run_time, orders_per_asset=orders_per_asset, inspections=inspections)
    made = make_plan(read_activity(activity), seed, choices)
    print(json.dumps({"events": write_events(out, made.events), "orders": write_events(orders, made.orders)}))
