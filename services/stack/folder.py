"""The folder that one stack keeps everything in: records, logs, secrets, and who is running."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.runtime.errors import UserError

DEFAULT = Path(".data")


class DataFolder:
    """Paths below one folder. Nothing is created before :meth:`prepare`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.broker = self.root / "broker"
        self.gateway = self.root / "gateway"
        self.streams = self.root / "streams"
        self.api = self.root / "api"
        self.logs = self.root / "logs"
        self.secrets = self.root / "secrets"
        self.record = self.root / "stack.json"
        self.lock = self.root / "stack.lock"

    def log(self, name: str) -> Path:
        """The log of the process of that name."""
        return self.logs / f"{name}.log"

    @property
    def has_records(self) -> bool:
        """Whether a broker has kept anything here."""
        return (self.broker / "kafka").is_dir()

    @property
    def has_ledger(self) -> bool:
        """Whether an API has kept anything here."""
        return any(self.api.glob("*.sqlite"))

    def prepare(self) -> None:
        """Create what is missing; only this user may enter. Raises UserError when it cannot be written."""
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            for folder in (self.broker, self.gateway, self.streams, self.api, self.logs, self.secrets):
                folder.mkdir(exist_ok=True, mode=0o700)
        except OSError as exc:
            raise UserError(f"the data folder {self.root} can't be used: {exc.strerror}; choose another with --data-dir") from exc

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for one supervisor; the kernel frees it with the process. Raises UserError when another has it."""
        with self.lock.open("a+", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                file.seek(0)
                raise UserError(
                    f"the data folder {self.root} is in use by process {file.read().strip() or 'unknown'}; "
                    "stop it, or choose another with --data-dir"
                ) from exc
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield
