"""The step alert: the life of alarms (ISA-18.2) on limits, on conditions of the machine and on silence.

Each rule of an asset has at most one open occurrence, named by when it was raised, in event time; each step of its life is a
revision of it. What is older than what was judged changes nothing, so that records out of order can't make an alarm flap.
Each kind of rule is judged by one topic alone: limits by aggregates, conditions and silence by facts of the machine. What people do
about alarms lies over that, and changes neither when an alarm is raised nor when it is cleared.
"""

from collections.abc import Sequence

from schemas.envelope import Event
from schemas.events.alert_action import AlertAction
from schemas.events.heartbeat import Heartbeat
from schemas.events.machine_event import MachineEvent
from schemas.events.window_aggregate import WindowAggregate
from streams.domain.alert_asset import AssetAlerts
from streams.domain.alert_silence import KEY, RULE, Silences
from streams.domain.fold import Folded, Origin, References
from streams.domain.state_bytes import pack, unpack

NAME = "alert"
VERSION = 2


class AlertLogic:
    """Limits come from the asset's description: a limit that is taken away clears what it had raised."""

    def route(self, event: Event) -> Sequence[str]:
        """The asset's state, and for signs of life the one of the partition that watches for silence."""
        if isinstance(event, WindowAggregate):
            return (event.asset,)
        if isinstance(event, MachineEvent | Heartbeat):
            return (event.asset, KEY)
        if isinstance(event, AlertAction):
            return (KEY if event.rule == RULE else event.asset,)
        return ()

    def load(self, key: str, data: bytes | None) -> AssetAlerts | Silences:
        """The state of an asset, or of the partition's silences."""
        state = Silences() if key == KEY else AssetAlerts(key)
        if data is not None:
            state.restore(unpack(data, VERSION, NAME, key))
        return state

    def dump(self, state: AssetAlerts | Silences) -> bytes | None:
        """The state as the parts of it lay themselves out."""
        return pack(VERSION, state.row())

    def fold(self, state: AssetAlerts | Silences, event: Event, origin: Origin, references: References) -> Folded:
        """Judge one window, one fact or one action."""
        del origin
        asset = getattr(event, "asset", "")
        return state.fold(event, references.asset(asset))
