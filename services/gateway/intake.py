"""Takes items of any number of sources through the door into the spool, in batches, each with the position of its source."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping

from schemas.envelope import Event
from schemas.events.sensor_frame import SensorFrame
from services.gateway.door import admit
from services.gateway.draft import Draft
from services.gateway.feed import Item, Reject
from services.gateway.metrics import GatewayMetrics
from services.gateway.rejects import Rejects
from services.gateway.spool import Spool
from services.runtime.errors import UserError

BATCH = 1_000
LONGEST_S = 0.25
AHEAD_US = 3_600_000_000  # clocks of sources differ, but not by more than this


class Intake:
    """Shared by all sources. ``events`` counts accepted events by topic name."""

    def __init__(self, spool: Spool, rejects: Rejects, metrics: GatewayMetrics, say: Callable[[str], None]) -> None:
        self.events: Counter[str] = Counter()
        self.rejected = 0
        self.failure: Callable[[], UserError | None] = lambda: None
        self.stopping: Callable[[], bool] = lambda: False
        self._spool = spool
        self._rejects = rejects
        self._metrics = metrics
        self._say = say
        self._lock = threading.Lock()

    def put(self, items: list[Item], positions: Mapping[str, str]) -> bool:
        """Take items in and store the positions of their jobs with them; slows down when the spool is full.

        False when the run is stopping and the items were not taken. Raises UserError for a full disk or a lost forwarder.
        """
        if not self._room():
            return False
        drafts = [i for i in items if isinstance(i, Draft)]
        admitted, refused = admit(drafts, time.time_ns() // 1_000 + AHEAD_US)
        rejects = [i for i in items if isinstance(i, Reject)] + refused
        with self._lock:
            self._rejects.write(rejects)
            records = self._spool.accept(admitted, positions)
            self.events.update(r.topic for r in records)
            self.rejected += len(refused)
        for topic, count in Counter(r.topic for r in records).items():
            self._metrics.stage.received(topic, count)
        self._metrics.readings.inc(sum(_readings(event) for _, event in admitted))
        for reject in rejects:
            self._metrics.rejected(reject.topic)
        self._metrics.watch(self._spool)
        return True

    def position(self, job: str) -> str | None:
        """Where the job is."""
        return self._spool.position(job)

    def _room(self) -> bool:
        error = self.failure()
        if error is not None:
            raise error
        if not self._spool.full:
            return True
        self._say(f"the spool is full ({self._spool.bytes / 1e6:.0f} MB): the sources wait until the broker takes records")
        return self._spool.wait_for_room(lambda: self.stopping() or self.failure() is not None)


def _readings(event: Event) -> int:
    if not isinstance(event, SensorFrame):
        return 0
    return sum(len(column) - column.count(None) for column in event.columns.values())


class Batch:
    """Collects the items of one source and puts them when there are enough or it is time."""

    def __init__(self, intake: Intake, job: str) -> None:
        self._intake = intake
        self._job = job
        self._items: list[Item] = []
        self._since = time.monotonic()

    def add(self, item: Item) -> bool:
        """Collect one; True when the batch wants to be put."""
        self._items.append(item)
        return len(self._items) >= BATCH or time.monotonic() - self._since > LONGEST_S

    def put(self, position: str, also: Mapping[str, str] | None = None) -> bool:
        """Put what was collected; False when the run is stopping and it was not taken."""
        self._since = time.monotonic()
        if (self._items or also) and not self._intake.put(self._items, {self._job: position, **(also or {})}):
            return False
        self._items = []
        return True
