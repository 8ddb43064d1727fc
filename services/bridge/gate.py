"""Decides about the records in hand and has the decisions audited before anything can follow from them."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from schemas.chain import Head
from schemas.events.audit_record import AuditRecord
from services.bridge.audit_record import AuditChains, audit_record
from services.bridge.decision import Decision, decide, deny
from services.bridge.memory import Memory
from services.bridge.pending import Pending
from services.bridge.policies import PolicyView

NO_DESTINATION = "nowhere"


class Policies(Protocol):
    """The followed policies."""

    view: PolicyView

    def catch_up(self) -> None:
        """Read what has been added."""


class Audit(Protocol):
    """The followed audit log."""

    chains: AuditChains

    def catch_up(self) -> None:
        """Read what has been added."""

    def append(self, records: Sequence[AuditRecord]) -> None:
        """Write records, acknowledged."""


class Gate:
    """``now`` is the clock, ``api_url`` where allowed events go."""

    def __init__(self, policies: Policies, audit: Audit, memory: Memory, api_url: str, now: Callable[[], datetime]) -> None:
        self._policies = policies
        self._audit = audit
        self._memory = memory
        self._api_url = api_url
        self._now = now

    def catch_up(self) -> None:
        """Read both topics to their ends. A policy that was acknowledged before this call holds after it."""
        self._policies.catch_up()
        self._audit.catch_up()

    def judge(self, pendings: Iterable[Pending]) -> bool:
        """Decide about each and audit what the log does not say already.

        True when every decision is in its customer's chain. False when another bridge wrote at the same moment: then catch
        up and judge again, and let nothing leave in between.
        """
        now = self._now()
        heads: dict[str, Head] = {}
        records: list[AuditRecord] = []
        for pending in pendings:
            self._decide(pending, now)
            assert pending.decision is not None
            known = self._memory.of(pending.event.id)
            if (known.kind, known.policy_version) == (pending.decision.kind, pending.policy_version):
                continue
            customer = pending.event.customer
            head = heads.get(customer) or self._audit.chains.head(customer)
            record = audit_record(pending, pending.decision, self._destination(pending), now, head)
            heads[customer] = Head(record.sequence, record.hash)
            records.append(record)
        if not records:
            return True
        self._audit.append(records)
        self._audit.catch_up()
        return all(self._audit.chains.head(customer) == head for customer, head in heads.items())

    def _decide(self, pending: Pending, now: datetime) -> None:
        customer = pending.event.customer
        policy = self._policies.view.policy(customer)
        pending.policy_version = policy.version if policy is not None else None
        pending.decision = self._decision(pending, now)

    def _decision(self, pending: Pending, now: datetime) -> Decision:
        if pending.refused is not None:
            return deny(f"the API refused it: {pending.refused}")
        if (stop := self._stopped()) is not None:
            return deny(stop)
        unreadable = self._policies.view.unreadable(pending.event.customer)
        if unreadable is not None:
            return deny(f"the export policy can't be read: {unreadable}")
        return decide(pending.event, self._policies.view.policy(pending.event.customer), now)

    def _stopped(self) -> str | None:
        view = self._policies.view
        if view.switch_unreadable is not None:
            return f"the switch for all customers can't be read: {view.switch_unreadable}"
        return None if view.stop is None else f"everything is stopped: {view.stop.reason}"

    def _destination(self, pending: Pending) -> str:
        policy = self._policies.view.policy(pending.event.customer)
        return NO_DESTINATION if policy is None else f"{policy.destination} {self._api_url}"
