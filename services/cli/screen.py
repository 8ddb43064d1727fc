"""What a person sees: results on stdout, everything else on stderr, so that ``--json`` gives nothing but JSON."""

import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

WIDTH = 150  # of what goes into a file or a pipe; a terminal has its own

OUT = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
ERR = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else WIDTH)


def note(text: str) -> None:
    """One line about what is going on."""
    ERR.print(text, markup=False)


def print_json(value: Any) -> None:
    """A result as JSON: indented for a terminal, one line for a program."""
    json.dump(value, sys.stdout, indent=2 if sys.stdout.isatty() else None, ensure_ascii=False)
    print()


def table(title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table; the columns named in ``right`` hold numbers."""
    made = Table(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim", min_width=len(title)
    )
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def bar(share: float | None, width: int = 20) -> str:
    """A share from 0 to 1 as a bar of eighths; dots where there is none."""
    if share is None:
        return "·" * width
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")).ljust(width)


def percent(share: float | None) -> str:
    """``41.2 %``, or a dash."""
    return "–" if share is None else f"{share * 100:.1f} %"
