"""Devices.xml of an MTConnect agent: what the data items of a device are. Reads MTConnect 1.x and 2.x, whatever the namespace."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import defusedxml.ElementTree as SafeXml
from defusedxml import DefusedXmlException

from services.gateway.ucum import ucum
from services.runtime.errors import UserError

SAMPLES = Path(__file__).parent / "samples"
BUNDLED = SAMPLES / "nist_sms" / "mtconnect" / "agent" / "Devices.xml"
AGENT_PATH = Path("mtconnect") / "agent" / "Devices.xml"


class Kind(Enum):
    """What a data item becomes."""

    READING = "reading"
    POSITION = "position"  # a SAMPLE of three numbers: channels item.x, item.y, item.z
    EXECUTION = "execution"
    MODE = "mode"
    PROGRAM = "program"
    CONDITION = "condition"
    SIGNAL = "signal"


#: EVENT types with a contract of their own, and the subTypes that mean the machine itself rather than a part of it
OWN_CONTRACT = {
    "EXECUTION": (Kind.EXECUTION, (None,)),
    "CONTROLLER_MODE": (Kind.MODE, (None,)),
    "PROGRAM": (Kind.PROGRAM, (None, "ACTIVE", "MAIN")),
}


@dataclass(frozen=True, slots=True)
class DataItem:
    """One declared data item. ``name`` is its name or, where it has none, its id."""

    name: str
    kind: Kind
    type: str
    unit: str  # UCUM


@dataclass(slots=True)
class Device:
    """A device and its items, found by name and by id."""

    name: str
    text: str
    items: dict[str, DataItem] = field(default_factory=dict)

    def readings(self) -> dict[str, str]:
        """UCUM unit of each channel, by channel name, in the order of the document."""
        out: dict[str, str] = {}
        for item in self.items.values():
            if item.kind is Kind.READING:
                out[item.name] = item.unit
            elif item.kind is Kind.POSITION:
                out |= {f"{item.name}.{axis}": item.unit for axis in "xyz"}
        return out


def local_name(tag: str) -> str:
    """The tag without its namespace, which differs from version to version of MTConnect."""
    return tag.rpartition("}")[2]


def parse_devices(document: bytes, origin: str) -> list[Device]:
    """The devices of a probe document. Raises UserError when it is no such document; ``origin`` says where it came from."""
    try:
        root = SafeXml.fromstring(document)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as exc:
        raise UserError(f"{origin} is not an MTConnect devices document: {exc}") from exc
    devices = [_device(e) for e in root.iter() if local_name(e.tag) == "Device"]
    if not devices:
        raise UserError(f"{origin} has no Device element: it is not the answer of an MTConnect probe")
    return devices


def read_devices(path: Path) -> list[Device]:
    """The devices of a file. Raises UserError."""
    try:
        return parse_devices(path.read_bytes(), str(path))
    except OSError as exc:
        raise UserError(f"devices file {path} can't be read: {exc.strerror}. Give another with --devices.") from exc


def find_devices_file(start: Path) -> Path:
    """mtconnect/agent/Devices.xml in the folder of ``start`` or in one above it, else the bundled one."""
    for folder in start.resolve().parents:
        if (folder / AGENT_PATH).is_file():
            return folder / AGENT_PATH
    return BUNDLED


def device_named(devices: list[Device], name: str) -> Device | None:
    """The device of that name, whatever its case."""
    return next((d for d in devices if d.name.lower() == name.lower()), None)


def _device(element: ElementTree.Element) -> Device:
    name = element.get("name") or element.get("id") or "device"
    description = next((e for e in element if local_name(e.tag) == "Description"), None)
    words = (
        [] if description is None else [description.get("manufacturer", ""), description.get("model", ""), description.text or ""]
    )
    text = words[2].strip() if words and words[2].strip() else " ".join(w for w in words if w).strip()
    device = Device(name, text or name)
    taken: set[Kind] = set()
    for item, item_id in _items(element, taken):
        device.items.setdefault(item.name, item)
        if item_id:
            device.items.setdefault(item_id, item)
    return device


def _items(element: ElementTree.Element, taken: set[Kind]) -> Iterator[tuple[DataItem, str]]:
    for e in element.iter():
        if local_name(e.tag) != "DataItem":
            continue
        item_type = e.get("type", "")
        kind = _kind(e.get("category", ""), item_type, e.get("subType"), e.get("units") or "")
        if kind in (Kind.EXECUTION, Kind.MODE, Kind.PROGRAM):
            # a machine with several paths has several EXECUTION items: the first is the machine's, the others are signals
            kind = Kind.SIGNAL if kind in taken else kind
            taken.add(kind)
        name = e.get("name") or e.get("id") or ""
        if name:
            yield DataItem(name, kind, item_type, ucum(e.get("units"), item_type)), e.get("id") or ""


def _kind(category: str, item_type: str, sub_type: str | None, units: str) -> Kind:
    if category == "CONDITION":
        return Kind.CONDITION
    if category == "SAMPLE":
        return Kind.POSITION if units.endswith("_3D") or item_type == "PATH_POSITION" else Kind.READING
    own, sub_types = OWN_CONTRACT.get(item_type, (Kind.SIGNAL, ()))
    return own if sub_type in sub_types else Kind.SIGNAL
