"""The layers of pyproject.toml hold, also where import-linter is blind."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from source_tree import PACKAGES, ROOT, modules, tracked

CONTRACTS: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
    "contracts"
]
PURE = next(c for c in CONTRACTS if c["type"] == "forbidden" and set(c["source_modules"]) == {"schemas", "streams.domain"})

#: prints every module that importing the given ones has loaded
LOADED = "import importlib, sys; [importlib.import_module(m) for m in sys.argv[1:]]; print('\\n'.join(sys.modules))"


def loaded_by(names: list[str]) -> set[str]:
    """The top-level modules in a fresh interpreter after importing ``names``."""
    run = subprocess.run([sys.executable, "-c", LOADED, *names], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in run.stdout.split()}


def test_every_contract_between_packages_is_kept() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("package", PURE["source_modules"])
def test_importing_what_is_pure_loads_no_client_and_no_framework(package: str) -> None:
    names = [m for m in modules(package) if not m.endswith("__main__")]
    assert len(names) > 10
    assert loaded_by(names) & set(PURE["forbidden_modules"]) == set()


def test_what_is_forbidden_would_be_seen() -> None:
    assert {"faust", "aiokafka", "mode"} <= loaded_by(["streams.app"]) & set(PURE["forbidden_modules"])


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_empty_so_that_importing_one_runs_nothing(package: str) -> None:
    inits = [p for p in tracked() if p.parts[0] == package and p.name == "__init__.py"]
    assert inits
    assert [str(p) for p in inits if (ROOT / p).read_bytes().strip()] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_with_code_is_a_package(package: str) -> None:
    folders = {p.parent for p in tracked() if p.parts[0] == package and p.suffix == ".py" and "migrations" not in p.parts}
    assert [str(f) for f in sorted(folders) if not (ROOT / f / "__init__.py").exists()] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_the_packages_that_run_are_those_of_this_repository(package: str) -> None:
    origin = Path(__import__(package).__file__ or "")
    assert origin == ROOT / package / "__init__.py"
