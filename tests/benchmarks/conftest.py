"""Collects what the benchmarks measure, prints it as a table at the end and, with --bench-json, writes it to a file."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from pipeline_rates import Row

ROWS = pytest.StashKey[list[Row]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of ``make bench``, given in PYTEST_ARGS."""
    parser.addoption("--bench-json", default=None, help="also write the figures to this file")
    parser.addoption("--bench-scale", type=float, default=1.0, help="how much data, as a multiple of the usual")


def pytest_configure(config: pytest.Config) -> None:
    """Begin with no figure."""
    config.stash[ROWS] = []


@pytest.fixture
def figures(pytestconfig: pytest.Config) -> list[Row]:
    """Where a benchmark puts its rows."""
    return pytestconfig.stash[ROWS]


@pytest.fixture
def scale(pytestconfig: pytest.Config) -> float:
    """How much data, as a multiple of the usual."""
    return float(pytestconfig.getoption("--bench-scale", 1.0))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The table."""
    rows = config.stash[ROWS]
    if not rows:
        return
    width = max(len(r.what) for r in rows)
    terminalreporter.section(f"measured on {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    for r in rows:
        ratio = "" if r.ratio is None else f"{r.ratio:7.3f} of a plain reader"
        terminalreporter.write_line(f"{r.what:{width}} {r.value:14,.1f} {r.unit:11} {ratio:26} {r.note}".rstrip())
    target = config.getoption("--bench-json", None)
    if target:
        machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
        Path(target).write_text(json.dumps({"machine": machine, "figures": [asdict(r) for r in rows]}, indent=2))
