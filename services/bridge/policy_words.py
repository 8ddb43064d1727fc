"""An export policy in words, and what a new version of it would change. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from schemas.customer_event import VIEWS
from schemas.events.export_policy import ExportPolicy
from schemas.instant import rfc3339
from schemas.label import Export, labels

PRODUCT = {"order": "progress of orders", "kpi": "KPIs of orders"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One change from the policy that holds; ``effect`` says whether more or less could leave, or neither."""

    effect: Literal["wider", "narrower", "same reach"]
    text: str


def in_words(policy: ExportPolicy, now: datetime) -> list[str]:
    """Sentences for an export officer, the most important first."""
    said = [*_state(policy, now), _products(policy), *_fields(policy), *_limits(policy)]
    said.append(
        f"It rests on contract {policy.contract} for {policy.destination}, purpose: {policy.purpose.rstrip('.')}; "
        f"approved by {' and '.join(filter(None, (policy.approver, policy.second_approver)))}."
    )
    said.append(f"The customer may keep what it gets for {policy.retention_days} days.")
    return said


def differences(before: ExportPolicy | None, after: ExportPolicy) -> list[Difference]:
    """What ``after`` changes. Without a policy before it, everything that it permits is wider."""
    if before is None:
        return [Difference("wider", f"the first policy of {after.customer}: until now nothing leaves")]
    return [*_named_differences(before, after), *_numeric_differences(before, after), *_other_differences(before, after)]


def _state(policy: ExportPolicy, now: datetime) -> Iterator[str]:
    if policy.suspended:
        yield f"Version {policy.version} for {policy.customer} is SUSPENDED: nothing leaves."
    elif now >= policy.valid_until:
        yield f"Version {policy.version} for {policy.customer} EXPIRED at {rfc3339(policy.valid_until)}: nothing leaves."
    elif policy.second_approver is None:
        yield f"Version {policy.version} for {policy.customer} has ONE APPROVER and needs two: nothing leaves."
    else:
        yield f"Version {policy.version} for {policy.customer} is good until {rfc3339(policy.valid_until)}."


def _products(policy: ExportPolicy) -> str:
    named = [PRODUCT[p] for p in policy.products]
    return f"May leave: {' and '.join(named)}; nothing else." if named else "It lists no product: nothing leaves."


def _fields(policy: ExportPolicy) -> Iterator[str]:
    if policy.denied_fields:
        yield f"Cut out: {', '.join(policy.denied_fields)}."
    for product in policy.products:
        never = sorted(path for path, label in labels(VIEWS[product]) if label is None or label.export is Export.DENY)
        if never:
            yield f"Of {PRODUCT[product]} the contract itself keeps back: {', '.join(never)}."


def _limits(policy: ExportPolicy) -> Iterator[str]:
    if policy.smallest_n > 1:
        yield f"Aggregates leave only over at least {policy.smallest_n} units."
    if policy.smallest_window_s:
        yield f"Aggregates leave only over at least {policy.smallest_window_s} s."


def _named_differences(before: ExportPolicy, after: ExportPolicy) -> Iterator[Difference]:
    for product in sorted(set(after.products) - set(before.products)):
        yield Difference("wider", f"{PRODUCT[product]} may leave")
    for product in sorted(set(before.products) - set(after.products)):
        yield Difference("narrower", f"{PRODUCT[product]} may no longer leave")
    for field in sorted(set(before.denied_fields) - set(after.denied_fields)):
        yield Difference("wider", f"{field} is no longer cut out")
    for field in sorted(set(after.denied_fields) - set(before.denied_fields)):
        yield Difference("narrower", f"{field} is cut out")


def _numeric_differences(before: ExportPolicy, after: ExportPolicy) -> Iterator[Difference]:
    for name, unit in (("smallest_n", "units"), ("smallest_window_s", "s")):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Difference("wider" if new < old else "narrower", f"{name} goes from {old} to {new} {unit}")
    if before.valid_until != after.valid_until:
        later = after.valid_until > before.valid_until
        text = f"it ends at {rfc3339(after.valid_until)} instead of {rfc3339(before.valid_until)}"
        yield Difference("wider" if later else "narrower", text)
    if before.retention_days != after.retention_days:
        longer = after.retention_days > before.retention_days
        text = f"the customer may keep data for {after.retention_days} instead of {before.retention_days} days"
        yield Difference("wider" if longer else "narrower", text)


def _other_differences(before: ExportPolicy, after: ExportPolicy) -> Iterator[Difference]:
    if before.suspended != after.suspended:
        yield Difference("narrower", "it is suspended") if after.suspended else Difference("wider", "it is no longer suspended")
    if before.destination != after.destination:
        yield Difference("wider", f"the destination is {after.destination} instead of {before.destination}")
    for name in ("purpose", "contract", "approver", "second_approver"):
        if getattr(before, name) != getattr(after, name):
            yield Difference("same reach", f"{name}: {getattr(after, name)}")
