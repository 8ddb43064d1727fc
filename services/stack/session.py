"""What a command works with: a stack that runs already, or one that is started for it and stopped after it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.broker.jar_list import kafka_jars
from services.broker.jars import jar_folder, provide_jars
from services.broker.progress import ConsoleProgress
from services.runtime.errors import UserError
from services.stack import programs
from services.stack.child import Say
from services.stack.folder import DataFolder
from services.stack.programs import HOST, Ports
from services.stack.record import running_stack
from services.stack.supervisor import Supervisor

CONNECT_S = 5.0


def fetch_broker() -> None:
    """Download Kafka where it is not there yet, showing how it goes. Raises UserError when it can't be had."""
    provide_jars(kafka_jars(), jar_folder(None), ConsoleProgress())


@contextmanager
def broker_at(data_dir: Path, bootstrap: str | None, say: Say) -> Iterator[str]:
    """The bootstrap address to read from: the one given, the running stack's, or that of a broker started just for this.

    Raises UserError when the folder holds nothing to read.
    """
    folder = DataFolder(data_dir)
    if bootstrap is not None:
        check_reachable(bootstrap)
        yield bootstrap
    elif (record := running_stack(folder.record)) is not None:
        yield record.bootstrap
    elif folder.has_records:
        say(f"no stack runs in {folder.root}: its broker is started for this question alone")
        with broker_alone(folder, say) as address:
            yield address
    else:
        raise no_stack(folder)


def check_reachable(bootstrap: str) -> None:
    """Raises UserError when nothing listens at any of the addresses: the Kafka client itself would wait for half a minute."""
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        if not host or not port.isdecimal():
            raise UserError(f"{address.strip()!r} is no address of a Kafka: write it as host:port")
        try:
            socket.create_connection((host, int(port)), timeout=CONNECT_S).close()
            return
        except (OSError, OverflowError):
            continue
    raise UserError(f"nothing listens at {bootstrap}: start a Kafka there, or name the right port")


@contextmanager
def broker_alone(folder: DataFolder, say: Say) -> Iterator[str]:
    """The broker of that folder without the services."""
    ports = Ports.chosen()
    fetch_broker()
    bootstrap = f"{HOST}:{ports.broker}"
    with Supervisor(folder, bootstrap, None, say) as supervisor:
        supervisor.start(programs.broker(folder, ports))
        yield bootstrap


@contextmanager
def api_at(data_dir: Path, url: str | None, say: Say) -> Iterator[str]:
    """The address of the API to ask: the one given, the running stack's, or that of one started just for this.

    Raises UserError when the folder holds no ledger.
    """
    folder = DataFolder(data_dir)
    record = running_stack(folder.record)
    if url is not None:
        yield url
    elif record is not None and record.api_url is not None:
        yield record.api_url
    elif folder.has_ledger:
        say(f"no stack runs in {folder.root}: its API is started for this question alone")
        ports = Ports.chosen()
        address = f"http://{HOST}:{ports.api}"
        with Supervisor(folder, f"{HOST}:{ports.broker}", address, say) as supervisor:
            supervisor.start(programs.api(folder, ports))
            yield address
    else:
        raise no_stack(folder)


def no_stack(folder: DataFolder) -> UserError:
    """The sentence for a folder in which nothing runs and nothing is kept."""
    return UserError(
        f"no stack runs in {folder.root} and no records are kept there; start one with `factorystream demo`, "
        "or name its folder with --data-dir"
    )
