"""The folder a broker keeps everything in: prepared, writable, and used by one broker at a time."""

import base64
import fcntl
import os
import shutil
import time
import uuid
from pathlib import Path
from typing import Self

from services.broker.configuration import LOG4J_FILE, LOG_DIR, PROPERTIES_FILE, log4j_text, properties_text, server_settings
from services.runtime.errors import UserError

MIN_FREE_BYTES = 128 * 1024 * 1024
LOCK_FILE = "broker.lock"
META_FILE = f"{LOG_DIR}/meta.properties"
LOCK_POLL_S = 0.1


class DataFolderLock:
    """Held by the broker's Python process and, through an inherited descriptor, by its Java process.

    The kernel frees it when both have ended, however they ended: a stale lock cannot exist, and a Java process that is still
    writing after its parent was killed still counts. The file's text, the Python process' id, only serves the sentence.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def acquire(cls, folder: Path, timeout: float) -> Self:
        """Take the lock, after up to ``timeout`` seconds for a Java process whose parent has died.

        Raises UserError when a live broker holds it.
        """
        descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        deadline = time.monotonic() + timeout
        try:
            while not _try_lock(descriptor):
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
                if _is_alive(holder) or time.monotonic() >= deadline:
                    raise UserError(
                        f"another broker (process {holder or 'unknown'}) uses the data folder {folder}; "
                        "stop it or choose another folder"
                    )
                time.sleep(LOCK_POLL_S)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Let go of this process' hold."""
        os.close(self.descriptor)


class DataFolder:
    """Paths and files of one broker's data folder."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()

    def prepare(self) -> None:
        """Create the folder. Raises UserError when it cannot be written or its disk is full."""
        try:
            (self.path / "logs").mkdir(parents=True, exist_ok=True)
            probe = self.path / f".probe-{os.getpid()}"
            probe.write_bytes(b"\0" * 4096)
            probe.unlink()
            free = shutil.disk_usage(self.path).free
        except OSError as exc:
            raise UserError(
                f"cannot write the data folder {self.path}: {exc.strerror}; give this user the right to, or choose another"
            ) from exc
        if free < MIN_FREE_BYTES:
            raise UserError(
                f"the disk of the data folder {self.path} is full ({free // 2**20} MiB free, {MIN_FREE_BYTES // 2**20} needed); "
                "make room or choose another folder"
            )

    def write_configuration(self, port: int, controller_port: int) -> None:
        """Write the files that Kafka reads at start."""
        (self.path / PROPERTIES_FILE).write_text(properties_text(server_settings(port, controller_port)), encoding="ascii")
        (self.path / LOG4J_FILE).write_text(log4j_text(), encoding="ascii")

    def cluster_id(self) -> str | None:
        """The id that the storage was formatted with; None before that (Kafka writes this file last)."""
        meta = self.path / META_FILE
        if not meta.is_file():
            return None
        for line in meta.read_text(encoding="latin-1").splitlines():
            if line.startswith("cluster.id="):
                return line.removeprefix("cluster.id=").strip()
        raise UserError(f"{meta} names no cluster.id: it is damaged; restore it from a backup or move the data folder away")


def new_cluster_id() -> str:
    """A random id in Kafka's form: a UUID in URL-safe base64, not beginning with a dash, which would look like an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")
        if not text.startswith("-"):
            return text


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(process: str) -> bool:
    if not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
