"""What the bridge remembers of events: the last decision in the audit log, and whether the ledger has it. Bounded."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Known:
    """``kind`` and ``policy_version`` are those of the last audit record, None when there is none in memory."""

    kind: str | None = None
    policy_version: int | None = None
    delivered: bool = False

    @property
    def in_doubt(self) -> bool:
        """It was let out once, and nobody has said since that it arrived."""
        return self.kind in ("allow", "redact") and not self.delivered


NOTHING = Known()


class Memory:
    """The newest ``size`` events by id. What falls out is found by the ledger's unique ids instead."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._known: OrderedDict[str, Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, event_id: str) -> Known:
        """What is known of that event."""
        return self._known.get(event_id, NOTHING)

    def audited(self, event_id: str, kind: str, policy_version: int | None) -> None:
        """The audit log has a decision about it."""
        self._keep(event_id, replace(self.of(event_id), kind=kind, policy_version=policy_version))

    def delivered(self, event_ids: Iterable[str]) -> None:
        """The ledger has these."""
        for event_id in event_ids:
            self._keep(event_id, replace(self.of(event_id), delivered=True))

    def _keep(self, event_id: str, known: Known) -> None:
        self._known[event_id] = known
        self._known.move_to_end(event_id)
        if len(self._known) > self._size:
            self._known.popitem(last=False)
