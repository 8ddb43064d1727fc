"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from services.stack.folder import DEFAULT, DataFolder
from services.stack.record import running_stack

DATA_DIR = DEFAULT
DEMO_DIR = DEFAULT / "demo"
ENVIRONMENT = "FACTORYSTREAM_DATA_DIR"


def last_used(context: typer.Context, given: Path) -> Path:
    """The folder that was named; else of the two default ones that in which a stack runs, else the one used last."""
    if str(getattr(context.get_parameter_source("data_dir"), "name", "")) != "DEFAULT":
        return given
    folders = [DataFolder(path) for path in (DATA_DIR, DEMO_DIR)]
    running = [f.root for f in folders if running_stack(f.record) is not None]
    used = sorted((f.lock.stat().st_mtime, f.root) for f in folders if f.lock.exists())
    return running[0] if running else used[-1][1] if used else given


DataDir = Annotated[Path, typer.Option("--data-dir", envvar=ENVIRONMENT, help="Folder that an embedded stack keeps everything in")]
LastDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar=ENVIRONMENT,
        callback=last_used,
        show_default=f"{DATA_DIR} or {DEMO_DIR}, the one used last",
        help="Folder that an embedded stack keeps everything in",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else, on stdout")]
Bootstrap = Annotated[
    str | None,
    typer.Option("--bootstrap", help="Ask the Kafka at this host:port instead of the one in --data-dir"),
]
