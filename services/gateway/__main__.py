"""``python -m services.gateway``."""

from services.gateway.cli import app
from services.runtime.errors import run

if __name__ == "__main__":
    run(lambda: app(prog_name="python -m services.gateway"))
