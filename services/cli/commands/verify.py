"""``factorystream verify``: whether a customer's events are complete and unchanged, recomputed from what the API serves."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.customer_api import CustomerApi, judge
from services.cli.options import DATA_DIR, Json, LastDir
from services.cli.screen import OUT, note, print_json
from services.runtime.errors import UserError
from services.stack.folder import DataFolder
from services.stack.session import api_at


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify", epilog="Example: factorystream verify acme --data-dir .data/demo")(verify)


def verify(
    customer: Annotated[str, typer.Argument(help="Customer, or the id of an API client", show_default=False)],
    data_dir: LastDir = DATA_DIR,
    api_url: Annotated[str | None, typer.Option("--api-url", help="Ask this API instead of the one in --data-dir")] = None,
    secret_file: Annotated[
        Path | None, typer.Option("--secret-file", help="File with the client's secret; default that in --data-dir")
    ] = None,
    as_json: Json = False,
) -> None:
    """Recompute a customer's hash chain from the events of the API, and compare its end with the proof of the API."""
    secret = read_secret(secret_file or DataFolder(data_dir).secrets / customer, customer)
    with api_at(data_dir, api_url, note) as url, CustomerApi(url, customer, secret) as api:
        found = judge(api, customer)
    if as_json:
        print_json(found)
    elif found["chain"] == "verified":
        OUT.print(f"customer chain: verified ({found['events']:,} events of {customer}, head {found['head'][:16]}…)")
    if found["chain"] != "verified":
        raise UserError(f"the chain of {customer} is broken: {found['reason']}")


def read_secret(path: Path, customer: str) -> str:
    """The secret in a file. Raises UserError when there is none."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise UserError(
            f"the secret of {customer} can't be read from {path}: {exc.strerror}; name its file: --secret-file"
        ) from exc
