"""What the services say of themselves: their Prometheus metrics and health, asked for over loopback."""

import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from schemas.metric import ENDED, IN_FLIGHT, RECEIVED, EventClass

TIMEOUT_S = 3.0

# Settings for a proxy are for the world outside: loopback is asked directly.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(slots=True)
class StageCount:
    """The records of one (stage, topic), as the stage counted them."""

    received: int = 0
    in_flight: int = 0
    ended: dict[EventClass, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def balances(self) -> bool:
        """Whether received = sum of the classes + in flight."""
        return self.received == sum(self.ended.values()) + self.in_flight


Counts = dict[tuple[str, str], StageCount]


def fetch(url: str, timeout: float = TIMEOUT_S) -> str:
    """The body at ``url``. Raises OSError when nothing answers with 200."""
    with _direct.open(url, timeout=timeout) as answer:
        body: bytes = answer.read()
    return body.decode()


def responds(url: str) -> bool:
    """Whether ``url`` answers with 200."""
    try:
        fetch(url)
    except (OSError, ValueError):
        return False
    return True


def stage_counts(texts: Iterable[str]) -> Counts:
    """The counts in the metrics of several processes; those of the same (stage, topic) add up."""
    counts: Counts = defaultdict(StageCount)
    classes = {m.name: c for c, m in ENDED.items()}
    for name, labels, value in _samples(texts):
        if name not in (RECEIVED.name, IN_FLIGHT.name) and name not in classes:
            continue
        count = counts[labels["stage"], labels["topic"]]
        if name == RECEIVED.name:
            count.received += int(value)
        elif name == IN_FLIGHT.name:
            count.in_flight += int(value)
        else:
            count.ended[classes[name]] += int(value)
    return dict(counts)


def _samples(texts: Iterable[str]) -> Iterator[tuple[str, dict[str, str], float]]:
    for text in texts:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                yield sample.name, sample.labels, sample.value
