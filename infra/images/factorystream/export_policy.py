#!/opt/factorystream/bin/python
"""Puts the export policy of one customer on its topic. Nothing leaves to a customer without one.

Usage: ``export-policy < POLICY.json``, one object of the contract factory.export-policy.v1. The version must be above that of
the policy that holds, so that an old file never undoes a suspension; the same policy again changes nothing.
Prints one sentence, and exits with 1 when the policy can't be taken.
"""

import sys
from typing import cast

from kafka.errors import KafkaError

from schemas.codec import decode, encode
from schemas.events.export_policy import ExportPolicy
from schemas.instant import rfc3339
from schemas.registry import EXPORT_POLICY
from services.bridge.follower import Follower
from services.bridge.policy_topic import PolicyTopic
from services.runtime.errors import UserError, run
from services.runtime.kafka import SEND_TIMEOUT_S, no_broker, producer, send
from services.runtime.settings import ServiceSettings

CLIENT_ID = "factorystream-export-policy"


def read(text: bytes) -> ExportPolicy:
    """The policy of a JSON document. Raises UserError that names the field at fault."""
    found = decode(EXPORT_POLICY, [text])
    if found.rejections:
        problem = found.rejections[0]
        raise UserError(f"this is no export policy: {problem.field + ': ' if problem.field else ''}{problem.reason}")
    return cast(ExportPolicy, found.events[0][1])


def holds(bootstrap: str, customer: str) -> ExportPolicy | None:
    """The policy that the bridge goes by now. Raises UserError when there is no broker or no topic."""
    follower = Follower(bootstrap, CLIENT_ID, EXPORT_POLICY)
    try:
        topic = PolicyTopic(follower)
        topic.catch_up()
        return topic.view.policy(customer)
    finally:
        follower.close()


def put(bootstrap: str, policy: ExportPolicy) -> None:
    """Send it and wait until the broker has it."""
    with producer(bootstrap, CLIENT_ID) as client:
        send(client, encode(policy)).get(SEND_TIMEOUT_S)


def main() -> int:
    """Exit code: 0 it holds, 2 wrong usage. Raises UserError for what a person can set right."""
    if len(sys.argv) > 1:
        print(__doc__, file=sys.stderr)
        return 2
    policy = read(sys.stdin.buffer.read())
    bootstrap = ServiceSettings().bootstrap
    try:
        before = holds(bootstrap, policy.customer)
        if before == policy:
            print(f"version {policy.version} for {policy.customer} holds already")
            return 0
        if before is not None and policy.version <= before.version:
            raise UserError(
                f"version {before.version} for {policy.customer} holds, and this is another version {policy.version}: "
                f"send it as version {before.version + 1}"
            )
        put(bootstrap, policy)
    except KafkaError as exc:
        raise no_broker(bootstrap, exc) from exc
    until = "suspended" if policy.suspended else f"good until {rfc3339(policy.valid_until)}"
    print(f"version {policy.version} for {policy.customer} holds now: {', '.join(policy.products) or 'no product'}, {until}")
    return 0


if __name__ == "__main__":
    run(main)
