"""What the stages counted, as JSON and as a table."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from services.cli.screen import table
from services.stack.scrape import Counts

CLASSES = ("applied", "deduplicated", "late", "dead_lettered", "denied", "delivered", "in_flight")


def stages_json(counts: Counts) -> list[dict[str, Any]]:
    """What each stage counted of each topic, the classes that occurred by name."""
    return [
        {
            "stage": stage,
            "topic": topic,
            "received": count.received,
            "in_flight": count.in_flight,
            **{str(c): n for c, n in count.ended.items() if n},
        }
        for (stage, topic), count in sorted(counts.items())
    ]


def stage_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Counts per stage and topic, one column a class."""
    titles = [c.replace("_", " ") for c in CLASSES]
    made = table("Events per stage and class", "stage", "topic", "received", *titles, right=("received", *titles))
    for row in rows:
        if row["received"]:
            cells = [f"{row[c]:,}" if row.get(c) else "·" for c in CLASSES]
            made.add_row(row["stage"], row["topic"], f"{row['received']:,}", *cells)
    return made
