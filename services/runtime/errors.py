"""Errors that are for people: one clear sentence and a non-zero exit, never a traceback."""

import sys
from collections.abc import Callable
from typing import NoReturn

INTERRUPTED = 130  # what a shell reports for a process that ended on SIGINT (128 + 2)


class UserError(Exception):
    """One sentence that says what is wrong, where, and what to do. Entry points print it as ``error: ...`` and exit 1."""


def run(main: Callable[[], int | None]) -> NoReturn:
    """Call an entry point and exit with what it returns (None is 0); a UserError becomes ``error: ...`` on stderr and exit 1.

    Anything else that is raised is a defect of the program and keeps its traceback.
    """
    try:
        code = main() or 0
    except UserError as exc:
        print(f"error: {exc}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        code = INTERRUPTED
    raise SystemExit(code)
