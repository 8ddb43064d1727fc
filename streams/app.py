"""The Faust application of a worker: an agent for each (step, topic), the batch transport beneath, our recovery beside."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

import faust
from faust.types import StreamT

from schemas.registry import changelog_name
from schemas.topic import Topic
from streams.metrics import StreamMetrics
from streams.settings import StreamSettings
from streams.step import Step, StepRunner, Surroundings, asset_guards, guards
from streams.transport import preflight
from streams.transport.consumer import BatchTransport
from streams.transport.ending import end_process
from streams.transport.lanes import Lanes
from streams.transport.preflight import StartupError
from streams.transport.progress import Bounds, Progress
from streams.transport.recovery import Owned, Recovery, Takeover, claimed_within
from streams.transport.references import ReferenceView
from streams.transport.state_store import PartitionState

log = logging.getLogger(__name__)


class StreamsApp(faust.App):  # type: ignore[misc] # Faust is untyped
    """Runs ``steps``, a part of ``pipeline`` (the whole of it decides who guards a topic's dead letters)."""

    runner: type[StepRunner] = StepRunner

    def __init__(self, settings: StreamSettings, steps: Sequence[Step], pipeline: Sequence[Step] | None = None) -> None:
        self.steps = {step.name: step for step in steps}
        self.reads = {step.name: tuple(t.name for t in step.reads) for step in steps}
        self.client = settings.client_options()
        self.batch_limits = (settings.batch_records, settings.batch_bytes)
        self.progress = Progress(_readers(steps), Bounds(settings.outstanding_records, settings.outstanding_bytes))
        self.lanes = Lanes()
        self.drained, self.revoked = self.lanes.drain, self.lanes.close
        group = group_of(settings, steps, pipeline or steps)
        self.metrics = StreamMetrics(group)
        self.references = ReferenceView(self.client, _references(steps), partial(end_process, "reference data stopped"))
        self._guards = (guards(pipeline or steps), asset_guards(pipeline or steps))
        super().__init__(group, **_faust_options(settings))
        for step in steps:
            for topic in step.reads:
                self.metrics.ledger.declare(step.name, topic.name)
                self._add_agent(step, topic)

    def _add_agent(self, step: Step, topic: Topic) -> None:
        # acks off: Faust would acknowledge by its own rules, we commit what is finished
        channel = self.topic(topic.name, key_serializer="raw", value_serializer="raw", acks=False)

        async def take(stream: StreamT[Any]) -> None:
            async for batch in stream:
                self.lanes.put(step.name, batch)

        self.agent(channel, name=f"{step.name}.{topic.name}", concurrency=1)(take)

    def begin(self, generation: int, states: Mapping[Owned, Takeover]) -> None:
        """Start the lanes of a new assignment with what was restored."""
        del generation
        around = Surroundings(
            deliver=self.producer.deliver,
            reader=self.consumer,
            references=self.references,
            metrics=self.metrics,
            claimed=partial(claimed_within, self.client),
            guards=self._guards[0],
            asset_guards=self._guards[1],
        )
        runners = {}
        for (name, number), taken in states.items():
            step = self.steps[name]
            state = PartitionState(step.logic, taken.restored, taken.epoch)
            runners[name, number] = self.runner(step, number, state, around)
        self.lanes.begin(runners)
        self.metrics.set_assigned({step: sum(name == step for name, _ in runners) for step in self.steps})

    async def on_stop(self) -> None:
        await super().on_stop()
        self.lanes.close()
        await self.references.stop()

    def _create_directories(self) -> None:
        """Nothing is kept on disk."""

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_producer, self)


def group_of(settings: StreamSettings, steps: Sequence[Step], pipeline: Sequence[Step]) -> str:
    """The consumer group. Workers that run different steps must not share one: each would miss what the others read."""
    names = sorted(step.name for step in steps)
    if names == sorted(step.name for step in pipeline):
        return settings.group
    return ".".join([settings.group, *names])


def chosen(settings: StreamSettings, pipeline: Sequence[Step]) -> list[Step]:
    """The steps that the settings name, in the order of the pipeline. Raises StartupError for a name that is none."""
    if settings.steps.strip() == "all":
        return list(pipeline)
    wanted = {name.strip() for name in settings.steps.split(",") if name.strip()}
    known = {step.name for step in pipeline}
    if not wanted or wanted - known:
        wrong = ", ".join(sorted(wanted - known)) or "nothing"
        raise StartupError(f"FACTORYSTREAM_STEPS names {wrong}; the steps are {', '.join(s.name for s in pipeline)}.")
    return [step for step in pipeline if step.name in wanted]


async def work(settings: StreamSettings, steps: Sequence[Step], pipeline: Sequence[Step]) -> None:
    """Run a worker until SIGTERM or SIGINT; then finish the batches in hand, commit and return. Raises StartupError."""
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    changelogs = [changelog_name(step.name) for step in steps]
    check = preflight.check(settings.client_options(), required_topics(steps), changelogs, settings.broker_wait_s)
    if not await _unless(asked, check):
        return
    app = StreamsApp(settings, steps, pipeline)
    try:
        port = app.metrics.serve(settings.metrics_host, settings.metrics_port)
    except OSError as exc:
        raise StartupError(
            f"metrics can't be served on {settings.metrics_host}:{settings.metrics_port} ({exc.strerror}). "
            "Set FACTORYSTREAM_METRICS_PORT to a free port."
        ) from exc
    print(f"streams: {', '.join(app.steps)}; metrics on http://{settings.metrics_host}:{port}/metrics", flush=True)
    await _until(asked, app)


async def _unless(asked: asyncio.Event, wanted: Coroutine[Any, Any, None]) -> bool:
    """Await ``wanted``; False when the end was asked for before it was done."""
    task, end = asyncio.create_task(wanted), asyncio.create_task(asked.wait())
    await asyncio.wait([task, end], return_when=asyncio.FIRST_COMPLETED)
    end.cancel()
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
        return False
    await task
    return True


async def _until(asked: asyncio.Event, app: StreamsApp) -> None:
    app.in_worker = True
    starting = asyncio.create_task(app.start())
    starting.add_done_callback(_started)
    await app.wait_for_stopped(asked)
    if app.crashed:
        end_process("a service of the worker failed", app.crash_reason)
    await app.stop()
    starting.cancel()  # asked for in the middle of the start, which may wait for what has just been closed
    await asyncio.wait([starting])


def _started(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        end_process("the worker could not start", task.exception())


def required_topics(steps: Sequence[Step]) -> dict[str, int]:
    """Every topic the steps need and its number of partitions, 0 where any will do."""
    numbers = {t.partitions for s in steps for t in s.reads}
    if len(numbers) != 1:
        raise StartupError(f"the topics that steps read together have {sorted(numbers)} partitions; one number is needed.")
    count = numbers.pop()
    wanted: dict[str, int] = {}
    for step in steps:
        wanted.update({t.name: 0 for t in (*step.writes, *step.references)})
        wanted.update({t.dead_letter_name: 0 for t in step.reads if t.dead_letters})
    for step in steps:
        wanted.update({t.name: count for t in step.reads})
        wanted[changelog_name(step.name)] = count
    return wanted


def _readers(steps: Sequence[Step]) -> dict[str, list[str]]:
    readers: dict[str, list[str]] = {}
    for step in steps:
        for topic in step.reads:
            readers.setdefault(topic.name, []).append(step.name)
    return readers


def _references(steps: Sequence[Step]) -> list[Topic]:
    return list({t.name: t for step in steps for t in step.references}.values())


def _faust_options(settings: StreamSettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "broker": [f"aiokafka://{host.strip()}" for host in settings.bootstrap.split(",")],
        "processing_guarantee": "at_least_once",
        "store": "memory://",
        "TableManager": Recovery,
        "web_enabled": False,
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        "table_standby_replicas": 0,
        "stream_wait_empty": True,  # a rebalance and a stop wait for the batches in hand
        "broker_session_timeout": settings.session_timeout_s,
        "broker_heartbeat_interval": settings.heartbeat_s,
        "broker_commit_interval": settings.commit_interval_s,
        "broker_request_timeout": max(40.0, settings.session_timeout_s + 5),
        "producer_request_timeout": settings.send_timeout_s,
        "producer_compression_type": "lz4",
        "producer_linger": 0,  # batches are packed by us and sent whole
        "producer_max_batch_size": 512 * 1024,
        "consumer_max_fetch_size": 1 << 20,
        "worker_redirect_stdouts": False,
    }
    context = settings.ssl_context()
    if settings.security_protocol.startswith("SASL"):
        options["broker_credentials"] = faust.SASLCredentials(
            mechanism=settings.sasl_mechanism,
            username=settings.sasl_username,
            password=settings.sasl_password.get_secret_value(),
            ssl_context=context,
        )
    elif context is not None:
        options["broker_credentials"] = faust.SSLCredentials(context=context)
    return options
