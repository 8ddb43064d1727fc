"""States as bytes: compact JSON with the version of its layout in front."""

import json
from typing import Any


class UnknownStateVersion(Exception):
    """A stored state has a layout that this program does not read. It is a fault of the deployment, so it ends the process."""


def pack(version: int, body: Any) -> bytes:
    """``[version, body]`` as JSON without spaces. Integers of any size and floats survive unchanged."""
    return json.dumps([version, body], separators=(",", ":")).encode()


def unpack(data: bytes, version: int, step: str, key: str) -> Any:
    """The body of :func:`pack`. Raises UnknownStateVersion."""
    try:
        found, body = json.loads(data)
    except (ValueError, TypeError) as exc:
        raise UnknownStateVersion(f"state {key!r} of the step {step} is no state of this platform: {exc}") from exc
    if found != version:
        raise UnknownStateVersion(
            f"state {key!r} of the step {step} has the layout {found}, this program reads {version}: "
            "run the version that wrote it, or empty the changelog of the step and let it read its topics again"
        )
    return body
