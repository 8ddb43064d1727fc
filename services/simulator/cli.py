"""The command line of the simulator. What it writes is marked as simulated, and only the gateway sends it to Kafka."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from schemas.instant import SECOND_US, from_micros, parse, rfc3339, to_micros
from services.runtime.drain import Drain
from services.runtime.errors import UserError
from services.simulator.activity import read_activity
from services.simulator.agent_buffer import AgentBuffer, read_items, read_log
from services.simulator.agent_server import AgentServer
from services.simulator.line_machine import Rates
from services.simulator.output import paced, write_events
from services.simulator.plan import Choices, make_plan
from services.simulator.plant import Plant, PlantChoices

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Simulated orders, units and plants."
)


LONGEST_WAIT_S = 2.0  # a log opens with a snapshot that may be months old


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
    choices = Choices(_names(customers), line, run_time, orders_per_asset=orders_per_asset, inspections=inspections)
    made = make_plan(read_activity(activity), seed, choices)
    print(json.dumps({"events": write_events(out, made.events), "orders": write_events(orders, made.orders)}))


@app.command()
def plant(
    out: Annotated[Path, typer.Option(help="Events to write, JSON lines, orders and assets among them.")],
    machines: Annotated[int, typer.Option(min=1, max=500, help="Machines in a row: press, mill, wash ...")] = 3,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 1,
    speed: Annotated[float, typer.Option(min=0, help="Seconds of event time per second; 0 is as fast as possible.")] = 0.0,
    hours: Annotated[float | None, typer.Option(min=0, help="How long; default for ever, or one hour at speed 0.")] = None,
    start: Annotated[str, typer.Option(help="RFC 3339 time of the first event, or now.")] = "2026-01-05T06:00:00Z",
    line: Annotated[str, typer.Option(help="Line id.")] = "sim-line",
    customers: Annotated[str, typer.Option(help="Customer ids, comma separated.")] = "acme,borealis",
    order_units: Annotated[int, typer.Option(min=1, help="Units of an order, about.")] = 40,
    cycle: Annotated[float, typer.Option(min=1, help="Planned run time per unit, seconds.")] = 45.0,
    rate: Annotated[float, typer.Option(min=0.1, max=1000, help="Readings per channel and second.")] = 1.0,
) -> None:
    """Simulate a whole line, live or as fast as possible."""
    start_us = _start(start)
    span_h = hours if hours is not None or speed > 0 else 1.0
    until_us = None if span_h is None else start_us + round(span_h * 3600 * SECOND_US)
    choices = PlantChoices(
        machines, line, customers=_names(customers), order_units=order_units, rates=Rates(cycle_s=cycle, rate_hz=rate)
    )
    with Drain() as drain:
        count = write_events(out, Plant(choices, seed, start_us).events(until_us), paced(speed, drain.wait))
    print(json.dumps({"events": count}))


@app.command()
def agent(
    log: Annotated[Path, typer.Option(help="Recorded MTConnect log to serve.")],
    devices: Annotated[Path, typer.Option(help="Devices.xml that declares its items.")],
    device: Annotated[str | None, typer.Option(help="Name of the device; default from the file name.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 takes a free one and prints it.")] = 0,
    speed: Annotated[float, typer.Option(min=0, help="Seconds of event time per second; 0 serves the whole log at once.")] = 0.0,
    buffer: Annotated[int, typer.Option(min=10, help="Observations that the agent keeps.")] = 131_072,
    version: Annotated[str, typer.Option(help="MTConnect version of the documents.")] = "1.3",
) -> None:
    """Serve a recorded log as a live MTConnect agent."""
    try:
        document = devices.read_bytes()
    except OSError as exc:
        raise UserError(f"devices file {devices} can't be read: {exc.strerror}") from exc
    name = device or log.name.split("-")[0].split(".")[0]
    memory = AgentBuffer(name, read_items(document, name), buffer, instance=int(time.time()))
    with Drain() as drain, AgentServer(memory, document, port, version) as server:
        print(json.dumps({"event": "ready", "url": server.url}), flush=True)
        pace = paced(speed, drain.wait, LONGEST_WAIT_S)
        for line in read_log(log):
            if pace(_time_of(line)):
                return
            server.say([line])
        while not drain.wait(3600.0):
            pass


def _time_of(line: str) -> int:
    try:
        return to_micros(parse(line.split("|", 1)[0]))
    except ValueError as exc:
        raise UserError(f"the log has a line that begins with no time: {line[:60]!r}") from exc


def _start(text: str) -> int:
    try:
        return to_micros(datetime.now(UTC) if text == "now" else parse(text))
    except (ValueError, TypeError) as exc:
        raise UserError(f"--start {text!r} is neither now nor a time like {rfc3339(from_micros(0))}") from exc


def _names(customers: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in customers.split(",") if name.strip())
    if not names:
        raise UserError("--customers names no customer")
    return names
