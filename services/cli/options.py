"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from services.stack.folder import DEFAULT

DataDir = Annotated[
    Path, typer.Option("--data-dir", envvar="FACTORYSTREAM_DATA_DIR", help="Folder that the embedded stack keeps everything in")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else, on stdout")]
Bootstrap = Annotated[
    str | None,
    typer.Option("--bootstrap", help="Ask the Kafka at this host:port instead of the one in --data-dir"),
]

DATA_DIR = DEFAULT
