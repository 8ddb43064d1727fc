"""The view of the export policies: the newest record of each customer, readable or not. Pure."""

from dataclasses import dataclass, field

from schemas.codec import decode
from schemas.events.export_policy import ExportPolicy
from schemas.registry import EXPORT_POLICY


@dataclass(slots=True)
class PolicyView:
    """Fed with the records of the topic in order. A record that can't be read denies its customer until a good one follows."""

    _policies: dict[str, ExportPolicy] = field(default_factory=dict)
    _unreadable: dict[str, str] = field(default_factory=dict)

    def apply(self, key: bytes | None, value: bytes | None) -> str | None:
        """Take one record. Returns a sentence for the operators when it is unreadable."""
        customer = (key or b"").decode("utf-8", "replace")
        self._policies.pop(customer, None)
        self._unreadable.pop(customer, None)
        if value is None:
            return None  # a tombstone: the customer has no policy
        decoded = decode(EXPORT_POLICY, [value])
        if decoded.rejections:
            problem = decoded.rejections[0]
            return self._refuse(customer, f"{problem.field}: {problem.reason}" if problem.field else problem.reason)
        policy = decoded.events[0][1]
        assert isinstance(policy, ExportPolicy)
        if policy.customer != customer:
            return self._refuse(customer, f"it names the customer {policy.customer}")
        self._policies[customer] = policy
        return None

    def policy(self, customer: str) -> ExportPolicy | None:
        """The policy of that customer."""
        return self._policies.get(customer)

    def unreadable(self, customer: str) -> str | None:
        """Why the newest policy of that customer can't be read; None when it can, or when there is none."""
        return self._unreadable.get(customer)

    def _refuse(self, customer: str, why: str) -> str:
        self._unreadable[customer] = why
        return f"the export policy with the key {customer!r} can't be read ({why}): nothing leaves to this customer"
