"""What the gateway registers of an asset: its place in the hierarchy (ISA-95) and its channels."""

import re
from dataclasses import dataclass, field
from typing import Any

from schemas.registry import ASSET
from services.gateway.draft import Draft, text_of

UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def channel_name(item: str) -> str:
    """A channel name that is safe in a URL and in a metric label, made from the name of a data item."""
    return UNSAFE.sub("-", item).strip("._-")[:63] or "channel"


def asset_id(name: str) -> str:
    """An asset id from the name of a device or a file."""
    return channel_name(name).lower()


@dataclass(slots=True)
class AssetCard:
    """One asset as it goes to factory.asset.v1. ``channels`` are bodies of schemas.events.asset.Channel by name."""

    asset: str
    name: str
    site: str
    area: str
    line: str
    simulated: bool = False
    channels: dict[str, dict[str, Any]] = field(default_factory=dict)

    def declare(self, channel: str, unit: str, limits: dict[str, Any] | None = None) -> None:
        """Add a channel with its unit and alarm limits."""
        self.channels[channel] = {"unit": unit, **(limits or {})}

    def draft(self, source: str, time_us: int) -> Draft:
        """The registration; the spool numbers its version. Data of the asset wait until it is acknowledged."""
        body = {
            "type": "factory.asset.v1",
            "event_time": text_of(time_us),
            "version": 1,
            "asset": self.asset,
            "name": self.name,
            "site": self.site,
            "area": self.area,
            "line": self.line,
            "channels": dict(self.channels),
            "simulated": self.simulated,
        }
        return Draft(ASSET, source, None, body, barrier=True, origin=f"asset {self.asset}")
