"""The whole line from gateway to customer: a running one, or one that is started for a command and stopped after it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.broker.ports import free_ports
from services.runtime.errors import UserError
from services.stack import programs
from services.stack.child import Say
from services.stack.drained import Look, Offsets, wait_until_drained
from services.stack.folder import DataFolder
from services.stack.job import Job
from services.stack.overview import groups_of, metrics_texts
from services.stack.programs import HOST, Ports
from services.stack.record import StackRecord, running_stack
from services.stack.session import fetch_broker
from services.stack.supervisor import Supervisor
from services.topics import cluster as topics


class Pipeline:
    """A line from gateway to customer. One that this process starts is used at once, while the last of it still come up."""

    def __init__(self, folder: DataFolder, record: Callable[[], StackRecord | None], say: Say) -> None:
        self.folder = folder
        self._record = record
        self._say = say

    @property
    def record(self) -> StackRecord:
        """What is running now. Raises UserError when the stack has ended."""
        record = self._record()
        if record is None:
            raise UserError(f"the stack in {self.folder.root} has ended; its logs are in {self.folder.logs}")
        return record

    def check(self) -> None:
        """Raises UserError when the line can't go on."""
        _ = self.record

    def await_ready(self) -> None:
        """Return when every service works. Raises UserError for the first that does not."""

    def gateway(self, name: str, *arguments: str) -> Job:
        """Run the gateway once beside the line. ``name`` is that of its spool and its log."""
        program = programs.gateway(self.folder, name, self.record.bootstrap, free_ports(1)[0], arguments)
        return Job(program, self.folder.log(name), self.folder.gateway / f"{name}.json", self._say)

    def wait_until_processed(self, seen: Callable[[Look], None]) -> None:
        """Return when every record on the topics has been processed to its end. Raises UserError when it never will be."""
        self.await_ready()
        offsets = Offsets(self.record.bootstrap)
        try:
            wait_until_drained(offsets, groups_of(metrics_texts(self.record)), self.check, seen)
        finally:
            offsets.close()


class OwnPipeline(Pipeline):
    """A line that this process has started."""

    def __init__(self, folder: DataFolder, supervisor: Supervisor, say: Say) -> None:
        super().__init__(folder, lambda: supervisor.record, say)
        self._supervisor = supervisor

    def check(self) -> None:
        """Raises UserError when a service has failed so often that it is no longer started again."""
        self._supervisor.check()

    def await_ready(self) -> None:
        """Return when every service works. Raises UserError for the first that does not."""
        self._supervisor.await_ready()


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a line is started. ``meanwhile`` is called while Kafka starts, to use the time."""

    customers: Sequence[str] = ()
    kafka_port: int | None = None
    api_port: int | None = None
    meanwhile: Callable[[], None] = lambda: None


@contextmanager
def pipeline_at(data_dir: Path, say: Say, wishes: Wishes = Wishes()) -> Iterator[Pipeline]:
    """The line of that folder: the running one as it is, else one that is started here and stopped in the end."""
    folder = DataFolder(data_dir)
    if running_stack(folder.record) is not None:
        yield Pipeline(folder, lambda: running_stack(folder.record), say)
    else:
        with started(folder, say, wishes) as line:
            yield line


@contextmanager
def started(folder: DataFolder, say: Say, wishes: Wishes) -> Iterator[Pipeline]:
    """Start everything, in the order in which each needs the others, as much at once as that allows."""
    ports = Ports.chosen(wishes.kafka_port, wishes.api_port)
    fetch_broker()
    bootstrap = f"{HOST}:{ports.broker}"
    with Supervisor(folder, bootstrap, f"http://{HOST}:{ports.api}", say) as supervisor:
        supervisor.launch(programs.broker(folder, ports))
        from services.stack import clients  # takes a second to import, and Kafka takes longer to start

        secret = clients.register(folder, wishes.customers)
        supervisor.launch(programs.api(folder, ports))
        wishes.meanwhile()
        supervisor.await_ready("broker")
        topics.create(bootstrap)
        supervisor.launch(programs.streams(ports, bootstrap))
        supervisor.launch(programs.bridge(ports, bootstrap, secret))
        yield OwnPipeline(folder, supervisor, say)
