"""Rules of the house over every file of the repository."""

import re
from pathlib import Path

import pytest
from source_tree import ROOT, text_of, tracked

LONGEST_FILE = 400
#: names that say nothing about what is inside
VAGUE = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc", "stuff", "lib", "core", "base"}
#: written in two halves, so that this file does not contain what it looks for
UNFINISHED = [a + b for a, b in (("TO", "DO"), ("FIX", "ME"), ("NotImplemented", "Error"), ("pragma: no", " cover"))]
REGISTRIES = [
    a + b
    for a, b in (
        ("pypi", ".org"), ("pythonhosted", ".org"), ("repo1", ".maven.org"), ("repo", ".maven.apache.org"), ("deb.debian", ".org"),
        ("security.debian", ".org"), ("archive.ubuntu", ".com"), ("registry.npmjs", ".org"), ("registry-1.docker", ".io"),
        ("proxy.golang", ".org"), ("crates", ".io"),
    )
]  # fmt: skip
MACHINE_PATHS = re.compile(r"(?<![\w./-])/(?:" + "|".join(["work", "ro" + "ot", "Us" + "ers", r"ho" + r"me/\w+"]) + r")/[\w.]")

PYTHON = [p for p in tracked() if p.suffix == ".py"]
#: recorded data, as it came
RECORDED = ("services/gateway/samples/", "tests/data/")
WRITTEN = [p for p in tracked() if not str(p).startswith(RECORDED)]


def lines_with(words: list[str], paths: list[Path]) -> list[str]:
    """``file:line: word`` for every line that contains one of the words."""
    found = []
    for path in paths:
        for number, line in enumerate((text_of(path) or "").splitlines(), 1):
            found += [f"{path}:{number}: {word}" for word in words if word in line]
    return found


def test_no_file_of_code_is_too_long() -> None:
    lengths = {str(p): len((text_of(p) or "").splitlines()) for p in PYTHON}
    assert {p: n for p, n in lengths.items() if n > LONGEST_FILE} == {}


def test_names_say_what_is_inside() -> None:
    words = {str(p): set(re.split(r"[._-]", p.stem.lower())) | {q.lower() for q in p.parent.parts} for p in PYTHON}
    assert {p: w & VAGUE for p, w in words.items() if w & VAGUE} == {}


def test_nothing_is_left_unfinished() -> None:
    assert lines_with(UNFINISHED, WRITTEN) == []


def test_no_address_of_a_package_registry_is_written_down() -> None:
    assert lines_with(REGISTRIES, list(tracked())) == []


def test_no_path_of_one_machine_is_written_down() -> None:
    found = [
        f"{path}:{number}: {line.strip()[:100]}"
        for path in WRITTEN
        for number, line in enumerate((text_of(path) or "").splitlines(), 1)
        if MACHINE_PATHS.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("cd /wo" + "rk/thing", True),
        ('"/ro' + 'ot/.cache"', True),
        ("/ho" + "me/somebody/x", True),
        ("docs/work/plan", False),
        ("https://host/wo" + "rk/x", False),
    ],
)
def test_the_search_for_paths_of_one_machine_sees_what_it_must(line: str, seen: bool) -> None:
    assert bool(MACHINE_PATHS.search(line)) is seen


def test_test_folders_are_no_packages() -> None:
    assert [str(p) for p in PYTHON if p.parts[0] == "tests" and p.name == "__init__.py"] == []


def test_the_root_of_the_repository_is_where_pyproject_is() -> None:
    assert (ROOT / "pyproject.toml").is_file()
