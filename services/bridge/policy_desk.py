"""Reads and writes export policies for people: the policy that holds, and a new version of it."""

from typing import cast

from schemas.codec import decode, encode
from schemas.events.export_policy import ExportPolicy
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
    return cast(ExportPolicy, found.events[0][1])


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
    with producer(bootstrap, CLIENT_ID) as client:
        send(client, encode(policy)).get(SEND_TIMEOUT_S)
    return True
