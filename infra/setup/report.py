"""Adds up the JUnit reports of the stages: how many tests, how long, what was skipped and why.

``python infra/setup/report.py FOLDER [--allowed FILE]``. With --allowed, a skip whose reason matches no line of FILE
(regular expressions, ``#`` comments) is an error. The last line is ``N passed, N failed, N skipped``.
"""

import argparse
import re
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Stage:
    """The outcome of one pytest run. ``skips`` counts the skipped tests per reason."""

    name: str
    seconds: float
    passed: int = 0
    failed: int = 0
    skips: Counter[str] = field(default_factory=Counter)


def read(path: Path) -> Stage:
    """One report as pytest writes it. Raises ValueError when it is none."""
    suites = list(ET.parse(path).getroot().iter("testsuite"))
    if not suites:
        raise ValueError(f"{path} is no JUnit report")
    stage = Stage(path.stem, sum(float(s.get("time", "0")) for s in suites))
    for case in (c for s in suites for c in s.iter("testcase")):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            stage.failed += 1
        elif skipped is not None:
            stage.skips[skipped.get("message", "no reason given")] += 1
        else:
            stage.passed += 1
    return stage


def allowed_patterns(path: Path | None) -> list[re.Pattern[str]] | None:
    """The reasons that may be skipped for; None when all may."""
    if path is None:
        return None
    lines = (line.strip() for line in path.read_text().splitlines())
    return [re.compile(line) for line in lines if line and not line.startswith("#")]


def forbidden_skips(stages: list[Stage], patterns: list[re.Pattern[str]] | None) -> list[str]:
    """Reasons of skipped tests that no pattern allows."""
    if patterns is None:
        return []
    reasons = {reason for stage in stages for reason in stage.skips}
    return sorted(r for r in reasons if not any(p.search(r) for p in patterns))


def render(stages: list[Stage]) -> str:
    """The report for people; the last line is the one that machines read."""
    lines = [f"{s.name:12} {s.passed:5} passed {s.failed:4} failed {s.skips.total():4} skipped {s.seconds:8.1f} s" for s in stages]
    for stage in stages:
        lines += [f"skipped in {stage.name}: {count} x {reason}" for reason, count in sorted(stage.skips.items())]
    passed, failed, skipped = (sum(n) for n in zip(*((s.passed, s.failed, s.skips.total()) for s in stages), strict=True))
    lines.append(f"{passed} passed, {failed} failed, {skipped} skipped")
    return "\n".join(lines)


def main() -> int:
    """Exit code 1 when there is no report, no test passed, one failed, or a skip is not allowed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--allowed", type=Path)
    options = parser.parse_args()
    stages = [read(path) for path in sorted(options.folder.glob("*.xml"), key=lambda p: p.stat().st_mtime)]
    if not stages:
        print(f"error: no test reports in {options.folder}", file=sys.stderr)
        return 1
    forbidden = forbidden_skips(stages, allowed_patterns(options.allowed))
    for reason in forbidden:
        print(f"error: a skip that {options.allowed} does not list: {reason}", file=sys.stderr)
    print(render(stages))
    return int(bool(forbidden) or any(s.failed for s in stages) or not any(s.passed for s in stages))


if __name__ == "__main__":
    sys.exit(main())
