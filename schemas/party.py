"""Who writes and reads topics: every name that the registry may use."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What stands behind a name."""

    STEP = "step"  # streams/agents/<name>.py
    SERVICE = "service"  # services/<name>/
    MODULE = "module"  # a process of another team that speaks these contracts
    SYSTEM = "system"
    ROLE = "role"


@dataclass(frozen=True, slots=True)
class Party:
    """One producer or consumer, as topics, documents and the report of a breaking change name it."""

    name: str
    kind: Kind
    text: str


PARTIES: tuple[Party, ...] = (
    Party("gateway", Kind.SERVICE, "Takes in what machines, sensors and gauges say, and numbers it"),
    Party("simulator", Kind.SERVICE, "Plays a factory for demonstrations and tests"),
    Party("aggregate", Kind.STEP, "Sensor frames to statistics per channel and window"),
    Party("measure", Kind.STEP, "Machine events to the time and quantity account of an asset and hour"),
    Party("kpi", Kind.STEP, "Accounts to KPIs of assets, lines and orders"),
    Party("alert", Kind.STEP, "Aggregates, conditions, silence and what people do about them to the life of alarms"),
    Party("spc", Kind.STEP, "Readings to control charts: limits, alarms and capability"),
    Party("twin", Kind.STEP, "Facts, KPIs and alarms to the present state of assets, lines and orders"),
    Party("publish", Kind.STEP, "KPIs and states of orders to what their customers may be shown"),
    Party("bridge", Kind.SERVICE, "The gate: decides about each outbound event, delivers it, and brings feedback back"),
    Party("inspection", Kind.MODULE, "Visual inspection: pictures to verdicts and defects"),
    Party("maintenance", Kind.MODULE, "Predictive maintenance: aggregates to the health of assets"),
    Party("erp", Kind.SYSTEM, "Enterprise resource planning: orders, calendars, certificates"),
    Party("console", Kind.SYSTEM, "Screens in the factory"),
    Party("subscribers", Kind.SYSTEM, "Downstream services of the factory"),
    Party("export-officer", Kind.ROLE, "Approves export policies"),
    Party("operators", Kind.ROLE, "Acknowledge and shelve alerts"),
    Party("ops", Kind.ROLE, "Runs the platform"),
)


def parties(kind: Kind) -> tuple[str, ...]:
    """The names of one kind, in the order of the data's way."""
    return tuple(p.name for p in PARTIES if p.kind is kind)
