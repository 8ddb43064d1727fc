"""Makes feeds from the descriptions of recorded sources."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from pydantic import RootModel

from schemas.events.asset import Channel
from schemas.identity import ChannelName
from services.gateway.asset_card import AssetCard, asset_id, channel_name
from services.gateway.csv_feed import CsvFeed, CsvMapping
from services.gateway.devices import Device, device_named, find_devices_file, read_devices
from services.gateway.event_feed import EventFeed
from services.gateway.feed import Feed
from services.gateway.interpreter import Interpreter
from services.gateway.log_feed import LogFeed
from services.gateway.mtconnect_log import device_of
from services.gateway.source_spec import CsvSpec, EventsSpec, LogSpec, Place, read_json
from services.gateway.tally import Tally
from services.runtime.errors import UserError

ENDINGS = (".txt", ".txt.gz", ".log", ".log.gz")

Limits = RootModel[dict[ChannelName, dict[str, Any]]]


def log_feeds(spec: LogSpec) -> list[Feed]:
    """One feed for each asset of the logs. Raises UserError."""
    by_device: dict[str, list[Path]] = defaultdict(list)
    for path in log_files(spec.paths):
        by_device[spec.device or device_of(path)].append(path)
    if spec.asset is not None and len(by_device) > 1:
        raise UserError(f"--asset names one asset, but the logs are of {', '.join(sorted(by_device))}")
    return [_log_feed(spec, device, paths) for device, paths in sorted(by_device.items())]


def csv_feeds(spec: CsvSpec) -> list[Feed]:
    """A feed for each table. Raises UserError."""
    mapping = read_json(spec.mapping, CsvMapping)
    return [CsvFeed(path, mapping, spec.source, spec.strict) for path in spec.paths]


def event_feeds(spec: EventsSpec) -> list[Feed]:
    """A feed for each file."""
    return [EventFeed(path, spec.source) for path in spec.paths]


def log_files(paths: list[Path]) -> list[Path]:
    """The log files among ``paths``; a folder stands for those in it and below. Raises UserError when there is none."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.name.endswith(ENDINGS) and p.is_file())
            if not inside:
                raise UserError(f"folder {path} holds no log (a file that ends in {', '.join(ENDINGS)})")
            found += inside
        else:
            found.append(path)
    missing = next((p for p in found if not p.is_file()), None)
    if missing is not None:
        raise UserError(f"log {missing} does not exist")
    return found


def device_for(path: Path, name: str, devices_file: Path | None) -> Device:
    """The device that a log is of; one without items when the document doesn't know it. Raises UserError."""
    devices = read_devices(devices_file or find_devices_file(path))
    return device_named(devices, name) or Device(name, name)


def card_for(place: Place, device: Device) -> AssetCard:
    """The asset card of a device: its channels with their units, and the limits that the place names. Raises UserError."""
    card = AssetCard(place.asset or asset_id(device.name), device.text[:200], place.site, place.area, place.line)
    limits = read_limits(place.limits) if place.limits else {}
    for channel, unit in device.readings().items():
        card.declare(channel_name(channel), unit, limits.pop(channel, None))
    if limits and device.items:
        raise UserError(f"{place.limits}: {card.asset} has no channel {', '.join(limits)}; it has {', '.join(card.channels)}")
    return card


def read_limits(path: Path) -> dict[str, dict[str, Any]]:
    """Alarm limits by channel, as fields of Channel without its unit. Raises UserError."""
    limits = read_json(path, Limits).root
    for channel, words in limits.items():
        try:
            Channel.model_validate({"unit": "1", **words})
        except ValueError as exc:
            fields = "low, high, deadband, priority, on_delay_us, off_delay_us, alarms_while, control, specification"
            raise UserError(f"{path}: limits of {channel} are not {fields}: {words}") from exc
    return limits


def _log_feed(spec: LogSpec, device_name: str, paths: list[Path]) -> LogFeed:
    device = device_for(paths[0], device_name, spec.devices)
    return LogFeed(paths, Interpreter(card_for(spec, device), spec.source, device, Tally()), spec.strict)
