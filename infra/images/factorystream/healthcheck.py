#!/opt/factorystream/bin/python
"""Whether the service in this container does its work: for the health checks of docker-compose.yml.

``healthcheck URL REGEX`` is well when the answer to a GET has a line that the expression finds.
``healthcheck --written-within SECONDS FILE`` is well when something was written to the file so lately.
Prints one sentence and exits with 1 when it is not.
"""

import re
import sys
import time
import urllib.request
from http.client import HTTPException
from pathlib import Path

TIMEOUT_S = 5.0
MOST_BYTES = 16 * 1024 * 1024


def answer(url: str, expression: str) -> str | None:
    """What is wrong with the answer at ``url``; None when a line of it has what ``expression`` looks for."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:
            text = response.read(MOST_BYTES).decode(errors="replace")
    except (OSError, HTTPException) as error:
        return f"{url} does not answer: {error}"
    return None if re.search(expression, text, re.MULTILINE) else f"{url} answers, but no line of it matches {expression}"


def written(seconds: float, path: Path) -> str | None:
    """What is wrong with the age of a file; None when it was written to within ``seconds``."""
    try:
        age = time.time() - path.stat().st_mtime
    except OSError as error:
        return f"{path} is not there: {error.strerror}"
    return None if age <= seconds else f"nothing was written to {path} for {age:.0f} s"


def main(arguments: list[str]) -> int:
    """Exit code: 0 well, 1 not well, 2 wrong usage."""
    if len(arguments) == 2:
        wrong = answer(*arguments)
    elif len(arguments) == 3 and arguments[0] == "--written-within":
        wrong = written(float(arguments[1]), Path(arguments[2]))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    if wrong:
        print(wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
