"""How a worker ends when it can't go on: at once, with a reason, and with nothing acknowledged."""

from __future__ import annotations

import logging
import os
from typing import NoReturn

log = logging.getLogger(__name__)

#: sysexits.h EX_SOFTWARE: the supervisor starts the worker again
EXIT_FAULT = 70


def end_process(reason: str, cause: BaseException | None = None) -> NoReturn:
    """Log the reason and end without clean-up.

    Leaving by an exception would not do: Faust acknowledges the message of an agent that fails, and commits on its way out.
    """
    log.critical("the worker ends: %s", reason, exc_info=cause)
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(EXIT_FAULT)
