"""The files of this repository as tests look at them."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "streams", "services")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git knows, relative to the root; skips the test where this is no git checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout: which files belong to the repository is not known", allow_module_level=True)
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    names = (Path(name.decode()) for name in listing.split(b"\0") if name)
    return tuple(n for n in names if (ROOT / n).is_file())


def text_of(path: Path) -> str | None:
    """The text of a tracked file; None for one that is no UTF-8 text."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def modules(package: str) -> list[str]:
    """Dotted names of every module of a package, the packages inside it included."""
    files = sorted((ROOT / package.replace(".", "/")).rglob("*.py"))
    dotted = (".".join(f.relative_to(ROOT).with_suffix("").parts) for f in files)
    return [name.removesuffix(".__init__") for name in dotted]


def file_of(module: str) -> Path:
    """The source of a module."""
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imported_names(tree: ast.AST) -> Iterator[str]:
    """The dotted names that a module imports, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
