"""``factorystream replay``: a recording through the whole line, from the gateway to the customers' API."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.options import DATA_DIR, DataDir, Json
from services.cli.progress import Progress
from services.cli.screen import OUT, note, print_json
from services.gateway.feeds import log_files
from services.gateway.mtconnect_log import day_start
from services.runtime.errors import UserError
from services.stack.drained import Look
from services.stack.folder import DataFolder
from services.stack.pipeline import Pipeline, pipeline_at
from services.stack.record import running_stack
from services.stack.scrape import fetch, stage_counts
from services.stack.spawn import size

NAME = "replay"  # of the gateway's spool, log and metrics
POLL_S = 0.3

Paths = Annotated[list[Path], typer.Argument(help="Files, or folders of them", show_default=False)]
Speed = Annotated[float, typer.Option("--speed", min=0, help="Seconds of event time per second; 0 is as fast as possible")]
Asset = Annotated[str | None, typer.Option("--asset", help="Asset id; default from the file's name")]
Line = Annotated[str, typer.Option("--line", help="Line of the asset (ISA-95)")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Take a recording through the whole line; starts one where none runs.", no_args_is_help=True)
    group.command("mtconnect", epilog="Example: factorystream replay mtconnect Mazak03-20160502-20160503.txt --data-dir .data/day")(
        mtconnect
    )
    group.command("csv", epilog="Example: factorystream replay csv temperature.csv --mapping mapping.json")(csv)
    group.command("jobs", epilog="Example: factorystream replay jobs reports.csv --mapping mapping.toml --data-dir .data/jobs")(
        jobs
    )
    group.command("events", epilog="Example: factorystream replay events orders.jsonl events.jsonl")(events)
    app.add_typer(group, name="replay")


def mtconnect(
    paths: Paths,
    data_dir: DataDir = DATA_DIR,
    asset: Asset = None,
    line: Line = "line-1",
    devices: Annotated[
        Path | None, typer.Option("--devices", help="Devices.xml; default above the log, else the bundled one")
    ] = None,
    limits: Annotated[Path | None, typer.Option("--limits", help="JSON file with alarm limits by channel")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Send nothing when a line is malformed")] = False,
    speed: Speed = 0.0,
    as_json: Json = False,
) -> None:
    """Replay recorded MTConnect logs (time|item|value, one file a day, as of the NIST test bed).

    Named and handled: a first snapshot whose times lie long before the day, lines out of order, UNAVAILABLE repeated on every
    reconnect. A malformed line is left out, kept in rejects.ndjson and said at the end, with exit code 1.
    """
    check_exist(paths)
    check_logs(paths)
    if strict:
        check_lines(paths, devices)
    words = ["mtconnect", *options(asset=asset, line=line, devices=devices, limits=limits, speed=speed)]
    replay(words, paths, data_dir, as_json)


def csv(
    paths: Paths,
    mapping: Annotated[Path, typer.Option("--mapping", help="JSON file that says what the columns are")],
    data_dir: DataDir = DATA_DIR,
    speed: Speed = 0.0,
    as_json: Json = False,
) -> None:
    """Replay series from CSV files."""
    check_exist([*paths, mapping])
    replay(["csv", *options(mapping=mapping, speed=speed)], paths, data_dir, as_json)


def jobs(
    paths: Paths,
    mapping: Annotated[Path, typer.Option("--mapping", help="TOML file that says what the columns are")],
    data_dir: DataDir = DATA_DIR,
    strict: Annotated[bool, typer.Option("--strict", help="Send nothing when a row is malformed")] = False,
    behind: Annotated[bool, typer.Option("--behind", help="Send reports of assets of which later facts are known, too")] = False,
    speed: Speed = 0.0,
    as_json: Json = False,
) -> None:
    """Replay job reports of an ERP or MES: set-up, production and breakdown of machines, pieces, orders.

    Named and counted: overlapping and repeated rows, reports without duration, local times that come twice or not at all, rows
    out of time order, rows that the mapping leaves out. A malformed row is kept in rejects.ndjson and said at the end, exit code 1.
    """
    check_exist([*paths, mapping])
    check_table(paths, mapping, strict)
    flags = ["--strict"] * strict + ["--behind"] * behind
    replay(["jobs", *options(mapping=mapping.resolve(), speed=speed), *flags], paths, data_dir, as_json)


def events(
    paths: Paths,
    data_dir: DataDir = DATA_DIR,
    source: Annotated[str, typer.Option("--source", help="Source id that numbers the facts")] = "simulator",
    speed: Speed = 0.0,
    as_json: Json = False,
) -> None:
    """Replay events as JSON lines, such as the simulator writes."""
    check_exist(paths)
    replay(["events", *options(source=source, speed=speed)], paths, data_dir, as_json)


def check_exist(paths: Sequence[Path]) -> None:
    """Raises UserError before anything is started."""
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} does not exist")


def check_logs(paths: Sequence[Path]) -> None:
    """Raises UserError for what is no log at all; that takes no stack to find out."""
    for path in log_files(list(paths)):
        day_start(path)


def check_lines(paths: Sequence[Path], devices: Path | None) -> None:
    """Raises UserError for the first malformed line of the logs."""
    from services.gateway.survey import survey  # needed for --strict alone

    for file in survey(list(paths), devices)["files"]:
        if file["malformed"]:
            first = file["malformed"][0]
            raise UserError(f"{file['file']} line {first['line']} is no MTConnect line ({first['reason']}); nothing was sent")


def check_table(paths: Sequence[Path], mapping: Path, strict: bool) -> None:
    """Raises UserError for a mapping or a table of job reports that can't be used; that takes no stack to find out."""
    from services.gateway.job_mapping import read_mapping  # needed for job reports alone
    from services.gateway.job_table import read_table

    read_table(paths, read_mapping(mapping), strict)


def options(**given: Any) -> list[str]:
    """Command-line options for the gateway; what was not given is left out."""
    return [word for name, value in given.items() if value is not None for word in (f"--{name.replace('_', '-')}", str(value))]


def replay(words: Sequence[str], paths: Sequence[Path], data_dir: Path, as_json: bool) -> None:
    """Run the gateway over the recording, wait until all is processed, and say what came of it."""
    began = time.monotonic()
    folder = DataFolder(data_dir)
    rejects = folder.gateway / NAME / "rejects.ndjson"
    start = size(rejects)
    first = "starting the line" if running_stack(folder.record) is None else "using the line that runs"
    with Progress(first) as progress, pipeline_at(data_dir, note) as line:
        summary = send(line, ["replay", *words, *(str(p.resolve()) for p in paths)], progress)
        line.wait_until_processed(lambda look: progress.show(waiting(look)))
        progress.show("everything is processed; stopping what was started")
    summary["seconds"] = round(time.monotonic() - began, 1)
    if as_json:
        print_json(summary)
    else:
        show(summary, data_dir)
    complain(summary, rejects, start)


def send(line: Pipeline, words: Sequence[str], progress: Progress) -> dict[str, Any]:
    """Run the gateway to its end; returns its summary."""
    job = line.gateway(NAME, *words)
    try:
        while job.running:
            line.check()
            progress.show(taken(job.program.metrics_url))
            time.sleep(POLL_S)
        return job.result()
    finally:
        job.stop()


def taken(url: str | None) -> str:
    """How many events the gateway has taken in."""
    try:
        counts = stage_counts([fetch(url or "")])
    except (OSError, ValueError):
        return "starting the gateway"
    received, in_flight = (sum(getattr(c, name) for c in counts.values()) for name in ("received", "in_flight"))
    return f"gateway: {received:,} events taken in, {in_flight:,} on their way to Kafka"


def waiting(look: Look) -> str:
    """How many records wait to be processed."""
    return f"streams and bridge: {sum(look.waiting.values()):,} records wait to be processed"


def show(summary: dict[str, Any], data_dir: Path) -> None:
    """What came of it, for people."""
    sent = ", ".join(f"{n:,} on {topic}" for topic, n in summary["events"].items())
    OUT.print(
        f"{summary['lines']:,} lines became {sum(summary['events'].values()):,} events ({sent}); all are processed", soft_wrap=True
    )
    traps = summary.get("traps") or {
        "lines of the first snapshot": summary.get("snapshot", 0),
        "lines out of order": summary.get("out_of_order", 0),
        "UNAVAILABLE": summary.get("unavailable", 0),
        "values repeated": summary.get("repeated", 0),
    }
    OUT.print("handled: " + ", ".join(f"{n:,} {name}" for name, n in traps.items()), soft_wrap=True)
    OUT.print(f"see: factorystream query states --data-dir {data_dir}", soft_wrap=True)


def complain(summary: dict[str, Any], rejects: Path, start: int) -> None:
    """Raises UserError when something could not be taken in: nothing is left out silently."""
    left_out = summary["malformed"] + summary["truncated"] + summary["rejected"]
    if not left_out:
        return
    with rejects.open(encoding="utf-8") as file:
        file.seek(start)
        first = json.loads(file.readline())
    what = "1 line was" if left_out == 1 else f"{left_out} lines were"
    raise UserError(
        f"{what} left out, the first at {first['origin']} ({first['reason']}); all that was left out is in {rejects}, "
        "and everything else is processed"
    )
