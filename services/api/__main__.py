"""``python -m services.api``: serve the customer API, manage its clients, migrate its database."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from services.api.clients import CUSTOMER_SCOPES, INGEST_SCOPE, Clients
from services.api.database import migrate, open_database
from services.api.settings import ApiSettings, wall_clock
from services.runtime.errors import UserError, run


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(
        prog="python -m services.api",
        description="The API that overseas customers read. Settings are environment variables: FACTORYSTREAM_DATABASE_URL, "
        "FACTORYSTREAM_API_DATA_DIR, FACTORYSTREAM_API_HOST, FACTORYSTREAM_API_PORT, FACTORYSTREAM_METRICS_PORT.",
    )
    commands = command.add_subparsers(dest="command", required=True, metavar="serve | migrate | clients")
    commands.add_parser("serve", help="serve until SIGTERM or SIGINT (migrates first)")
    commands.add_parser("migrate", help="bring the database up to date")
    clients = commands.add_parser("clients", help="who may ask for tokens")
    actions = clients.add_subparsers(dest="action", required=True, metavar="add | list | rotate")
    add = actions.add_parser("add", help="add a client and print its secret, once")
    who = add.add_mutually_exclusive_group(required=True)
    who.add_argument("customer", nargs="?", help="customer that the client reads for")
    who.add_argument("--ingest", action="store_true", help="the client is the bridge")
    add.add_argument("--client-id", metavar="ID", help="default: the customer's id, or bridge")
    add.add_argument("--scope", action="append", choices=CUSTOMER_SCOPES, help="default: all three; may be repeated")
    add.add_argument("--secret-file", type=Path, metavar="FILE", help="take the secret from FILE, or write a new one there")
    actions.add_parser("list", help="list the clients, without secrets")
    rotate = actions.add_parser("rotate", help="give a client another secret and print it, once")
    rotate.add_argument("client_id", metavar="ID")
    rotate.add_argument("--secret-file", type=Path, metavar="FILE", help="write the new secret to FILE instead of printing it")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Raises UserError for what a person can set right."""
    options = parser().parse_args(arguments)
    settings = load_settings()
    if options.command == "serve":
        from services.api.server import serve  # the other commands need no web framework

        return serve(settings)
    engine = open_database(settings.url)
    migrate(engine)
    if options.command == "clients":
        {"add": _add, "list": _list, "rotate": _rotate}[options.action](Clients(engine, wall_clock), options)
    return 0


def load_settings() -> ApiSettings:
    """The settings of the environment. Raises UserError that names the variable at fault."""
    try:
        return ApiSettings()
    except ValidationError as exc:
        first = exc.errors()[0]
        raise UserError(f"FACTORYSTREAM_{str(first['loc'][0]).upper()}: {first['msg']}") from exc


def _add(clients: Clients, options: argparse.Namespace) -> None:
    scopes = (INGEST_SCOPE,) if options.ingest else tuple(options.scope or CUSTOMER_SCOPES)
    client_id = options.client_id or ("bridge" if options.ingest else options.customer)
    given = _read_secret(options.secret_file)
    if given is not None and _same(clients, client_id, options.customer, given):
        print(f"client {client_id} is there already, with this secret")
        return
    secret = clients.add(client_id, options.customer, scopes, given)
    _hand_over(client_id, secret, options.secret_file, written=given is not None)


def _list(clients: Clients, options: argparse.Namespace) -> None:
    del options
    for client in clients.all():
        print(f"{client.client_id}\t{client.customer or '-'}\t{' '.join(client.scopes)}\t{client.created_at}")


def _rotate(clients: Clients, options: argparse.Namespace) -> None:
    _hand_over(options.client_id, clients.rotate(options.client_id), options.secret_file, written=False)


def _same(clients: Clients, client_id: str, customer: str | None, secret: str) -> bool:
    known = clients.authenticate(client_id, secret)
    return known is not None and known.customer == customer


def _read_secret(path: Path | None) -> str | None:
    if path is None or not path.exists():
        return None
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise UserError(f"the secret in {path} can't be read: {exc}") from exc


def _hand_over(client_id: str, secret: str, path: Path | None, *, written: bool) -> None:
    print(f"client_id: {client_id}")
    if path is None:
        print(f"client_secret: {secret}")
        return
    if not written:
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
                file.write(secret)
        except OSError as exc:
            raise UserError(f"the secret of {client_id} can't be written to {path} ({exc.strerror}): rotate it") from exc
    print(f"client_secret is in {path}")


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    run(main)
