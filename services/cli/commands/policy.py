"""``factorystream policy``: what may leave to a customer, in words, and what a policy would do before it holds."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.events.export_policy import ExportPolicy
from schemas.events.outbound_event import OutboundEvent
from schemas.registry import OUTBOUND
from services.bridge import policy_desk
from services.bridge.dry_run import Trial, dry_run
from services.bridge.policy_words import Difference, differences, in_words
from services.cli.options import DATA_DIR, Bootstrap, Json, LastDir
from services.cli.screen import OUT, note, print_json, table
from services.runtime.errors import UserError
from services.stack.log_reader import read_all
from services.stack.session import broker_at

File = Annotated[Path, typer.Argument(help="JSON file of the contract factory.export-policy.v1", show_default=False)]
Approver = Annotated[str, typer.Option("--approver", help="Role that decides this", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is what the audit log will say", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Export policies: nothing leaves to a customer without one.", no_args_is_help=True)
    group.command("check", epilog="Example: factorystream policy check nordic-pumps.json --hours 24")(check)
    group.command("show", epilog="Example: factorystream policy show nordic-pumps --json")(show)
    group.command("put", epilog="Example: factorystream policy put nordic-pumps.json")(put)
    group.command("stop", epilog="Example: factorystream policy stop --approver 'export officer' --reason 'audit'")(stop)
    group.command("resume", epilog="Example: factorystream policy resume --approver 'export officer' --reason 'done'")(resume)
    app.add_typer(group, name="policy")


def check(
    file: File,
    data_dir: LastDir = DATA_DIR,
    bootstrap: Bootstrap = None,
    hours: Annotated[float, typer.Option("--hours", min=0.1, help="Try it on what was outbound in the last so many hours")] = 24.0,
    as_json: Json = False,
) -> None:
    """Explain a policy, compare it with the one that holds, and try it on the last day. Nothing is changed and nothing sent."""
    policy, now = read(file), datetime.now(UTC)
    with broker_at(data_dir, bootstrap, note) as where:
        before = policy_desk.policies(where).policy(policy.customer)
        trial = dry_run(outbound(where, policy.customer, now - timedelta(hours=hours)), policy, now)
    changes = differences(before, policy)
    if as_json:
        print_json(_as_json(policy, now, changes, trial))
        return
    for sentence in in_words(policy, now):
        OUT.print(sentence, markup=False)
    holds = "nothing" if before is None else f"version {before.version}"
    OUT.print(f"\nAgainst what holds now ({holds}):", markup=False)
    for change in changes or [Difference("same reach", "no difference")]:
        OUT.print(f"  {change.effect}: {change.text}", markup=False)
    _print_trial(trial, hours)


def show(
    customer: Annotated[str, typer.Argument(help="Customer id", show_default=False)],
    data_dir: LastDir = DATA_DIR,
    bootstrap: Bootstrap = None,
    as_json: Json = False,
) -> None:
    """The policy of a customer that holds now, in words."""
    with broker_at(data_dir, bootstrap, note) as where:
        view = policy_desk.policies(where)
    unreadable, policy, now = view.unreadable(customer), view.policy(customer), datetime.now(UTC)
    if unreadable is not None:
        raise UserError(f"the newest policy of {customer} can't be read, so nothing leaves: {unreadable}")
    if policy is None:
        raise UserError(f"{customer} has no export policy, so nothing leaves; put one: factorystream policy put FILE")
    if as_json:
        print_json({"policy": policy.model_dump(mode="json"), "words": in_words(policy, now)})
        return
    for sentence in in_words(policy, now):
        OUT.print(sentence, markup=False)


def put(file: File, data_dir: LastDir = DATA_DIR, bootstrap: Bootstrap = None, as_json: Json = False) -> None:
    """Make a policy hold. Its version must be above that of the one that holds."""
    policy, now = read(file), datetime.now(UTC)
    with broker_at(data_dir, bootstrap, note) as where:
        changed = policy_desk.put(where, policy)
    if as_json:
        print_json({"customer": policy.customer, "version": policy.version, "changed": changed})
    else:
        OUT.print(in_words(policy, now)[0] if changed else "The same policy holds already: nothing was changed.", markup=False)


def stop(
    approver: Approver, reason: Reason, data_dir: LastDir = DATA_DIR, bootstrap: Bootstrap = None, as_json: Json = False
) -> None:
    """The switch for all: from now on nothing leaves to any customer."""
    _switch(True, (approver, reason), (data_dir, bootstrap), as_json)


def resume(
    approver: Approver, reason: Reason, data_dir: LastDir = DATA_DIR, bootstrap: Bootstrap = None, as_json: Json = False
) -> None:
    """End the stop for all: what leaves is for the policies to say again."""
    _switch(False, (approver, reason), (data_dir, bootstrap), as_json)


def _switch(stopped: bool, who: tuple[str, str], place: tuple[Path, str | None], as_json: bool) -> None:
    with broker_at(*place, note) as where:
        changed = policy_desk.switch(where, stopped, *who, datetime.now(UTC))
    if as_json:
        print_json({"stopped": stopped, "changed": changed})
    else:
        state = "Nothing leaves to anybody" if stopped else "The policies of the customers hold again"
        OUT.print(f"{state}{'' if changed else ': it was so already'}.", markup=False)


def read(file: Path) -> ExportPolicy:
    """The policy in a file. Raises UserError."""
    try:
        return policy_desk.read_policy(file.read_bytes())
    except OSError as exc:
        raise UserError(f"{file} can't be read: {exc.strerror}") from exc


def outbound(bootstrap: str, customer: str, since: datetime) -> Iterator[OutboundEvent]:
    """The outbound events of a customer that came in since then."""
    for record in read_all(bootstrap, OUTBOUND):
        if isinstance(record.event, OutboundEvent) and record.event.customer == customer and record.arrived >= since:
            yield record.event


def _as_json(policy: ExportPolicy, now: datetime, changes: list[Difference], trial: Trial) -> dict[str, Any]:
    return {
        "customer": policy.customer,
        "version": policy.version,
        "words": in_words(policy, now),
        "differences": [asdict(change) for change in changes],
        "events": trial.events,
        "leaves": dict(trial.leaves),
        "cut": [{"product": p, "field": f, "reason": r, "events": n} for (p, f, r), n in sorted(trial.cut.items())],
        "denied": [{"product": p, "reason": r, "events": n} for (p, r), n in sorted(trial.denied.items())],
    }


def _print_trial(trial: Trial, hours: float) -> None:
    OUT.print(f"\nOf {trial.events} events that were outbound in the last {hours:g} h:", markup=False)
    rows = table("", "product", "what", "why", "events", right=("events",))
    for product, count in sorted(trial.leaves.items()):
        rows.add_row(product, "would leave", "", str(count))
    for (product, name, reason), count in sorted(trial.cut.items()):
        rows.add_row(product, f"without {name}", reason, str(count))
    for (product, reason), count in sorted(trial.denied.items()):
        rows.add_row(product, "would stay", reason, str(count))
    OUT.print(rows)
