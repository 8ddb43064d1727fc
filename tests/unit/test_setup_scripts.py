"""Set-up and report of the tests: one sentence for what is missing, and a closing line that tells the truth."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETUP = ROOT / "infra/setup"

CASES = {
    "passed": "<testcase name='a'/>",
    "failed": "<testcase name='b'><failure message='no'/></testcase>",
    "broken": "<testcase name='c'><error message='no'/></testcase>",
    "skipped": "<testcase name='d'><skipped message='no Docker engine answers'/></testcase>",
    "odd": "<testcase name='e'><skipped message='it was raining'/></testcase>",
}


def report(folder: Path, *stages: str, allowed: str | None = None) -> subprocess.CompletedProcess[str]:
    """The report of stages, each given as the names of its cases."""
    for number, names in enumerate(stages):
        cases = "".join(CASES[name] for name in names.split())
        (folder / f"stage{number}.xml").write_text(f"<testsuites><testsuite time='1.5'>{cases}</testsuite></testsuites>")
    options = []
    if allowed is not None:
        (folder / "allowed.txt").write_text(allowed)
        options = ["--allowed", str(folder / "allowed.txt")]
    return subprocess.run([sys.executable, SETUP / "report.py", folder, *options], capture_output=True, text=True, timeout=60)


def test_the_last_line_adds_up_all_stages(tmp_path: Path) -> None:
    done = report(tmp_path, "passed passed skipped", "passed")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "3 passed, 0 failed, 1 skipped"
    assert "skipped in stage0: 1 x no Docker engine answers" in done.stdout


@pytest.mark.parametrize("bad", ["failed", "broken"])
def test_one_failure_fails_the_run(tmp_path: Path, bad: str) -> None:
    done = report(tmp_path, f"passed {bad}", "passed")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "2 passed, 1 failed, 0 skipped"


def test_a_run_without_a_passed_test_is_no_success(tmp_path: Path) -> None:
    assert report(tmp_path, "skipped").returncode == 1


def test_no_report_at_all_is_no_success(tmp_path: Path) -> None:
    done = report(tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"error: no test reports in {tmp_path}\n"


def test_a_skip_that_is_not_listed_fails_the_run_where_there_is_a_list(tmp_path: Path) -> None:
    listed = "# engines\n^no Docker engine\n"
    assert report(tmp_path, "passed skipped", allowed=listed).returncode == 0
    done = report(tmp_path, "passed skipped odd", allowed=listed)
    assert done.returncode == 1
    assert "does not list: it was raining" in done.stderr


def environment_script(kind: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SETUP / "environment.sh", kind], capture_output=True, text=True, timeout=60, env={**os.environ, **settings}
    )  # fmt: skip


def test_a_missing_python_is_one_sentence_with_what_to_install() -> None:
    done = environment_script("runtime", PYTHON="no-such-python")
    assert done.returncode == 1
    assert done.stderr == "error: no-such-python is not installed. On Debian: apt-get install python3 python3-venv\n"


@pytest.mark.parametrize(
    ("refuses", "sentence"),
    [
        ("ensurepip", "error: Python's venv module is not installed. On Debian: apt-get install python3-venv\n"),
        ("version_info", "error: Python 3.11 or newer is needed, and "),
    ],
)
def test_a_python_that_will_not_do_is_one_sentence(tmp_path: Path, refuses: str, sentence: str) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/bash\ncase "$*" in *{refuses}*) exit 1 ;; *) exec {sys.executable} "$@" ;; esac\n')
    python.chmod(0o755)
    done = environment_script("runtime", PYTHON=str(python))
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("script", ["environment.sh", "test.sh"])
def test_a_script_explains_itself(script: str) -> None:
    helped = subprocess.run([SETUP / script, "--help"], capture_output=True, text=True, timeout=60)
    assert (helped.returncode, helped.stdout.splitlines()[0].split()[0]) == (0, "Usage:")
    assert subprocess.run([SETUP / script], capture_output=True, timeout=60).returncode == 2


def test_make_lists_its_targets() -> None:
    listed = subprocess.run(["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    targets = {line.split()[1] for line in listed.stdout.splitlines() if line.startswith("  make ")}
    assert targets == {"help", "demo", "test", "test-faults", "lint", "bench", "clean"}
