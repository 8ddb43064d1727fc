"""The memory of a small MTConnect agent: observations numbered from 1, of which it keeps the newest."""

import gzip
import xml.etree.ElementTree as ElementTree
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import defusedxml.ElementTree as SafeXml

from services.runtime.errors import UserError


@dataclass(frozen=True, slots=True)
class DeclaredItem:
    """One data item of a devices document."""

    id: str
    name: str
    category: str
    type: str


@dataclass(frozen=True, slots=True)
class Said:
    """One observation: the fields of the log behind the name, and the agent's number."""

    sequence: int
    time: str
    item: DeclaredItem
    fields: tuple[str, ...]


class OutOfRange(Exception):
    """The observations asked for are not in the buffer."""


class AgentBuffer:
    """``instance`` changes when an agent is started again. Not safe for several threads: its server locks."""

    def __init__(self, device: str, items: dict[str, DeclaredItem], size: int = 131_072, instance: int = 1) -> None:
        self.device = device
        self.size = size
        self.instance = instance
        self.clock = "1970-01-01T00:00:00Z"
        self._items = items
        self._buffer: deque[Said] = deque(maxlen=size)
        self._newest: dict[str, Said] = {}
        self._next = 1

    def add(self, line: str) -> None:
        """Take in a line of a log, ``time|item|value...``; items that no document declares are none of the device's."""
        time, name, *fields = line.rstrip("\r\n").split("|")
        item = self._items.get(name)
        if item is None:
            return
        said = Said(self._next, time, item, tuple(fields))
        self._buffer.append(said)
        self._newest[item.id] = said
        self._next += 1
        self.clock = max(self.clock, time)

    @property
    def first(self) -> int:
        """The oldest number in the buffer."""
        return self._buffer[0].sequence if self._buffer else self._next

    @property
    def next(self) -> int:
        """The number that the next observation will have."""
        return self._next

    def current(self) -> list[Said]:
        """What each item said last, oldest first."""
        return sorted(self._newest.values(), key=lambda said: said.sequence)

    def sample(self, first: int, count: int) -> list[Said]:
        """At most ``count`` observations from number ``first`` on. Raises OutOfRange."""
        if not self.first <= first <= self._next:
            raise OutOfRange(f"'from' must be between {self.first} and {self._next}")
        at = first - self.first
        return [self._buffer[i] for i in range(at, min(at + count, len(self._buffer)))]


def read_items(devices: bytes, device: str) -> dict[str, DeclaredItem]:
    """The data items of a device by name and by id. Raises UserError."""
    try:
        root = SafeXml.fromstring(devices)
    except ElementTree.ParseError as exc:
        raise UserError(f"the devices document is no XML: {exc}") from exc
    for element in root.iter():
        if _local(element.tag) == "Device" and element.get("name", "").lower() == device.lower():
            return {key: item for item in _items(element) for key in (item.name, item.id)}
    raise UserError(f"the devices document has no device {device}")


def read_log(path: Path) -> Iterator[str]:
    """The lines of a log, plain or gzipped. Raises UserError."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            yield from file
    except (OSError, EOFError, UnicodeDecodeError) as exc:
        raise UserError(f"log {path} can't be read: {getattr(exc, 'strerror', None) or exc}") from exc


def _items(device: ElementTree.Element) -> Iterator[DeclaredItem]:
    for e in device.iter():
        if _local(e.tag) == "DataItem":
            item_id = e.get("id") or e.get("name") or ""
            yield DeclaredItem(item_id, e.get("name") or item_id, e.get("category") or "EVENT", e.get("type") or "")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
