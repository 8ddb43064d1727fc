"""``factorystream``: one command line for the whole platform. Each command is one file in ``commands``."""

import errno
import logging
import os
import signal
import sys
from types import FrameType

import typer
from kafka.errors import KafkaError

from services.cli.commands import alerts, demo, explain, policy, query, replay, status, tail, topics, verify
from services.runtime.errors import UserError, run

app = typer.Typer(
    name="factorystream",
    help="From machine logs to the customer: events of a smart factory over Kafka.",
    epilog="Start with: factorystream demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (demo, replay, query, explain, alerts, tail, status, topics, policy, verify):
    command.register(app)


def main() -> None:
    """Run the command line; what a person can set right becomes one sentence and exit 1, Ctrl-C exit 130."""
    run(guarded)


def guarded() -> int:
    """Turn what the machine refuses (a full disk, a file that can't be read) into a UserError."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # its errors reach us as exceptions; its retries are nobody's business
    signal.signal(signal.SIGTERM, ended)
    try:
        app()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader went away, which is its right
    except KafkaError as exc:
        raise UserError(f"the broker stopped answering ({type(exc).__name__}): {exc}") from exc
    except OSError as exc:
        raise UserError(sentence(exc)) from exc
    return 0


def ended(number: int, frame: FrameType | None) -> None:
    """SIGTERM leaves through the same doors as everything else, so that what was started is stopped."""
    del frame
    raise SystemExit(128 + number)


def sentence(exc: OSError) -> str:
    """What to tell a person about an error of the operating system."""
    where = f" at {exc.filename}" if exc.filename else ""
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full{where}; free some space, or choose another folder with --data-dir"
    return f"{exc.strerror or exc}{where}"
