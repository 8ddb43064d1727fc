"""The jars of Kafka: which ones (the list in this package), where they lie, and that they are what the list says."""

import fcntl
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from services.broker.progress import DownloadProgress, Silent
from services.broker.settings import BrokerSettings
from services.runtime.errors import UserError

KAFKA_VERSION = "4.3.1"
KAFKA = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
LIST_NAME = f"kafka-{KAFKA_VERSION}.sha256"


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar: its Maven coordinates, its length in bytes and its SHA-256 in hexadecimal."""

    sha256: str
    size: int
    group: str
    artifact: str
    version: str

    @property
    def file_name(self) -> str:
        """Name of the file, in the cache folder as in a Maven repository."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def coordinate(self) -> str:
        """``group:artifact:version``."""
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def repository_path(self) -> Path:
        """Where a Maven repository keeps the file, relative to its root."""
        return Path(*self.group.split("."), self.artifact, self.version, self.file_name)

    def line(self) -> str:
        """The jar as a line of the list."""
        return f"{self.sha256}  {self.size:>8}  {self.coordinate}"


def parse_list(text: str) -> tuple[Jar, ...]:
    """Read ``sha256  size  group:artifact:version`` lines; ``#`` starts a comment. Raises ValueError for any other line."""
    jars = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split()
        coordinate = fields[-1].split(":")
        if len(fields) != 3 or len(coordinate) != 3 or len(fields[0]) != 64 or not fields[1].isdecimal():
            raise ValueError(f"line {number} of the jar list is not 'sha256 size group:artifact:version': {line!r}")
        jars.append(Jar(fields[0], int(fields[1]), *coordinate))
    return tuple(jars)


def kafka_jars() -> tuple[Jar, ...]:
    """The jars of Kafka ``KAFKA_VERSION`` and of its log writer, all that its class path needs."""
    return parse_list(resources.files("services.broker").joinpath(LIST_NAME).read_text(encoding="ascii"))


def jar_folder(cache_dir: Path | None = None) -> Path:
    """The folder the jars are kept in: ``kafka/VERSION`` of the cache (by default that of ``FACTORYSTREAM_CACHE``)."""
    return (BrokerSettings().cache if cache_dir is None else cache_dir).absolute() / "kafka" / KAFKA_VERSION


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def missing_jars(jars: Sequence[Jar], folder: Path) -> list[Jar]:
    """The jars that ``folder`` lacks, after checking every one it has.

    A jar with other content than the list says is deleted and UserError raised: it may be damage or tampering, so it is said.
    """
    missing = []
    for jar in jars:
        path = folder / jar.file_name
        if not path.is_file():
            missing.append(jar)
        elif (found := sha256_of(path)) != jar.sha256:
            path.unlink()
            raise UserError(
                f"{path} was damaged or exchanged (SHA-256 {found[:12]}…, listed {jar.sha256[:12]}…) and has been deleted; "
                "start again to fetch it anew"
            )
    return missing


def provide_jars(jars: Sequence[Jar], folder: Path, progress: DownloadProgress | None = None) -> list[Path]:
    """Paths of the verified jars in ``folder``, in the order of ``jars``; downloads those that are not there.

    Touches no network when all are there. Raises UserError when a jar cannot be had or is not what the list says.
    """
    try:
        if missing_jars(jars, folder):
            folder.mkdir(parents=True, exist_ok=True)
            with _one_at_a_time(folder):
                missing = missing_jars(jars, folder)  # another process may have fetched them while this one waited
                if missing:
                    from services.broker.download import Download  # the resolver costs 0.3 s that a later start need not pay

                    Download(folder, progress or Silent()).fetch(missing)
    except OSError as exc:
        raise UserError(
            f"cannot keep the jars of Kafka in {folder}: {exc.strerror or exc}; "
            "free the folder or choose another with FACTORYSTREAM_CACHE"
        ) from exc
    return [folder / jar.file_name for jar in jars]


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
