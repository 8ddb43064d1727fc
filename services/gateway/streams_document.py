"""The answers of an MTConnect agent to ``current`` and ``sample``: MTConnectStreams, 1.2 to 2.x, whatever the namespace."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass

import defusedxml.ElementTree as SafeXml
from defusedxml import DefusedXmlException

from services.gateway.devices import local_name
from services.gateway.mtconnect_log import LEVELS
from services.gateway.observation import Condition, Observation, parse_instant


class NotMtconnect(ValueError):
    """The document is no answer of an agent."""


class OutOfRange(Exception):
    """The agent has not the observations that were asked for (errorCode OUT_OF_RANGE)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One observation with the device that made it and the agent's number for it."""

    sequence: int
    device: str
    observation: Observation


@dataclass(frozen=True, slots=True)
class Answer:
    """``next`` is the number to ask for next, ``first`` the oldest that the agent still has, ``created_us`` its clock."""

    instance: int
    first: int
    next: int
    last: int
    created_us: int
    entries: list[Entry]

    @property
    def complete(self) -> bool:
        """True when nothing waits at the agent: it has sent all up to ``created_us``."""
        return self.next > self.last


def parse_answer(document: bytes) -> Answer:
    """The answer in a document. Raises NotMtconnect, or OutOfRange when the agent says so."""
    try:
        root = SafeXml.fromstring(document)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as exc:
        raise NotMtconnect(f"the answer is no XML: {exc}") from exc
    name = local_name(root.tag)
    if name == "MTConnectError":
        raise _error(root)
    header = next((e for e in root if local_name(e.tag) == "Header"), None)
    if name != "MTConnectStreams" or header is None:
        raise NotMtconnect(f"the answer is a {name}, not MTConnectStreams")
    try:
        entries = sorted(_entries(root), key=lambda entry: entry.sequence)
        return Answer(
            int(header.get("instanceId", "0")), int(header.get("firstSequence", "0")), int(header.get("nextSequence", "0")),
            int(header.get("lastSequence", "0")), parse_instant(header.get("creationTime", "")), entries,
        )  # fmt: skip
    except ValueError as exc:
        raise NotMtconnect(f"the answer of the agent is not as MTConnect has it: {exc}") from exc


def _error(root: ElementTree.Element) -> Exception:
    codes = [e.get("errorCode", "") for e in root.iter() if e.get("errorCode")]
    texts = [(e.text or "").strip() for e in root.iter() if e.get("errorCode")]
    if "OUT_OF_RANGE" in codes:
        return OutOfRange("; ".join(texts))
    return NotMtconnect(f"the agent answers {', '.join(codes) or 'an error'}: {'; '.join(t for t in texts if t)}")


def _entries(root: ElementTree.Element) -> Iterator[Entry]:
    for stream in root.iter():
        if local_name(stream.tag) != "DeviceStream":
            continue
        device = stream.get("name") or stream.get("uuid") or ""
        for component in stream:
            for group in component:
                if local_name(group.tag) in ("Samples", "Events", "Condition"):
                    yield from (_entry(device, group, e) for e in group)


def _entry(device: str, group: ElementTree.Element, element: ElementTree.Element) -> Entry:
    time_us = parse_instant(element.get("timestamp", ""))
    item = element.get("dataItemId") or element.get("name") or ""
    sequence = int(element.get("sequence", "0"))
    if local_name(group.tag) != "Condition":
        return Entry(sequence, device, Observation(time_us, item, _text(element)))
    level = local_name(element.tag).lower()
    if level not in LEVELS:
        raise ValueError(f"condition {item} has the level {level}")
    code, severity, qualifier = (element.get(k, "") for k in ("nativeCode", "nativeSeverity", "qualifier"))
    condition = Condition(level, code, severity, qualifier, (element.text or "").strip())
    return Entry(sequence, device, Observation(time_us, item, "", condition))


def _text(element: ElementTree.Element) -> str:
    """The value; a data set as ``key=value`` words."""
    if len(element):
        return " ".join(f"{e.get('key', local_name(e.tag))}={(e.text or '').strip()}" for e in element)
    return (element.text or "").strip()
