"""The whole line from gateway to customer: a running one, or one that is started for a command and stopped after it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from services.broker.ports import free_ports
from services.runtime.errors import UserError
from services.stack import clients, programs
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
    """A line that works. ``supervisor`` is None for one that another process has started."""

    def __init__(self, folder: DataFolder, record: Callable[[], StackRecord | None], check: Callable[[], None], say: Say) -> None:
        self.folder = folder
        self.check = check
        self._record = record
        self._say = say

    @property
    def record(self) -> StackRecord:
        """What is running now. Raises UserError when the stack has ended."""
        record = self._record()
        if record is None:
            raise UserError(f"the stack in {self.folder.root} has ended; its logs are in {self.folder.logs}")
        return record

    def gateway(self, name: str, *arguments: str) -> Job:
        """Run the gateway once beside the line. ``name`` is that of its spool and its log."""
        program = programs.gateway(self.folder, name, self.record.bootstrap, free_ports(1)[0], arguments)
        return Job(program, self.folder.log(name), self.folder.gateway / f"{name}.json", self._say)

    def wait_until_processed(self, seen: Callable[[Look], None]) -> None:
        """Return when every record on the topics has been processed to its end. Raises UserError when it never will be."""
        offsets = Offsets(self.record.bootstrap)
        try:
            wait_until_drained(offsets, groups_of(metrics_texts(self.record)), self.check, seen)
        finally:
            offsets.close()


@contextmanager
def pipeline_at(
    data_dir: Path, say: Say, customers: Sequence[str] = (), kafka_port: int | None = None, api_port: int | None = None
) -> Iterator[Pipeline]:
    """The line of that folder: the running one as it is, else one that is started here and stopped in the end."""
    folder = DataFolder(data_dir)
    with ExitStack() as hold:
        if running_stack(folder.record) is None:
            yield hold.enter_context(started(folder, say, customers, kafka_port, api_port))
        else:
            line = Pipeline(folder, lambda: running_stack(folder.record), lambda: None, say)
            line.check = lambda: _touch(line)
            yield line


@contextmanager
def started(
    folder: DataFolder, say: Say, customers: Sequence[str], kafka_port: int | None, api_port: int | None
) -> Iterator[Pipeline]:
    """Start everything, in the order in which each needs the others, as much at once as that allows."""
    ports = Ports.chosen(kafka_port, api_port)
    fetch_broker()
    bootstrap = f"{HOST}:{ports.broker}"
    with Supervisor(folder, bootstrap, f"http://{HOST}:{ports.api}", say) as supervisor:
        supervisor.launch(programs.broker(folder, ports))
        secret = clients.register(folder, customers)
        supervisor.launch(programs.api(folder, ports))
        supervisor.await_ready()
        topics.create(bootstrap)
        supervisor.launch(programs.bridge(folder, ports, bootstrap, secret))
        supervisor.launch(programs.streams(ports, bootstrap))
        supervisor.await_ready()
        yield Pipeline(folder, lambda: supervisor.record, supervisor.check, say)


def _touch(line: Pipeline) -> None:
    """Asking for the record raises when the stack has ended."""
    _ = line.record
