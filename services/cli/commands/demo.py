"""``factorystream demo``: a real machine-day from the gateway to two customers, live."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
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
from services.cli.options import DEMO_DIR, Json
from services.cli.screen import OUT, note, print_json
from services.stack.credentials import secret
from services.stack.folder import DataFolder
from services.stack.job import Job
from services.stack.pipeline import Pipeline, Wishes, pipeline_at

BEGAN = "FACTORYSTREAM_BEGAN"  # Unix seconds of what the person typed, where that was before this process
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
    results = Results(float(os.environ.get(BEGAN) or psutil.Process().create_time()))
    folder = DataFolder(data_dir)
    if clear(folder):
        note(f"removed what an earlier demo left in {folder.root}")
    note("starting Kafka, API, bridge and streams on this machine; nothing leaves it")
    made: list[Scenario] = []
    wishes = Wishes(CUSTOMERS, kafka_port, api_port, lambda: made.append(make_scenario(folder)))
    with pipeline_at(data_dir, note, wishes) as line:
        found = Play(line, made[0], results, once, speed).run()
    if as_json:
        print_json(found)
    else:
        OUT.print(ending.render(found, results))
    raise typer.Exit(0 if ending.succeeded(found) else 1)


class Play:
    """Sends the day through the line, shows it, goes on if asked to, and sums up."""

    def __init__(self, line: Pipeline, scenario: Scenario, results: Results, once: bool, speed: float | None) -> None:
        self._line = line
        self._scenario = scenario
        self._results = results
        self._once = once
        self._speed = speed if speed is not None else 0.0 if once else WATCHED_SPEED
        self._delivered: dict[str, int] = {}

    def run(self) -> dict[str, Any]:
        """The summary, when everything is processed."""
        line, results = self._line, self._results
        send_policies(line.record.bootstrap)
        job = self._start(self._scenario.arguments(self._speed, LONGEST_WAIT_S))
        try:
            line.await_ready()
            with customers(line) as apis, Watch(line.record.bootstrap, results) as watch:
                picture = Picture(self._scenario.real, self._scenario.simulated, line.record)
                with Show(picture, line, watch, apis) as show:
                    self._until_ended(show, job)
                    self._settle(show)
                watch.poll_to_end()
                found = ending.summarize(line.record, self._scenario, results, self._delivered, apis)
            note("stopping everything that was started")
            return found
        finally:
            job.stop()

    def _start(self, words: list[str]) -> Job:
        return self._line.gateway(GATEWAY, *words)

    def _follow(self, show: Show, job: Job, what: str) -> None:
        """Show what comes of a run of the gateway until its end; add up what it delivered."""
        try:
            while job.running:
                self._line.check()
                show.update(what, POLL_S)
        finally:
            job.stop()
            for topic, sent in job.result().get("events", {}).items():
                self._delivered[topic] = self._delivered.get(topic, 0) + sent

    def _until_ended(self, show: Show, job: Job) -> None:
        """The day once; then, if it is to go on, the recording again and again, slowly and as further assets, until Ctrl-C."""
        if self._once:
            self._follow(show, job, "the recorded day passes")
            return
        try:
            self._follow(show, job, f"the recorded day passes, {self._speed:g} times as fast as it was; Ctrl-C ends")
            for number in count(2):
                name = f"pass {number}, the recording again as asset {self._scenario.asset}-pass{number}"
                job = self._start(self._scenario.again(number, AGAIN_SPEED, LONGEST_WAIT_S))
                self._follow(show, job, f"{name}, {AGAIN_SPEED:g} times as fast as it was; Ctrl-C ends")
        except KeyboardInterrupt:
            note("ending: what is under way is processed first")

    def _settle(self, show: Show) -> None:
        """Wait until everything is processed, showing it."""
        wait = self._line.wait_until_processed
        wait(lambda look: show.update(f"{sum(look.waiting.values()):,} records wait to be processed", 0.0))
        show.update("everything is processed", 0.0)


@contextmanager
def customers(line: Pipeline) -> Iterator[Mapping[str, CustomerApi]]:
    """Each customer's own access to the API."""
    url = line.record.api_url or ""
    with ExitStack() as hold:
        yield {c: hold.enter_context(CustomerApi(url, c, secret(line.folder.secrets, c))) for c in CUSTOMERS}
