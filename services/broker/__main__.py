"""``python -m services.broker``: a real Kafka in the foreground, until SIGTERM or SIGINT."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from services.broker.jar_list import KAFKA_VERSION, kafka_jars
from services.broker.jars import jar_folder, provide_jars
from services.broker.progress import ConsoleProgress
from services.runtime.errors import UserError, run


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(
        prog="python -m services.broker",
        description=f"Apache Kafka {KAFKA_VERSION} for this machine: one node on 127.0.0.1, downloaded once, no Java to install.",
    )
    command.add_argument("--data-dir", type=Path, metavar="D", help="folder for the records, the logs and the configuration")
    command.add_argument("--port", type=int, metavar="N", help="port for clients (default: a free one)")
    command.add_argument(
        "--cache", type=Path, metavar="DIR", help="cache folder (default: $FACTORYSTREAM_CACHE or ~/.cache/factorystream)"
    )
    command.add_argument("--heap", default="512m", metavar="SIZE", help="Java's largest heap (default: %(default)s)")
    command.add_argument("--json", action="store_true", help="print what a person reads as one JSON object")
    command.add_argument("--fetch-only", action="store_true", help="only download the jars and say where they are")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 after a stop by signal or a complete fetch. Raises UserError for what a person can set right."""
    command = parser()
    options = command.parse_args(arguments)
    if options.data_dir is None and not options.fetch_only:
        command.error("--data-dir is needed unless --fetch-only is given")
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)  # also when a shell started this in the background, with SIGINT ignored
    try:
        return fetch(options) if options.fetch_only else serve(options)
    except KeyboardInterrupt:
        return 0


def fetch(options: argparse.Namespace) -> int:
    """Download the jars and print their folder."""
    folder = jar_folder(options.cache)
    jars = provide_jars(kafka_jars(), folder, ConsoleProgress())
    sentence = f"{len(jars)} jars of Kafka {KAFKA_VERSION} are in {folder}"
    _say(options.json, sentence, event="fetched", folder=str(folder), jars=len(jars))
    return 0


def serve(options: argparse.Namespace) -> int:
    """Start the broker and keep it until a signal comes. Raises UserError when Kafka ends by itself."""
    from services.broker.embedded import EmbeddedBroker  # the Kafka client is not needed for --help and --fetch-only

    broker = EmbeddedBroker(
        options.data_dir, port=options.port, cache_dir=options.cache, heap=options.heap, progress=ConsoleProgress()
    )
    try:
        broker.start()
        _say(
            options.json,
            f"broker ready on {broker.bootstrap}",
            event="ready",
            bootstrap=broker.bootstrap,
            pid=broker.pid,
            cluster_id=broker.cluster_id,
            log=str(broker.log_path),
        )
        broker.wait()
        raise UserError(broker.death_notice())
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second signal would leave the stop half done
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        broker.stop()


def _say(as_json: bool, sentence: str, **fields: object) -> None:
    print(json.dumps(fields) if as_json else sentence, flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    run(main)
