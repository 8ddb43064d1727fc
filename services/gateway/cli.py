"""The command line of the gateway."""

import json
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from services.gateway.agent_poll import AgentPoll
from services.gateway.event_follow import EventFollow
from services.gateway.feed import Feed
from services.gateway.feeds import csv_feeds, event_feeds, log_feeds
from services.gateway.gateway import Gateway, Live, Options
from services.gateway.job_backfill import guard
from services.gateway.job_feed import job_feeds
from services.gateway.progress import Progress
from services.gateway.settings import GatewaySettings
from services.gateway.source_spec import AgentSpec, AnySpec, CsvSpec, EventsSpec, JobsSpec, LogSpec, Spec, read_config
from services.gateway.survey import survey
from services.runtime.errors import UserError

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Edge gateway: sources to Kafka."
)
replay = typer.Typer(no_args_is_help=True, help="Replay recordings, merged by event time.")
poll = typer.Typer(no_args_is_help=True, help="Poll live sources.")
app.add_typer(replay, name="replay")
app.add_typer(poll, name="poll")

Bootstrap = Annotated[str | None, typer.Option(help="Kafka bootstrap servers; default FACTORYSTREAM_BOOTSTRAP or 127.0.0.1:9092.")]
DataDir = Annotated[Path | None, typer.Option(help="Folder of the spool and the rejects file.")]
Speed = Annotated[float, typer.Option(min=0, help="Seconds of event time per second; 0 is as fast as possible.")]
MaxWait = Annotated[float | None, typer.Option(min=0, help="Longest single wait in seconds, to cut nights short.")]
Json = Annotated[bool, typer.Option("--json", help="One summary line of JSON on stdout at the end.")]
BrokerTimeout = Annotated[float | None, typer.Option(min=0, help="How long to wait for a broker at start, seconds.")]
SpoolLimit = Annotated[int | None, typer.Option(min=1, help="Size of the spool, MB, at which sources are slowed down.")]
MetricsPort = Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the metrics; 0 takes a free one.")]
Source = Annotated[str, typer.Option(help="Source id that numbers the facts.")]
Line = Annotated[str, typer.Option(help="Line of the asset (ISA-95).")]


@dataclass(slots=True)
class Common:
    """Options that every command that sends has."""

    bootstrap: str | None = None
    data_dir: Path | None = None
    spool_limit: int | None = None
    broker_timeout: float | None = None
    metrics_port: int | None = None
    json_out: bool = False
    speed: float = 0.0
    max_wait: float | None = None

    def options(self) -> Options:
        """With the environment for what was not given."""
        try:
            env = GatewaySettings()
        except ValidationError as exc:
            first = exc.errors(include_url=False)[0]
            raise UserError(f"setting FACTORYSTREAM_{str(first['loc'][0]).upper()}: {first['msg']}") from exc
        logging.basicConfig(level=env.log_level, format="%(levelname)s %(name)s: %(message)s")
        logging.getLogger("kafka").setLevel(logging.CRITICAL)  # its retries are ours to tell
        logging.getLogger("httpx").setLevel(logging.WARNING)  # a request a second is no news
        return Options(
            bootstrap=self.bootstrap or env.bootstrap,
            data_dir=self.data_dir or env.gateway_data_dir,
            spool_limit_mb=self.spool_limit or env.gateway_spool_limit_mb,
            broker_timeout_s=env.gateway_broker_timeout_s if self.broker_timeout is None else self.broker_timeout,
            drain_timeout_s=env.gateway_drain_timeout_s,
            metrics_host=env.metrics_host,
            metrics_port=env.metrics_port if self.metrics_port is None else self.metrics_port,
            speed=self.speed,
            max_wait=self.max_wait,
        )


@replay.command("mtconnect")
def replay_mtconnect(
    paths: Annotated[list[Path], typer.Argument(help="Log files, or a folder of them; days of one machine follow each other.")],
    devices: Annotated[
        Path | None, typer.Option(help="Devices.xml; else mtconnect/agent/Devices.xml above the log, else bundled.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="Name of the device in it; default from the file name.")] = None,
    asset: Annotated[str | None, typer.Option(help="Asset id; default from the file name, e.g. mazak01.")] = None,
    line: Line = "line-1",
    site: Annotated[str, typer.Option(help="Site (ISA-95).")] = "site-1",
    area: Annotated[str, typer.Option(help="Area (ISA-95).")] = "area-1",
    source: Source = "mtconnect-replay",
    limits: Annotated[Path | None, typer.Option(help='Alarm limits by channel, {"Stemp": {"high": 60}}.')] = None,
    events: Annotated[list[Path] | None, typer.Option(help="Events (JSON lines of the simulator) to merge in; repeatable.")] = None,
    strict: Annotated[bool, typer.Option(help="A malformed line is an error.")] = False,
    speed: Speed = 0.0,
    max_wait: MaxWait = None,
    bootstrap: Bootstrap = None,
    data_dir: DataDir = None,
    spool_limit: SpoolLimit = None,
    broker_timeout: BrokerTimeout = None,
    metrics_port: MetricsPort = None,
    json_out: Json = False,
) -> None:
    """Replay recorded MTConnect logs."""
    spec = build(LogSpec, paths=paths, devices=devices, device=device, asset=asset, line=line, site=site, area=area, source=source,
                 limits=limits, strict=strict)  # fmt: skip
    more = [build(EventsSpec, paths=events)] if events else []
    run([spec, *more], Common(bootstrap, data_dir, spool_limit, broker_timeout, metrics_port, json_out, speed, max_wait))


@replay.command("csv")
def replay_csv(
    paths: Annotated[list[Path], typer.Argument(help="Tables, plain or gzipped.")],
    mapping: Annotated[Path, typer.Option(help="JSON file that says what the columns mean.")],
    source: Source = "csv-replay",
    strict: Annotated[bool, typer.Option(help="A malformed row is an error.")] = False,
    speed: Speed = 0.0,
    max_wait: MaxWait = None,
    bootstrap: Bootstrap = None,
    data_dir: DataDir = None,
    spool_limit: SpoolLimit = None,
    broker_timeout: BrokerTimeout = None,
    metrics_port: MetricsPort = None,
    json_out: Json = False,
) -> None:
    """Replay recorded tables."""
    spec = build(CsvSpec, paths=paths, mapping=mapping, source=source, strict=strict)
    run([spec], Common(bootstrap, data_dir, spool_limit, broker_timeout, metrics_port, json_out, speed, max_wait))


@replay.command("jobs")
def replay_jobs(
    paths: Annotated[list[Path], typer.Argument(help="Tables of job reports that belong together, plain or gzipped.")],
    mapping: Annotated[Path, typer.Option(help="TOML file that says what the columns mean.")],
    source: Source = "job-reports",
    strict: Annotated[bool, typer.Option(help="A malformed row is an error.")] = False,
    behind: Annotated[bool, typer.Option("--behind", help="Send reports of assets of which later facts are known, too.")] = False,
    speed: Speed = 0.0,
    max_wait: MaxWait = None,
    bootstrap: Bootstrap = None,
    data_dir: DataDir = None,
    spool_limit: SpoolLimit = None,
    broker_timeout: BrokerTimeout = None,
    metrics_port: MetricsPort = None,
    json_out: Json = False,
) -> None:
    """Replay job reports of an ERP or MES: set-up, production, breakdown, pieces, orders."""
    spec = build(JobsSpec, paths=paths, mapping=mapping, source=source, strict=strict, behind=behind)
    run([spec], Common(bootstrap, data_dir, spool_limit, broker_timeout, metrics_port, json_out, speed, max_wait))


@replay.command("events")
def replay_events(
    paths: Annotated[list[Path], typer.Argument(help="Events as JSON lines, as the simulator writes them.")],
    follow: Annotated[bool, typer.Option("--follow", help="Wait for more at the end of the file.")] = False,
    source: Source = "simulator",
    speed: Speed = 0.0,
    max_wait: MaxWait = None,
    bootstrap: Bootstrap = None,
    data_dir: DataDir = None,
    spool_limit: SpoolLimit = None,
    broker_timeout: BrokerTimeout = None,
    metrics_port: MetricsPort = None,
    json_out: Json = False,
) -> None:
    """Replay events that another program wrote."""
    spec = build(EventsSpec, paths=paths, source=source, follow=follow)
    run([spec], Common(bootstrap, data_dir, spool_limit, broker_timeout, metrics_port, json_out, speed, max_wait))


@poll.command("mtconnect")
def poll_mtconnect(
    url: Annotated[str, typer.Argument(help="http://HOST:PORT of the agent, or of one device of it.")],
    device: Annotated[str | None, typer.Option(help="Only this device; else each is an asset.")] = None,
    asset: Annotated[str | None, typer.Option(help="Asset id; default the name of the device.")] = None,
    line: Line = "line-1",
    site: Annotated[str, typer.Option(help="Site (ISA-95).")] = "site-1",
    area: Annotated[str, typer.Option(help="Area (ISA-95).")] = "area-1",
    source: Source = "mtconnect-agent",
    limits: Annotated[Path | None, typer.Option(help='Alarm limits by channel, {"Stemp": {"high": 60}}.')] = None,
    interval: Annotated[float, typer.Option(min=0.05, max=10, help="Seconds between two questions.")] = 1.0,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="Most observations in one answer.")] = 1000,
    agent_timeout: Annotated[float, typer.Option(min=0, help="How long to wait for the agent at start, seconds.")] = 10.0,
    bootstrap: Bootstrap = None,
    data_dir: DataDir = None,
    spool_limit: SpoolLimit = None,
    broker_timeout: BrokerTimeout = None,
    metrics_port: MetricsPort = None,
    json_out: Json = False,
) -> None:
    """Poll a live MTConnect agent until stopped."""
    spec = build(AgentSpec, url=url, device=device, asset=asset, line=line, site=site, area=area, source=source, limits=limits,
                 interval=interval, count=count, timeout=agent_timeout)  # fmt: skip
    run([spec], Common(bootstrap, data_dir, spool_limit, broker_timeout, metrics_port, json_out))


@app.command("run")
def run_config(
    config: Annotated[Path, typer.Option(help="JSON file with the sources; relative paths start at its folder.")],
    speed: Annotated[float | None, typer.Option(min=0, help="Overrides the speed of the file.")] = None,
    bootstrap: Bootstrap = None,
    data_dir: DataDir = None,
    spool_limit: SpoolLimit = None,
    broker_timeout: BrokerTimeout = None,
    metrics_port: MetricsPort = None,
    json_out: Json = False,
) -> None:
    """Run many sources at once: recordings merged by event time, live agents beside them."""
    spec = read_config(config)
    pace = spec.speed if speed is None else speed
    run(list(spec.sources), Common(bootstrap, data_dir, spool_limit, broker_timeout, metrics_port, json_out, pace, spec.max_wait))


@app.command("inspect")
def inspect(
    kind: Annotated[str, typer.Argument(help="mtconnect")],
    paths: Annotated[list[Path], typer.Argument(help="Log files, or a folder of them.")],
    devices: Annotated[Path | None, typer.Option(help="Devices.xml.")] = None,
    asset: Annotated[str | None, typer.Option(help="Asset id; default from the file name.")] = None,
    json_out: Json = False,
) -> None:
    """Count what is in logs, name the traps found, list when each machine was active. Sends nothing."""
    if kind != "mtconnect":
        raise UserError(f"inspect knows mtconnect, not {kind}")
    report = survey(paths, devices, asset)
    if json_out:
        print(json.dumps(report, indent=1))
        return
    for file in report["files"]:
        traps = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in file["traps"].items())
        print(
            f"{file['file']}: {file['asset']}, {file['lines']} lines, {file['items']} items, {file['first_day']} .. {file['last']}"
        )
        print(f"  traps: {traps}\n  seconds: {file['seconds_by_state']}")


def build(model: type[Spec], **words: Any) -> Any:
    """A source from options. Raises UserError that names the option."""
    try:
        return model(**{k: v for k, v in words.items() if v is not None})
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        raise UserError(f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}") from exc


def run(specs: list[AnySpec], common: Common) -> None:
    """Run sources to their end and print the summary."""
    feeds: list[Feed] = []
    lives: list[Live] = []
    for spec in specs:
        if isinstance(spec, LogSpec):
            feeds += log_feeds(spec)
        elif isinstance(spec, CsvSpec):
            feeds += csv_feeds(spec)
        elif isinstance(spec, JobsSpec):
            feeds += job_feeds(spec)
        elif isinstance(spec, AgentSpec):
            lives.append(AgentPoll(spec))
        elif spec.follow:
            lives += [EventFollow(path, spec.source) for path in spec.paths]
        else:
            feeds += event_feeds(spec)
    options = common.options()
    guarded = [spec for spec in specs if isinstance(spec, JobsSpec) and not spec.behind]
    begin = guard(options.bootstrap, options.broker_timeout_s) if guarded else None
    with Progress() as progress:
        summary = Gateway(options, feeds, lives, progress, begin).run()
        if not common.json_out:
            progress.say(json.dumps(summary))
    if common.json_out:
        print(json.dumps(summary))
        sys.stdout.flush()
