"""The export policies as the topic says them."""

import logging

from services.bridge.follower import Follower
from services.bridge.policies import PolicyView

log = logging.getLogger(__name__)


class PolicyTopic:
    """Follows ``factory.export-policy.v1`` into ``view``."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self.view = PolicyView()

    def catch_up(self) -> None:
        """Read what has been added; the first time, everything."""
        for record in self._follower.news():
            problem = self.view.apply(record.key, record.value)
            if problem is not None:
                log.error("%s/%s: %s", record.partition, record.offset, problem)
