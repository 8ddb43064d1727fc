"""``python -m services.simulator``."""

from services.runtime.errors import run
from services.simulator.cli import app

if __name__ == "__main__":
    run(lambda: app(prog_name="python -m services.simulator"))
