"""``factorystream demo``: a real machine-day from the gateway to two customers, live."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer

from services.cli.customer_api import CustomerApi
from services.cli.demo import summary as ending
from services.cli.demo.scenario import CUSTOMERS, Scenario, clear, make_scenario, send_policies
from services.cli.demo.show import Show
from services.cli.demo.view import Picture
from services.cli.demo.watch import Results, Watch
from services.cli.options import Json
from services.cli.screen import OUT, note, print_json
from services.stack.credentials import secret
from services.stack.folder import DEFAULT, DataFolder
from services.stack.job import Job
from services.stack.pipeline import Pipeline, pipeline_at

BEGAN = "FACTORYSTREAM_BEGAN"  # Unix seconds of what the person typed, where that was before this process
DEMO_DIR = DEFAULT / "demo"
GATEWAY = "demo-log"
WATCHED_SPEED = 600.0  # an hour in 6 s
AGAIN_SPEED = 60.0  # a minute a second
LONGEST_WAIT_S = 0.3  # a night without lines need not be waited out
POLL_S = 0.25

Once = Annotated[bool, typer.Option("--once", help="End with a summary instead of going on until Ctrl-C")]
Speed = Annotated[
    float | None,
    typer.Option("--speed", min=0, help="Seconds of event time per second, 0 as fast as possible; default 600, with --once 0"),
]
Folder = Annotated[Path, typer.Option("--data-dir", help="Folder of the demo; what an earlier demo left in it is removed")]
KafkaPort = Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Port of Kafka; default a free one")]
ApiPort = Annotated[int | None, typer.Option("--api-port", min=1, max=65535, help="Port of the API; default a free one")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", epilog="Example: factorystream demo --once --json")(demo)


def demo(
    once: Once = False,
    speed: Speed = None,
    data_dir: Folder = DEMO_DIR,
    kafka_port: KafkaPort = None,
    api_port: ApiPort = None,
    as_json: Json = False,
) -> None:
    """Watch a real machine-day become KPIs on a real Kafka, and two customers read what is theirs.

    The machine's log is real. The customers, their orders, and the units they got are simulated, and the screen says so. Exit
    code 1 when an event was lost or counted twice, or when a customer's chain does not hold.
    """
    began = float(os.environ.get(BEGAN) or psutil.Process().create_time())
    folder = DataFolder(data_dir)
    if clear(folder):
        note(f"removed what an earlier demo left in {folder.root}")
    note("starting Kafka, API, bridge and streams on this machine; nothing leaves it")
    results = Results(began)
    with pipeline_at(data_dir, note, CUSTOMERS, kafka_port, api_port) as line:
        found = play(line, results, once, speed)
    if as_json:
        print_json(found)
    else:
        OUT.print(ending.render(found, results))
    raise typer.Exit(0 if ending.succeeded(found) else 1)


def play(line: Pipeline, results: Results, once: bool, speed: float | None) -> dict[str, Any]:
    """Send the day through the line, show it, go on if asked to, and sum up."""
    scenario = make_scenario(line.folder)
    send_policies(line.record.bootstrap)
    delivered: dict[str, int] = {}
    with customers(line) as apis, Watch(line.record.bootstrap, results) as watch:
        picture = Picture(scenario.real, scenario.simulated, line.record)
        with Show(picture, line, watch, apis) as show:
            pace = speed if speed is not None else 0.0 if once else WATCHED_SPEED
            follow(line, show, scenario.arguments(pace, LONGEST_WAIT_S), "the recorded day passes", delivered)
            if not once:
                go_on(line, show, scenario, delivered)
            settle(line, show)
        watch.poll_to_end()
        return ending.summarize(line.record, scenario, results, delivered, apis)


@contextmanager
def customers(line: Pipeline) -> Iterator[Mapping[str, CustomerApi]]:
    """Each customer's own access to the API."""
    url = line.record.api_url or ""
    with ExitStack() as hold:
        yield {c: hold.enter_context(CustomerApi(url, c, secret(line.folder.secrets, c))) for c in CUSTOMERS}


def follow(line: Pipeline, show: Show, words: list[str], what: str, delivered: dict[str, int]) -> None:
    """Run the gateway to its end, showing what comes of it; adds up what it delivered."""
    job = line.gateway(GATEWAY, *words)
    try:
        while job.running:
            line.check()
            show.update(what, POLL_S)
    finally:
        job.stop()
        add(delivered, job)


def add(delivered: dict[str, int], job: Job) -> None:
    """Add the events that a run of the gateway has delivered."""
    for topic, count in job.result()["events"].items():
        delivered[topic] = delivered.get(topic, 0) + count


def go_on(line: Pipeline, show: Show, scenario: Scenario, delivered: dict[str, int]) -> None:
    """Replay the recording again and again, slowly and as further assets, until somebody ends it."""
    number = 2
    try:
        while True:
            name = f"pass {number}, the recording again as asset {scenario.asset}-pass{number}"
            what = f"{name}, {AGAIN_SPEED:g} times as fast as it was; Ctrl-C ends"
            follow(line, show, scenario.again(number, AGAIN_SPEED, LONGEST_WAIT_S), what, delivered)
            number += 1
    except KeyboardInterrupt:
        show.say("ending: what is under way is processed first")


def settle(line: Pipeline, show: Show) -> None:
    """Wait until everything is processed, showing it."""
    line.wait_until_processed(lambda look: show.update(f"{sum(look.waiting.values()):,} records wait to be processed", 0.0))
    show.update("everything is processed", 0.0)
