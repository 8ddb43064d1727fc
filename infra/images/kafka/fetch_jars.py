"""Fetches the jars of the image into a folder: the server's, by the embedded broker's list, and the command-line tools'.

Usage: ``python fetch_jars.py DIR``; every jar is compared with its listed SHA-256. Prints one sentence and exits with 1 when a
jar cannot be had or is another one.
"""

import sys
from pathlib import Path

from services.broker.jar_list import kafka_jars, parse_list
from services.broker.jars import provide_jars
from services.broker.progress import ConsoleProgress
from services.runtime.errors import run

TOOLS = Path(__file__).with_name("tools.sha256")


def main() -> int:
    """Fills the folder that the command line names."""
    jars = (*kafka_jars(), *parse_list(TOOLS.read_text(encoding="ascii")))
    folder = Path(sys.argv[1])
    provide_jars(jars, folder, ConsoleProgress())
    known = {jar.file_name for jar in jars}
    for stale in (path for path in folder.glob("*.jar") if path.name not in known):
        stale.unlink()
    return 0


if __name__ == "__main__":
    run(main)
