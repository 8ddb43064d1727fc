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

GC_THRESHOLD = 100_000  # events come by the ten thousand and hold no cycles; collecting at each 2,000 costs a third of the time


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a worker until SIGTERM or SIGINT; returns the exit code."""
    _parser().parse_args(arguments)
    try:
        settings = StreamSettings()  # type: ignore[call-arg] # from the environment
        _prepare(settings)
        from streams.pipeline import STEPS

        asyncio.run(work(settings, chosen(settings, STEPS), STEPS))
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        return _say(f"FACTORYSTREAM_{str(first['loc'][0]).upper()}: {first['msg']}")
    except (StartupError, OSError) as exc:
        return _say(str(exc))
    return 0


def _prepare(settings: StreamSettings) -> None:
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("streams").setLevel(settings.log_level)
    if settings.log_level == "DEBUG":
        logging.getLogger().setLevel(logging.INFO)
    gc.set_threshold(GC_THRESHOLD, 50, 100)


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
