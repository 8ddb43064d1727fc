"""Runs sources into the spool and the spool into Kafka, until the recordings end or somebody asks for the end."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from prometheus_client import CollectorRegistry

from services.gateway.draft import text_of
from services.gateway.feed import Feed
from services.gateway.forwarder import Forwarder
from services.gateway.intake import Batch, Intake
from services.gateway.metrics import GatewayMetrics
from services.gateway.progress import Progress
from services.gateway.rejects import Rejects
from services.gateway.replay import Pace, Replay
from services.gateway.spool import Spool
from services.gateway.tally import Tally
from services.runtime.drain import Drain
from services.runtime.errors import UserError
from services.runtime.metrics import serve_metrics

DONE = "done:"
WORTH_A_COMMIT_S = 0.02  # a wait of so long is worth putting what was collected before it
LAYOUT = 1  # grows when the same input would give other items than before


class Live(Protocol):
    """A source without an end of its own. ``run`` returns when ``stop`` is set."""

    name: str
    tally: Tally

    def run(self, intake: Intake, stop: threading.Event, say: Callable[[str], None]) -> None: ...


@dataclass(slots=True)
class Options:
    """How a run behaves."""

    bootstrap: str
    data_dir: Path
    spool_limit_mb: int = 1024
    broker_timeout_s: float = 60.0
    drain_timeout_s: float = 10.0
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    speed: float = 0.0
    max_wait: float | None = None


@dataclass(slots=True)
class Worker:
    """One source in a thread of its own."""

    thread: threading.Thread
    error: list[BaseException] = field(default_factory=list)


class Gateway:
    """One run. ``run`` returns the summary. ``begin`` may refuse feeds (UserError) before the first of their items is taken in."""

    def __init__(
        self,
        options: Options,
        feeds: list[Feed],
        lives: list[Live],
        progress: Progress,
        begin: Callable[[list[Feed]], None] | None = None,
    ) -> None:
        self._options = options
        self._begin = begin
        self._feeds = feeds
        self._lives = lives
        self._progress = progress
        self._stop = threading.Event()
        self._replay: Replay | None = None

    def run(self) -> dict[str, Any]:
        """Take in everything and forward it. Raises UserError; what was taken in stays in the spool."""
        options = self._options
        metrics = GatewayMetrics(CollectorRegistry())
        port = serve_metrics(options.metrics_host, options.metrics_port, metrics.registry)
        self._progress.say(f"metrics on http://{options.metrics_host}:{port}/metrics")
        spool = Spool(options.data_dir, options.spool_limit_mb * 1_000_000)
        metrics.resume(spool)
        forwarder = Forwarder(spool, options.bootstrap, options.broker_timeout_s, metrics, self._progress.say)
        intake = Intake(spool, Rejects(options.data_dir / "rejects.ndjson"), metrics, self._progress.say)
        intake.failure = lambda: forwarder.error
        intake.stopping = self._stop.is_set
        try:
            with Drain() as drain:
                forwarder.start()
                self._supervise(drain, self._start(intake), spool, forwarder, intake)
                forwarder.stop()
            return self._summary(spool, forwarder, intake)
        finally:
            forwarder.stop(0.0)
            spool.close()

    def _start(self, intake: Intake) -> list[Worker]:
        jobs: list[Callable[[], None]] = [self._live_job(live, intake) for live in self._lives]
        if self._feeds:
            jobs.append(lambda: self._run_replay(intake))
        return [_started(job) for job in jobs]

    def _live_job(self, live: Live, intake: Intake) -> Callable[[], None]:
        return lambda: live.run(intake, self._stop, self._progress.say)

    def _supervise(self, drain: Drain, workers: list[Worker], spool: Spool, forwarder: Forwarder, intake: Intake) -> None:
        """Until every source has ended and the spool is empty, or the end is asked for and the time to drain is over."""
        try:
            while any(w.thread.is_alive() for w in workers) and not drain.requested:
                _raise_first(workers, forwarder)
                drain.wait(0.1)
                self._progress.show(self._clock_us(), intake, spool)
        finally:
            self._stop.set()
            for worker in workers:
                worker.thread.join()
        _raise_first(workers, forwarder)
        waited = 0.0
        while not spool.wait_until_empty(0.1):
            _raise_first(workers, forwarder)
            self._progress.show(self._clock_us(), intake, spool)
            waited += 0.1
            if drain.requested and waited >= self._options.drain_timeout_s:
                self._progress.say(f"{spool.records} records stay in {spool.folder} for the next run")
                return

    def _run_replay(self, intake: Intake) -> None:
        feeds = self._not_done(intake)
        if not feeds:
            return
        job = _job(feeds)
        taken = int(intake.position(job) or 0)
        if taken:
            self._progress.say(f"going on after {taken} items that an earlier run took in")
        elif self._begin is not None:
            self._begin(feeds)
        batch = Batch(intake, job)

        def sleep(seconds: float) -> bool:
            if seconds > WORTH_A_COMMIT_S:
                batch.put(str(taken))
            return self._stop.wait(seconds) if seconds > 0 else self._stop.is_set()

        self._replay = Replay(feeds, Pace(self._options.speed, self._options.max_wait, sleep))
        for item in self._replay.items(taken):
            wanted = batch.add(item)
            taken += 1
            if wanted and not batch.put(str(taken)):
                return
        done = {} if self._replay.stopped else {f"{DONE}{part}": "yes" for feed in feeds for part in feed.parts()}
        batch.put(str(taken), done)

    def _not_done(self, intake: Intake) -> list[Feed]:
        """The feeds without the files that an earlier run has taken in to their end."""
        for feed in self._feeds:
            done = {part for part in feed.parts() if intake.position(f"{DONE}{part}")}
            if done:
                names = ", ".join(sorted(part.split("/")[-1].split(":")[0] for part in done))
                self._progress.say(f"taken in already, and left out: {names}; another --data-dir would send it again")
                feed.leave_out(done)
        return [feed for feed in self._feeds if feed.parts()]

    def _clock_us(self) -> int | None:
        return self._replay.clock_us if self._replay else None

    def _summary(self, spool: Spool, forwarder: Forwarder, intake: Intake) -> dict[str, Any]:
        total = Tally()
        for tally in [*(f.tally for f in self._feeds), *(live.tally for live in self._lives)]:
            total.add(tally)
        return {
            "events": dict(sorted(intake.events.items())),
            "readings": total.readings,
            "lines": total.read,
            "snapshot": total.lines["snapshot"],
            "repeated": total.lines["repeated"],
            "unavailable": total.lines["unavailable"],
            "out_of_order": total.steps_back,
            "late_lines": total.late,
            "restored": total.restored,
            "malformed": total.lines["malformed"],
            "truncated": total.lines["truncated"],
            "blank": total.lines["blank"],
            "rejected": intake.rejected,
            "traps": {name: n for name, n in sorted(total.traps.items()) if n},
            "undeclared_items": sorted(total.undeclared),
            "agent_restarts": total.agent_restarts,
            "agent_overruns": total.overruns,
            "first_event_time": None if total.first_us is None else text_of(total.first_us),
            "last_event_time": None if total.last_us is None else text_of(total.last_us),
            "forwarded": forwarder.sent,
            "waiting": spool.records,
        }


def _job(feeds: list[Feed]) -> str:
    """What is replayed, as a key for its position."""
    text = "\n".join([str(LAYOUT), *sorted(feed.fingerprint() for feed in feeds)])
    return "replay:" + hashlib.sha256(text.encode()).hexdigest()[:32]


def _started(job: Callable[[], None]) -> Worker:
    worker = Worker(threading.Thread(target=lambda: _guarded(job, worker), daemon=True))
    worker.thread.start()
    return worker


def _guarded(job: Callable[[], None], worker: Worker) -> None:
    """Keep what a thread raised, for the main thread to raise."""
    try:
        job()
    except BaseException as exc:  # noqa: BLE001 - raised again by _raise_first
        worker.error.append(exc)


def _raise_first(workers: list[Worker], forwarder: Forwarder) -> None:
    for worker in workers:
        if worker.error:
            raise worker.error[0]
    if forwarder.error is not None:
        raise forwarder.error
    if not forwarder.is_alive():
        raise UserError("the forwarding thread ended unexpectedly; the records stay in the spool")
