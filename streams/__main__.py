"""``python -m streams``: a worker. Start as many as there are partitions; the group shares them out."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from streams.app import chosen, work
from streams.settings import StreamSettings
from streams.transport.preflight import StartupError

REPEAT_S = 10.0
GC_THRESHOLD = 100_000  # events come by the ten thousand and hold no cycles; collecting at each 2,000 costs a third of the time


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a worker until SIGTERM or SIGINT; returns the exit code."""
    _parser().parse_args(arguments)
    try:
        settings = StreamSettings()
        prepare(settings)
        from streams.pipeline import STEPS

        asyncio.run(work(settings, chosen(settings, STEPS), STEPS))
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        return _say(f"FACTORYSTREAM_{str(first['loc'][0]).upper()}: {first['msg']}")
    except (StartupError, OSError) as exc:
        return _say(str(exc))
    return 0


class OnceInAWhile(logging.Filter):
    """Lets the same message through once in ``seconds``: aiokafka repeats itself dozens of times a second without a broker."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """True for a message that has not been logged for a while."""
        message = f"{record.name} {record.getMessage()}"
        if record.created - self._last.get(message, 0.0) < self._seconds:
            return False
        self._last = {m: t for m, t in self._last.items() if record.created - t < self._seconds}
        self._last[message] = record.created
        return True


def prepare(settings: StreamSettings) -> None:
    """Logs to stderr, without what libraries say at length, and a garbage collector for batches."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(_not_of_faust)
    handler.addFilter(OnceInAWhile(REPEAT_S))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("streams").setLevel(settings.log_level)
    gc.set_threshold(GC_THRESHOLD, 50, 100)


def _not_of_faust(record: logging.LogRecord) -> bool:
    """Faust tells the life of its services, in the name of our subclasses: ``[^-Producer]: Starting...``."""
    return record.levelno > logging.INFO or not record.getMessage().startswith("[^")


def _parser() -> argparse.ArgumentParser:
    described = [f"  FACTORYSTREAM_{name.upper():<20} {f.description or ''}" for name, f in StreamSettings.model_fields.items()]
    return argparse.ArgumentParser(
        prog="python -m streams",
        description="A worker of the streams. SIGTERM and SIGINT finish the batches in hand, commit and exit 0.",
        epilog="environment:\n" + "\n".join(described),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _say(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
