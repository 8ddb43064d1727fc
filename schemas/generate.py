"""Renders everything that follows from the registry: ``python -m schemas.generate [--check]``.

Rendering is pure; only :func:`main` and what it calls touch files, and only under ``schemas/``.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas.document_asyncapi import Examples, asyncapi
from schemas.document_json_schema import event_types, json_schema
from schemas.document_topics import topics_page

ROOT = Path(__file__).parent
EXAMPLES = ROOT / "examples"
GENERATED = ROOT / "generated"


def render(examples: Examples) -> dict[str, str]:
    """Every generated file: path relative to ``schemas/generated`` to text. The same contracts give the same text."""
    files = {f"json-schema/{event.TYPE}.json": as_json(json_schema(event)) for event in event_types()}
    files["asyncapi.json"] = as_json(asyncapi(examples))
    files["topics.md"] = topics_page(examples)
    return files


def as_json(value: Any) -> str:
    """JSON for people and for diffs."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def load_examples(folder: Path = EXAMPLES) -> dict[str, dict[str, Any]]:
    """The golden payloads in ``<folder>/<topic>/<name>.json``, sorted."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*/*.json"), key=lambda p: (p.parent.name, p.stem)):
        found.setdefault(path.parent.name, {})[path.stem] = json.loads(path.read_text(encoding="utf-8"))
    return found


def drift(files: Mapping[str, str], folder: Path = GENERATED) -> list[str]:
    """What differs between the rendered files and the folder: one sentence a file, empty when it is fresh."""
    there = {str(p.relative_to(folder)): p for p in sorted(folder.rglob("*")) if p.is_file()}
    stale = [n for n in sorted(files) if n in there and there[n].read_text(encoding="utf-8") != files[n]]
    return [
        *(f"{name} is missing" for name in sorted(files.keys() - there.keys())),
        *(f"{name} is out of date" for name in stale),
        *(f"{name} is rendered from nothing" for name in sorted(there.keys() - files.keys())),
    ]


def write(files: Mapping[str, str], folder: Path = GENERATED) -> None:
    """Make the folder hold exactly these files."""
    for path in folder.rglob("*"):
        if path.is_file() and str(path.relative_to(folder)) not in files:
            path.unlink()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Write the generated files, or with ``--check`` only say what is out of date (exit 1)."""
    parser = argparse.ArgumentParser(
        prog="python -m schemas.generate", description="Render JSON Schemas, AsyncAPI and the topic page."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is out of date")
    check: bool = parser.parse_args(arguments).check
    files = render(load_examples())
    if not check:
        write(files)
        print(f"{len(files)} files in schemas/generated")
        return 0
    found = drift(files)
    for sentence in found:
        print(f"error: schemas/generated/{sentence}. Run python -m schemas.generate.", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
