#!/opt/factorystream/bin/python
"""Puts the export policy of one customer on its topic. Nothing leaves to a customer without one.

Usage: ``export-policy < POLICY.json``, one object of the contract factory.export-policy.v1. The version must be above that of
the policy that holds, so that an old file never undoes a suspension; the same policy again changes nothing.
Prints one sentence, and exits with 1 when the policy can't be taken.
"""

import sys

from kafka.errors import KafkaError

from schemas.instant import rfc3339
from services.bridge.policy_desk import put, read_policy
from services.runtime.errors import run
from services.runtime.kafka import no_broker
from services.runtime.settings import ServiceSettings


def main() -> int:
    """Exit code: 0 it holds, 2 wrong usage. Raises UserError for what a person can set right."""
    if len(sys.argv) > 1:
        print(__doc__, file=sys.stderr)
        return 2
    policy = read_policy(sys.stdin.buffer.read())
    bootstrap = ServiceSettings().bootstrap
    try:
        if not put(bootstrap, policy):
            print(f"version {policy.version} for {policy.customer} holds already")
            return 0
    except KafkaError as exc:
        raise no_broker(bootstrap, exc) from exc
    until = "suspended" if policy.suspended else f"good until {rfc3339(policy.valid_until)}"
    print(f"version {policy.version} for {policy.customer} holds now: {', '.join(policy.products) or 'no product'}, {until}")
    return 0


if __name__ == "__main__":
    run(main)
