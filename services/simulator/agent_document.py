"""The documents of a small MTConnect agent, in the namespace of any version."""

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from services.simulator.agent_buffer import AgentBuffer, Said

LEVELS = {"normal": "Normal", "warning": "Warning", "fault": "Fault", "unavailable": "Unavailable"}
GROUPS = {"SAMPLE": "Samples", "EVENT": "Events", "CONDITION": "Condition"}


def streams(buffer: AgentBuffer, observations: Sequence[Said], following: int, version: str) -> str:
    """An MTConnectStreams document; ``following`` is its nextSequence."""
    groups = {category: [s for s in observations if s.item.category == category] for category in GROUPS}
    body = "".join(
        f"<{GROUPS[category]}>{''.join(map(_element, said))}</{GROUPS[category]}>" for category, said in groups.items() if said
    )
    stream = (
        f'<ComponentStream component="Device" name={quoteattr(buffer.device)} componentId="d">{body}</ComponentStream>'
        if body
        else ""
    )
    head = (
        f'<Header instanceId="{buffer.instance}" creationTime={quoteattr(buffer.clock)} version="{version}" sender="simulator"'
        f' bufferSize="{buffer.size}" firstSequence="{buffer.first}"'
        f' lastSequence="{buffer.next - 1}" nextSequence="{following}"/>'
    )
    name = quoteattr(buffer.device)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><MTConnectStreams xmlns="urn:mtconnect.org:MTConnectStreams:{version}">{head}'
        f"<Streams><DeviceStream name={name} uuid={name}>{stream}</DeviceStream></Streams></MTConnectStreams>"
    )


def error(buffer: AgentBuffer, code: str, text: str, version: str) -> str:
    """An MTConnectError document."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><MTConnectError xmlns="urn:mtconnect.org:MTConnectError:{version}">'
        f'<Header instanceId="{buffer.instance}" creationTime={quoteattr(buffer.clock)} version="{version}" sender="simulator"/>'
        f"<Errors><Error errorCode={quoteattr(code)}>{escape(text)}</Error></Errors></MTConnectError>"
    )


def _element(said: Said) -> str:
    item = said.item
    words = (
        f'dataItemId={quoteattr(item.id)} name={quoteattr(item.name)} sequence="{said.sequence}" timestamp={quoteattr(said.time)}'
    )
    if item.category != "CONDITION":
        tag = _camel(item.type)
        return f"<{tag} {words}>{escape(said.fields[0])}</{tag}>"
    level, code, severity, qualifier, text = (*said.fields, "", "", "", "", "")[:5]
    tag = LEVELS.get(level.lower(), "Unavailable")
    more = "".join(
        f" {key}={quoteattr(value)}"
        for key, value in (("nativeCode", code), ("nativeSeverity", severity), ("qualifier", qualifier))
        if value
    )
    return f"<{tag} {words} type={quoteattr(item.type)}{more}>{escape(text)}</{tag}>"


def _camel(item_type: str) -> str:
    """``x:PROGRAM_COMMENT`` as ``ProgramComment``."""
    return "".join(word.capitalize() for word in item_type.rpartition(":")[2].split("_")) or "Event"
