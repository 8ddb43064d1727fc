"""``factorystream explain``: how a KPI value came about, and whether the log gives the same number again."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from schemas.instant import SECOND_US, parse, to_micros
from schemas.time_element import TimeElement
from services.cli.options import DATA_DIR, Bootstrap, Json, LastDir
from services.cli.screen import OUT, note, print_json, table
from services.cli.shift_picture import Band, Units, picture
from services.runtime.errors import UserError
from services.stack.session import broker_at


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain", epilog="Example: factorystream explain 7f0c2a9be1d04c55a1b2c3d4e5f60718 --picture shift.svg")(explain)


def explain(
    kpi_id: Annotated[
        str | None, typer.Argument(metavar="[KPI-ID]", help="Id of a KPI value, as `query kpi --json` shows it", show_default=False)
    ] = None,
    data_dir: LastDir = DATA_DIR,
    bootstrap: Bootstrap = None,
    svg: Annotated[Path | None, typer.Option("--picture", help="Also draw states, units and losses into this SVG file")] = None,
    as_json: Json = False,
) -> None:
    """Formula, inputs, calendar and revisions of a KPI value, worked out anew from the log; without an id, every newest value.

    Exits with 1 when the log gives another number.
    """
    with broker_at(data_dir, bootstrap, note) as where:
        documents = worked_out(where, kpi_id)
    if kpi_id is None:
        _show_all(documents, as_json)
    else:
        _show_one(documents[0], svg, as_json)
    if not all(found["same"] for found in documents):
        raise SystemExit(1)


def _show_one(found: dict[str, Any], svg: Path | None, as_json: bool) -> None:
    if svg is not None:
        svg.write_text(drawn(found), encoding="utf-8")
        note(f"picture: {svg}")
    if as_json:
        print_json(found)
    else:
        show(found)


def _show_all(documents: list[dict[str, Any]], as_json: bool) -> None:
    different = [found for found in documents if not found["same"]]
    if as_json:
        print_json({"values": len(documents), "same": len(documents) - len(different), "different": different})
        return
    for found in different:
        OUT.print(_headline(found)[0], *found["differences"], sep="\n  DIFFERS: ", markup=False)
    OUT.print(f"{len(documents) - len(different)} of {len(documents)} values: the log gives the same number.", style="bold")


def worked_out(bootstrap: str, kpi_id: str | None) -> list[dict[str, Any]]:
    """The documents of ``python -m streams.explain``: commands and steps meet on the log alone. Raises UserError."""
    command = [sys.executable, "-m", "streams.explain", *([] if kpi_id is None else [kpi_id])]
    done = subprocess.run(command, env={**os.environ, "FACTORYSTREAM_BOOTSTRAP": bootstrap}, capture_output=True, text=True)
    if done.returncode not in (0, 1) or "error: " in done.stderr:
        words = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]
        raise UserError(words[-1] if words else f"the explanation failed: {done.stderr.strip()[-300:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def show(found: dict[str, Any]) -> None:
    """The explanation for people."""
    told = found["kpi"]
    for line in _headline(found):
        OUT.print(line, markup=False)
    OUT.print(_contributions(found["contributions"]))
    if len(found["revisions"]) > 1:
        OUT.print(_revisions(found["revisions"], told["revision"]))
    for text in found["restatements"]:
        OUT.print(f"restated: {text}", markup=False)
    for text in found["differences"]:
        OUT.print(f"DIFFERS: {text}", markup=False)
    OUT.print("The log gives the same number." if found["same"] else "The log does NOT give the same number.", style="bold")


def _headline(found: dict[str, Any]) -> list[str]:
    told = found["kpi"]
    unit = "" if told["unit"] == "1" else f" {told['unit']}"
    value = f"null ({told['null_reason']})" if told["value"] is None else f"{told['value']:.6g}{unit}"
    window = told["window_id"] or told["window"]["start"]
    basis = [f"{name} version {told[key]}" for name, key in (("calendar", "calendar_version"), ("loss model", "loss_model_version"))
             if told[key] is not None]  # fmt: skip
    return [
        f"{told['kpi']} of {told['scope']['kind']} {told['scope']['id']}, {told['window_kind']} {window}: {value}",
        f"  {told['status']}, revision {told['revision']}, coverage {told['coverage']:.4f}"
        + (f", flags: {', '.join(told['flags'])}" if told["flags"] else ""),
        f"  = {told['formula']}: {told['numerator']} / {told['denominator']}",
        "  " + ", ".join(f"{name} = {n}" for name, n in told["terms"].items()) + "   (times in us, energy in W.h)",
        f"  by {' and '.join(basis) if basis else 'no calendar and the default loss model'}",
    ]


def _contributions(parts: list[dict[str, Any]]) -> Table:
    made = table(
        "Contributions",
        "asset",
        "hour (UTC)",
        "status",
        "rev",
        "seconds per element",
        "units",
        "facts at",
        "replayed",
        right=("rev",),
    )
    for part in parts:
        spent: dict[str, int] = {}
        for e in part["elements"]:
            name = e["element"] + (f" ({e['reason']})" if e["reason"] else "")
            spent[name] = spent.get(name, 0) + e["duration_us"]
        units = sum(q["produced"] for q in part["quantities"])
        bad = sum(q["scrap"] + q["rework"] for q in part["quantities"])
        made.add_row(
            part["asset"],
            part["window"]["start"][:13].replace("T", " "),
            part["status"],
            str(part["revision"]),
            ", ".join(f"{name} {us / SECOND_US:g}" for name, us in spent.items()),
            f"{units}" + (f", {bad} bad" if bad else ""),
            ", ".join(f"{r['topic']}/{r['partition']} {r['first_offset']}-{r['last_offset']}" for r in part["inputs"]),
            "same" if part["replayed"] else part["fault"],
        )
    return made


def _revisions(revisions: list[dict[str, Any]], present: int) -> Table:
    made = table("Revisions", "rev", "status", "value", "delta", "up to", "why", right=("rev", "value", "delta"))
    for r in revisions:
        number = "–" if r["value"] is None else f"{r['value']:.6g}"
        delta = "" if r["delta"] is None else f"{r['delta']:+.6g}"
        mark = " *" if r["revision"] == present else ""
        made.add_row(f"{r['revision']}{mark}", r["status"], number, delta, r["event_time"][:19], r["reason"] or "")
    return made


def drawn(found: dict[str, Any]) -> str:
    """The picture of the explanation as SVG."""
    told = found["kpi"]
    bands = [Band(b["asset"], b["start_us"], b["end_us"], TimeElement(b["element"]), b["reason"]) for b in found["bands"]]
    units = [Units(u["start_us"], u["good"], u["bad"]) for u in found["units"]]
    start, end = (to_micros(parse(told["window"][name])) for name in ("start", "end"))
    return picture(_headline(found)[0], start, end, bands, units)
