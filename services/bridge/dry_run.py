"""What a policy would do to outbound events: decided as the bridge decides, and nothing sent. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from schemas.events.export_policy import ExportPolicy
from schemas.events.outbound_event import OutboundEvent
from services.bridge.decision import decide


@dataclass(slots=True)
class Trial:
    """Counts per product: ``leaves`` whole or cut, ``cut`` by (product, field, why), ``denied`` by (product, why)."""

    events: int = 0
    leaves: Counter[str] = field(default_factory=Counter)
    cut: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    denied: Counter[tuple[str, str]] = field(default_factory=Counter)


def dry_run(events: Iterable[OutboundEvent], policy: ExportPolicy | None, now: datetime) -> Trial:
    """Decide about each event under ``policy`` at the instant ``now``. A repeat of an event counts once."""
    trial, seen = Trial(), set()
    for event in events:
        if event.id in seen:
            continue
        seen.add(event.id)
        product, decision = event.payload.product, decide(event, policy, now)
        trial.events += 1
        if decision.kind == "deny":
            trial.denied[product, decision.reason] += 1
            continue
        trial.leaves[product] += 1
        for name in decision.cut:
            reason = next((part for part in decision.reason.split("; ") if part.startswith(f"{name} ")), decision.reason)
            trial.cut[product, name, reason.removeprefix(f"{name} ")] += 1
    return trial
