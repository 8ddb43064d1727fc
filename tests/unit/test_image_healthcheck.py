"""The program behind the health checks of our containers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "infra/images/factorystream/healthcheck.py"
METRICS = (
    b'# HELP x\nfactory_bridge_state{factory_bridge_state="active"} 0.0\nfactory_bridge_state{factory_bridge_state="idle"} 1.0\n'
)
BRIDGE = '^factory_bridge_state[{].*="(active|idle)"[}] 1'


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503 if self.path == "/ill" else 200)
        self.end_headers()
        self.wfile.write(METRICS)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def check(*arguments: str) -> tuple[int, str]:
    run = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=30, check=False)
    return run.returncode, run.stdout.strip()


def test_a_line_that_matches_is_well(url: str) -> None:
    assert check(f"{url}/metrics", BRIDGE) == (0, "")


def test_an_answer_without_such_a_line_is_not(url: str) -> None:
    code, said = check(f"{url}/metrics", '^factory_bridge_state[{].*="degraded"[}] 1')
    assert code == 1
    assert "no line of it matches" in said


def test_an_error_is_not_well_whatever_it_says(url: str) -> None:
    code, said = check(f"{url}/ill", BRIDGE)
    assert code == 1
    assert "503" in said


def test_a_closed_port_is_not_well() -> None:
    code, said = check("http://127.0.0.1:9/", ".")
    assert code == 1
    assert "does not answer" in said


def test_the_age_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    assert check("--written-within", "60", str(path))[0] == 1
    path.touch()
    assert check("--written-within", "60", str(path)) == (0, "")
    hour_ago = time.time() - 3600
    os.utime(path, (hour_ago, hour_ago))
    assert check("--written-within", "60", str(path))[0] == 1


def test_wrong_usage_is_told_from_ill_health() -> None:
    assert check()[0] == 2
