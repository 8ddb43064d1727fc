"""Reads the recipes of CONTRIBUTING.md and carries them out in a copy of the repository.

A block is introduced by a line in backquotes: ``path``: makes a new file; ``path``, after ``words``: goes in after the first line
with these words; ``path``, instead of ``words``: takes the place of that line. A block of ``sh`` is run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

HEADING = re.compile(r"^## (?P<title>.+)$", re.M)
INTRODUCTION = r"(?:^ *`(?P<path>[^`\n]+)`(?:, (?P<how>after|instead of) `(?P<words>[^\n]+?)`)?:\n)?"
BLOCK = re.compile(INTRODUCTION + r"^ *```(?P<kind>\w+)\n(?P<text>.*?)^ *```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """One block of a recipe. ``path`` is None for commands."""

    kind: str
    text: str
    path: str | None = None
    how: str | None = None
    words: str | None = None

    def apply(self, root: Path) -> None:
        """Carry it out; fails with what was said when it does not work."""
        if self.path is None:
            self._run(root)
        elif self.how is None:
            target = root / self.path
            assert not target.exists(), f"{self.path} is there already"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self.text)
        else:
            self._edit(root / self.path)

    def _edit(self, target: Path) -> None:
        lines = target.read_text().splitlines(keepends=True)
        where = [number for number, line in enumerate(lines) if str(self.words) in line]
        assert where, f"no line of {self.path} has: {self.words}"
        first = where[0] + (self.how == "after")
        lines[first : where[0] + 1] = [self.text]
        target.write_text("".join(lines))

    def _run(self, root: Path) -> None:
        assert self.kind == "sh"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        # the copy goes before the installed package, which is the repository itself
        environment = {**os.environ, "PATH": path, "PYTHONPATH": str(root)}
        done = subprocess.run(["bash", "-ec", self.text], cwd=root, env=environment, capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, f"{self.text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def recipes(document: Path) -> dict[str, list[Block]]:
    """The blocks under each heading of the second level that has any."""
    text = document.read_text()
    titles = list(HEADING.finditer(text))
    ends = [t.start() for t in titles[1:]] + [len(text)]
    found = {t["title"]: _blocks(text[t.end() : end]) for t, end in zip(titles, ends, strict=True)}
    return {title: blocks for title, blocks in found.items() if blocks}


def _blocks(text: str) -> list[Block]:
    return [Block(m["kind"], textwrap.dedent(m["text"]), m["path"], m["how"], m["words"]) for m in BLOCK.finditer(text)]
