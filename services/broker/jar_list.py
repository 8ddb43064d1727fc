"""The list of Kafka's jars: coordinates, length and SHA-256 of each; the list itself lies in this package."""

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

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


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
