"""MachineEvent: one discrete fact about a machine."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import Closed, SourceEvent
from schemas.identity import OrderId, PartId, UnitId
from schemas.instant import Instant
from schemas.label import DataClass, Export, Label
from schemas.packml import PackMLState

MAX_UNITS = 1_000_000_000  # in one fact


class Execution(StrEnum):
    """MTConnect EXECUTION: what the controller does with its program (MTConnect Part 2, Execution)."""

    ACTIVE = "ACTIVE"
    READY = "READY"
    INTERRUPTED = "INTERRUPTED"
    WAIT = "WAIT"
    FEED_HOLD = "FEED_HOLD"
    STOPPED = "STOPPED"
    OPTIONAL_STOP = "OPTIONAL_STOP"
    PROGRAM_STOPPED = "PROGRAM_STOPPED"
    PROGRAM_OPTIONAL_STOP = "PROGRAM_OPTIONAL_STOP"
    PROGRAM_COMPLETED = "PROGRAM_COMPLETED"
    UNAVAILABLE = "UNAVAILABLE"


#: the words of MTConnect and of PackML differ in case, so a word says which of them it is
MachineState = Execution | PackMLState


class ExecutionChanged(Closed):
    """The controller is in ``state`` from event_time on."""

    kind: Annotated[Literal["execution"], Label("Kind of fact")] = "execution"
    state: Annotated[Execution, Label("MTConnect execution state", Export.AGGREGATE)]


class PackMLChanged(Closed):
    """The machine is in ``state`` from event_time on. A source speaks of execution or of PackML, not of both."""

    kind: Annotated[Literal["packml"], Label("Kind of fact")] = "packml"
    state: Annotated[PackMLState, Label("PackML state", Export.AGGREGATE)]


class StopCoded(Closed):
    """Why the machine stands: the reason of the stop that event_time lies in. The newest code of a stop counts for all of it."""

    kind: Annotated[Literal["stop"], Label("Kind of fact")] = "stop"
    reason: Annotated[str, Field(min_length=1, max_length=64), Label("Reason, as the loss model of the line names it")]


class ModeChanged(Closed):
    """The controller mode, e.g. AUTOMATIC, MANUAL, MANUAL_DATA_INPUT, UNAVAILABLE."""

    kind: Annotated[Literal["mode"], Label("Kind of fact")] = "mode"
    mode: Annotated[str, Field(max_length=64), Label("MTConnect controller mode")]


class ProgramChanged(Closed):
    """The program that is loaded; UNAVAILABLE when none is known."""

    kind: Annotated[Literal["program"], Label("Kind of fact")] = "program"
    program: Annotated[str, Field(max_length=200), Label("Program name", classified=DataClass.GENERAL_1, category="recipe")]


class ConditionChanged(Closed):
    """A condition of a component (MTConnect CONDITION)."""

    kind: Annotated[Literal["condition"], Label("Kind of fact")] = "condition"
    item: Annotated[str, Field(max_length=64), Label("Data item")]
    level: Annotated[Literal["normal", "warning", "fault", "unavailable"], Label("Level")]
    native_code: Annotated[str, Field(max_length=64), Label("Code of the control")] = ""
    message: Annotated[str, Field(max_length=500), Label("Text of the control")] = ""


class OrderAssigned(Closed):
    """The machine works on ``order`` from event_time on; null when on none."""

    kind: Annotated[Literal["order"], Label("Kind of fact")] = "order"
    order: Annotated[OrderId | None, Label("Order id", Export.ALLOW)]


class UnitProduced(Closed):
    """Units left the machine. ``scrap`` and ``rework`` were known as such at once; a later verdict is an InspectionResult."""

    kind: Annotated[Literal["produced"], Label("Kind of fact")] = "produced"
    produced: Annotated[int, Field(ge=0, le=MAX_UNITS), Label("Units produced (ISO 22400 PQ)", Export.AGGREGATE, unit="1")]
    scrap: Annotated[int, Field(ge=0, le=MAX_UNITS), Label("Of them scrap (SQ)", Export.AGGREGATE, unit="1")] = 0
    rework: Annotated[int, Field(ge=0, le=MAX_UNITS), Label("Of them for rework (RQ)", Export.AGGREGATE, unit="1")] = 0
    order: Annotated[OrderId | None, Label("Order id", Export.ALLOW)] = None
    part: Annotated[PartId | None, Label("Part id", Export.ALLOW)] = None
    units: Annotated[list[UnitId], Field(max_length=1000), Label("Unit ids, where units have one")] = []


class EnergyRead(Closed):
    """A reading of the energy counter, which never falls except when the meter is changed."""

    kind: Annotated[Literal["energy"], Label("Kind of fact")] = "energy"
    counter_kwh: Annotated[float, Field(ge=0), Label("Counter", unit="kW.h", classified=DataClass.GENERAL_1)]


class Signal(Closed):
    """Any other discrete data item of the machine (tool number, door, emergency stop), by its own name and word."""

    kind: Annotated[Literal["signal"], Label("Kind of fact")] = "signal"
    item: Annotated[str, Field(max_length=64), Label("Data item")]
    value: Annotated[str, Field(max_length=500), Label("Value as the machine says it", classified=DataClass.GENERAL_1)]


Fact = Annotated[
    ExecutionChanged | PackMLChanged | StopCoded | ModeChanged | ProgramChanged | ConditionChanged | OrderAssigned | UnitProduced
    | EnergyRead | Signal,
    Field(discriminator="kind"),
]  # fmt: skip


class MachineEvent(SourceEvent):
    """One discrete fact. ``since`` is set when the fact is older than what the source could watch: it then holds from
    ``event_time`` on as far as this log knows, and the machine itself says that it began at ``since``."""

    TYPE: ClassVar[str] = "factory.machine-event.v1"

    type: Annotated[Literal["factory.machine-event.v1"], Label("Contract and version")] = "factory.machine-event.v1"
    fact: Annotated[Fact, Label("What is the case from event_time on", Export.AGGREGATE)]
    since: Annotated[Instant | None, Label("When the fact began, if before the source began to watch")] = None
