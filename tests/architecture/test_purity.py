"""Contracts and domain are functions of what they are given: no clock, no chance, no file, no network."""

import ast
from pathlib import Path

import pytest
from source_tree import file_of, imported_names, modules

#: modules through which time, chance or the world comes in
WORLD = {
    "asyncio", "ctypes", "getpass", "http", "io", "multiprocessing", "os", "pathlib", "platform", "random", "secrets", "select",
    "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip
#: calls that read a clock or the world, by the last part of their name
CALLS = {"now", "utcnow", "today", "monotonic", "perf_counter", "time_ns", "open", "input", "urandom", "getenv", "uuid1", "uuid4"}
#: the two modules that read examples and releases and write what was rendered, as commands
FILES_ALLOWED = {"schemas.generate", "schemas.snapshot", "schemas.compatibility"}
PURE_MODULES = [*modules("schemas"), *modules("streams.domain")]


def impurities(source: str) -> list[str]:
    """What a module's source takes from the world."""
    tree = ast.parse(source)
    found = [name for name in imported_names(tree) if name.partition(".")[0] in WORLD]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in CALLS:
                found.append(f"{ast.unparse(node.func)}()")
    return found


@pytest.mark.parametrize("module", [m for m in PURE_MODULES if m not in FILES_ALLOWED])
def test_a_pure_module_takes_nothing_from_the_world(module: str) -> None:
    assert impurities(file_of(module).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("module", sorted(FILES_ALLOWED))
def test_the_commands_of_the_contracts_take_files_and_nothing_else(module: str) -> None:
    found = impurities(file_of(module).read_text(encoding="utf-8"))
    assert {name.partition(".")[0] for name in found} <= {"pathlib", "shutil"}


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("import time", ["time"]),
        ("from random import choice", ["random", "random.choice"]),
        ("def f():\n    import uuid", ["uuid"]),
        ("from datetime import datetime\nx = datetime.now()", ["datetime.now()"]),
        ("import datetime\nx = datetime.date.today()", ["datetime.date.today()"]),
        ("x = open('a')", ["open()"]),
        ("from datetime import UTC, datetime\nx = datetime(1970, 1, 1, tzinfo=UTC)", []),
        ("now = 3\nx = decide(now)", []),
    ],
)
def test_the_scan_sees_what_it_must_and_no_more(source: str, seen: list[str]) -> None:
    assert impurities(source) == seen


def test_every_module_of_contracts_and_domain_is_scanned() -> None:
    assert {"schemas.codec", "schemas.events.kpi_value", "streams.domain.fold", "streams.domain.kpi"} <= set(PURE_MODULES)
    assert set(PURE_MODULES) >= FILES_ALLOWED
    assert all(file_of(m).is_file() for m in PURE_MODULES)
    assert file_of("schemas") == Path(file_of("schemas.codec").parent / "__init__.py")
