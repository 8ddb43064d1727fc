"""The gate: may this event leave, as a whole, with fields cut out, or not at all? Pure; what is not permitted is denied.

The rules are those of infra/decisions/0008: the policy of the customer decides about the event, the labels of the contract
(:mod:`schemas.label`) about each field, and no policy can permit what a label forbids.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Literal

from pydantic import BaseModel

from schemas.customer_event import IDENTIFYING, VIEWS
from schemas.events.export_policy import ExportPolicy
from schemas.events.outbound_event import OutboundEvent
from schemas.instant import rfc3339
from schemas.label import DataClass, Export, Label, PersonalInformation, labels

Kind = Literal["allow", "redact", "deny"]

#: what leaves around the payload
ENVELOPE = ("id", "subject", "event_time")
#: data of these classes stop the whole event: that they got here at all is a fault
GRAVE = (DataClass.CORE, DataClass.IMPORTANT)


@dataclass(frozen=True, slots=True)
class Decision:
    """``cut`` names the payload fields that must be removed before the event leaves; it is empty unless ``kind`` is redact."""

    kind: Kind
    reason: str
    cut: tuple[str, ...] = ()


def decide(event: OutboundEvent, policy: ExportPolicy | None, now: datetime) -> Decision:
    """The decision about ``event`` at the instant ``now``."""
    if policy is None:
        return deny("there is no export policy for this customer")
    for rule in RULES:
        reason = rule(event, policy, now)
        if reason is not None:
            return deny(reason)
    withheld = dict(_withheld(event, policy))
    missing = [f for f in withheld if f in IDENTIFYING[event.payload.product]]
    if missing:
        return deny(f"{missing[0]} {withheld[missing[0]]}, and without it nobody can tell what the rest is about")
    if withheld:
        return Decision("redact", "; ".join(f"{f} {why}" for f, why in withheld.items())[:300], tuple(withheld))
    return Decision("allow", f"policy version {policy.version} permits it")


@cache
def _labels_of(model: type[BaseModel]) -> tuple[tuple[str, Label | None], ...]:
    return tuple(labels(model))


def deny(reason: str) -> Decision:
    """A denial."""
    return Decision("deny", reason[:300])


def _other_customer(event: OutboundEvent, policy: ExportPolicy, now: datetime) -> str | None:
    del now
    return None if event.customer == policy.customer else f"the policy is that of {policy.customer}"


def _suspended(event: OutboundEvent, policy: ExportPolicy, now: datetime) -> str | None:
    del event, now
    return "the policy is suspended" if policy.suspended else None


def _unapproved(event: OutboundEvent, policy: ExportPolicy, now: datetime) -> str | None:
    del event, now
    if policy.second_approver is None:
        return "the policy has one approver, and two are needed"
    same = policy.second_approver.casefold().strip() == policy.approver.casefold().strip()
    return "both approvers of the policy are the same" if same else None


def _expired(event: OutboundEvent, policy: ExportPolicy, now: datetime) -> str | None:
    del event
    return f"the policy expired at {rfc3339(policy.valid_until)}" if now >= policy.valid_until else None


def _unlisted_product(event: OutboundEvent, policy: ExportPolicy, now: datetime) -> str | None:
    del now
    product = event.payload.product
    return None if product in policy.products else f"the policy does not list the product {product}"


def _unknown_field(event: OutboundEvent, policy: ExportPolicy, now: datetime) -> str | None:
    """A misspelt name in ``denied_fields`` would let out what its author meant to keep."""
    del event, now
    known = {path for view in VIEWS.values() for path, _ in _labels_of(view)}
    unknown = sorted(set(policy.denied_fields) - known)
    return f"the policy denies the field {unknown[0]}, which no product has" if unknown else None


def _grave_data(event: OutboundEvent, policy: ExportPolicy, now: datetime) -> str | None:
    del policy, now
    for path, label in _labels_of(type(event.payload)):
        if label is not None and label.classified in GRAVE:
            return f"{path} is {label.classified.value} data"
    return None


def _envelope(event: OutboundEvent, policy: ExportPolicy, now: datetime) -> str | None:
    del policy, now
    by_name = dict(_labels_of(type(event)))
    for name in ENVELOPE:
        label = by_name.get(name)
        if label is None or label.export is not Export.ALLOW:
            return f"{name} is not for export"
    return None


Rule = Callable[[OutboundEvent, ExportPolicy, datetime], str | None]

#: each gives the reason to deny the whole event, or None; the first reason counts
RULES: tuple[Rule, ...] = (
    _other_customer,
    _suspended,
    _unapproved,
    _expired,
    _unlisted_product,
    _unknown_field,
    _grave_data,
    _envelope,
)


def _withheld(event: OutboundEvent, policy: ExportPolicy) -> Iterator[tuple[str, str]]:
    """(payload field, why it stays inside). A field inside a field takes the outer one with it: half of a window is none."""
    seen = set()
    for path, label in _labels_of(type(event.payload)):
        top = path.partition(".")[0]
        reason = "is denied by the policy" if path in policy.denied_fields else _label_forbids(label, event.payload, policy)
        if reason is not None and top not in seen:
            seen.add(top)
            yield top, reason


def _label_forbids(label: Label | None, payload: BaseModel, policy: ExportPolicy) -> str | None:
    if label is None:
        return "has no label"
    if label.pi is not PersonalInformation.NONE:
        return "is personal information"
    if label.export is Export.DENY:
        return "is not for export"
    if label.export is Export.MASK:
        return "may leave only masked"
    if label.export is Export.AGGREGATE:
        return _too_fine(payload, policy)
    return None


def _too_fine(payload: BaseModel, policy: ExportPolicy) -> str | None:
    """An aggregate over too few units or too short a time gives away the single unit."""
    n, window = getattr(payload, "n", None), getattr(payload, "window", None)
    if n is None or window is None:
        return "is an aggregate of an unknown number of units or window"
    if n < policy.smallest_n:
        return f"stands on {n} units, fewer than {policy.smallest_n}"
    seconds = (window.end - window.start).total_seconds()
    if seconds < policy.smallest_window_s:
        return f"stands on {seconds:g} s, less than {policy.smallest_window_s} s"
    return None
