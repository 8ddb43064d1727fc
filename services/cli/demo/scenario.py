"""What the demo plays: one real machine-day, and around it the orders of two customers, which are made up and say so."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from schemas.codec import encode
from schemas.events.export_policy import ExportPolicy
from services.gateway.survey import survey
from services.runtime.errors import UserError
from services.runtime.kafka import SEND_TIMEOUT_S, producer, send
from services.simulator.activity import read_activity
from services.simulator.output import write_events
from services.simulator.plan import Choices, make_plan
from services.stack.folder import DataFolder
from services.stack.record import running_stack

CUSTOMERS = ("acme", "borealis")
LINE = "line-1"
SEED = 1
SOURCE = "demo-log"
POLICY_DAYS = 30
FOLDER = "scenario"  # in the data folder: what the demo made up, and the mark that the folder is the demo's
MADE_BY_A_STACK = ("broker", "gateway", "streams", "api", "bridge", "logs", "secrets", "stack.json", "stack.lock", FOLDER)


@dataclass(frozen=True, slots=True)
class Scenario:
    """The recording and its facts, and the files of what is simulated. ``orders`` are the order ids of each customer."""

    log: Path
    limits: Path
    asset: str
    lines: int
    day: str
    inputs: tuple[Path, ...]
    orders: dict[str, tuple[str, ...]]

    @property
    def real(self) -> str:
        """One line about what is real."""
        return (
            f"real       the log of machine {self.asset} on {self.day}: {self.lines:,} lines, every state, reading and time as "
            "recorded (NIST SMS Test Bed)"
        )

    @property
    def simulated(self) -> str:
        """One line about what is not."""
        return (
            f"simulated  the orders of {' and '.join(CUSTOMERS)} and the units, scrap and rework they got, only while the real "
            f"machine was ACTIVE (seed {SEED})"
        )

    def arguments(self, speed: float, longest_wait: float) -> list[str]:
        """Command line of the gateway for the recording with what is simulated merged in by event time."""
        words = ["replay", "mtconnect", str(self.log), "--limits", str(self.limits), "--line", LINE, "--source", SOURCE]
        words += [word for path in self.inputs for word in ("--events", str(path))]
        return [*words, "--speed", str(speed), "--max-wait", str(longest_wait)]

    def again(self, number: int, speed: float, longest_wait: float) -> list[str]:
        """The recording once more without orders, as another asset on another line: recorded times are not changed."""
        name = f"{self.asset}-pass{number}"
        words = ["replay", "mtconnect", str(self.log), "--limits", str(self.limits), "--source", SOURCE]
        return [*words, "--asset", name, "--line", f"pass-{number}", "--speed", str(speed), "--max-wait", str(longest_wait)]


def make_scenario(folder: DataFolder) -> Scenario:
    """Look when the recorded machine was active, and make up orders for it. Writes DATA/scenario."""
    sample = Path(str(files("services.gateway").joinpath("samples", "nist_sms")))
    report = survey([sample / "raw"])
    (file,) = report["files"]
    place = folder.root / FOLDER
    place.mkdir(exist_ok=True)
    activity = place / "activity.json"
    activity.write_text(json.dumps(report), encoding="utf-8")
    plan = make_plan(read_activity(activity), SEED, Choices(CUSTOMERS, LINE))
    write_events(place / "orders.jsonl", plan.orders)
    write_events(place / "events.jsonl", plan.events)
    orders = {c: tuple(str(o["order"]) for o in plan.orders if o["customer"] == c) for c in CUSTOMERS}
    inputs = (place / "orders.jsonl", place / "events.jsonl")
    return Scenario(
        sample / "raw", sample / "limits.json", file["asset"], file["lines"], file["first_day"][:10], inputs, orders
    )  # fmt: skip


def policies(now: datetime) -> list[ExportPolicy]:
    """One policy for each customer, for both products; the roles that approve them are the demo's own."""
    return [
        ExportPolicy(
            event_time=now,
            version=1,
            customer=customer,
            approver="export officer (demo)",
            second_approver="head of sales (demo)",
            purpose="Progress and KPIs of the customer's own orders",
            contract=f"demo-{customer}",
            destination=country,
            products=["order", "kpi"],
            valid_until=now + timedelta(days=POLICY_DAYS),
        )
        for customer, country in zip(CUSTOMERS, ("DE", "SE"), strict=True)
    ]


def send_policies(bootstrap: str) -> int:
    """Put the policies on their topic, so that something may leave at all; returns how many. Raises UserError."""
    records = [encode(policy) for policy in policies(datetime.now(UTC))]
    with producer(bootstrap, "factorystream-demo") as client:
        for future in [send(client, record) for record in records]:
            future.get(SEND_TIMEOUT_S)
    return len(records)


def clear(folder: DataFolder) -> bool:
    """Remove what an earlier demo left; whether there was anything. Raises UserError for a folder that is not the demo's."""
    if running_stack(folder.record) is not None:
        raise UserError(
            f"a stack runs in {folder.root} already: look at it with `factorystream status`, or choose another --data-dir"
        )
    if not folder.root.exists() or not any(folder.root.iterdir()):
        return False
    if not (folder.root / FOLDER).is_dir():
        raise UserError(f"{folder.root} holds something that no demo made: choose another folder with --data-dir")
    remove([folder.root / name for name in MADE_BY_A_STACK])
    return True


def remove(paths: Sequence[Path]) -> None:
    """Delete files and folders that may be there."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
