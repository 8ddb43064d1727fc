"""The view of the export policies: the newest record of each customer, readable or not. Pure."""

from dataclasses import dataclass, field

from schemas.codec import decode
from schemas.events.export_policy import ExportPolicy
from schemas.events.export_stop import EVERYBODY, ExportStop
from schemas.registry import EXPORT_POLICY


@dataclass(slots=True)
class PolicyView:
    """Fed with the records of the topic in order. A record that can't be read denies its customer until a good one follows."""

    _policies: dict[str, ExportPolicy] = field(default_factory=dict)
    _unreadable: dict[str, str] = field(default_factory=dict)
    _stop: ExportStop | None = None

    def apply(self, key: bytes | None, value: bytes | None) -> str | None:
        """Take one record. Returns a sentence for the operators when it is unreadable."""
        customer = (key or b"").decode("utf-8", "replace")
        self._policies.pop(customer, None)
        self._unreadable.pop(customer, None)
        if value is None:  # a tombstone: the customer has no policy, or the switch is as it was made
            self._stop = None if customer == EVERYBODY else self._stop
            return None
        decoded = decode(EXPORT_POLICY, [value])
        if decoded.rejections:
            problem = decoded.rejections[0]
            return self._refuse(customer, f"{problem.field}: {problem.reason}" if problem.field else problem.reason)
        policy = decoded.events[0][1]
        if isinstance(policy, ExportStop):
            self._stop = policy
            return None
        assert isinstance(policy, ExportPolicy)
        if policy.customer != customer:
            return self._refuse(customer, f"it names the customer {policy.customer}")
        self._policies[customer] = policy
        return None

    def policy(self, customer: str) -> ExportPolicy | None:
        """The policy of that customer."""
        return self._policies.get(customer)

    @property
    def stop(self) -> ExportStop | None:
        """The switch for all when it is on."""
        return self._stop if self._stop is not None and self._stop.stopped else None

    @property
    def switch_version(self) -> int:
        """The version of the switch for all; 0 when it was never used."""
        return 0 if self._stop is None else self._stop.version

    @property
    def switch_unreadable(self) -> str | None:
        """Why the newest record of the switch for all can't be read: then nobody knows, so everything is stopped."""
        return self._unreadable.get(EVERYBODY)

    def unreadable(self, customer: str) -> str | None:
        """Why the newest policy of that customer can't be read; None when it can, or when there is none."""
        return self._unreadable.get(customer)

    def _refuse(self, customer: str, why: str) -> str:
        self._unreadable[customer] = why
        return f"the export policy with the key {customer!r} can't be read ({why}): nothing leaves to this customer"
