"""Reads and writes export policies for people: the policy that holds, and a new version of it."""

from datetime import datetime

from schemas.codec import decode, encode
from schemas.envelope import Event
from schemas.events.export_policy import ExportPolicy
from schemas.events.export_stop import ExportStop
from schemas.registry import EXPORT_POLICY
from services.bridge.follower import Follower
from services.bridge.policies import PolicyView
from services.bridge.policy_topic import PolicyTopic
from services.runtime.errors import UserError
from services.runtime.kafka import SEND_TIMEOUT_S, producer, send

CLIENT_ID = "factorystream-export-policy"


def read_policy(text: bytes) -> ExportPolicy:
    """The policy of a JSON document. Raises UserError that names the field at fault."""
    found = decode(EXPORT_POLICY, [text])
    if found.rejections:
        problem = found.rejections[0]
        raise UserError(f"this is no export policy: {problem.field + ': ' if problem.field else ''}{problem.reason}")
    policy = found.events[0][1] if found.events else None
    if not isinstance(policy, ExportPolicy):
        raise UserError(f"this is no export policy: its type has to be {ExportPolicy.TYPE}")
    return policy


def policies(bootstrap: str) -> PolicyView:
    """What the bridge goes by now. Raises UserError when there is no topic, KafkaError when there is no broker."""
    follower = Follower(bootstrap, CLIENT_ID, EXPORT_POLICY)
    try:
        topic = PolicyTopic(follower)
        topic.catch_up()
        return topic.view
    finally:
        follower.close()


def put(bootstrap: str, policy: ExportPolicy) -> bool:
    """Send a policy and wait until the broker has it; False when the same one holds already.

    Raises UserError for a version that is not above the one that holds, so that an old file never undoes a suspension.
    """
    before = policies(bootstrap).policy(policy.customer)
    if before == policy:
        return False
    if before is not None and policy.version <= before.version:
        raise UserError(
            f"version {before.version} for {policy.customer} holds, and this is another version {policy.version}: "
            f"send it as version {before.version + 1}"
        )
    _send(bootstrap, policy)
    return True


def switch(bootstrap: str, stopped: bool, approver: str, reason: str, now: datetime) -> bool:
    """Stop everything, or end that; False when it is so already. A stop that holds already keeps its reason."""
    view = policies(bootstrap)
    if view.switch_unreadable is None and (view.stop is not None) == stopped:
        return False
    version = view.switch_version + 1
    _send(bootstrap, ExportStop(event_time=now, version=version, stopped=stopped, approver=approver, reason=reason))
    return True


def _send(bootstrap: str, record: Event) -> None:
    with producer(bootstrap, CLIENT_ID) as client:
        send(client, encode(record)).get(SEND_TIMEOUT_S)
