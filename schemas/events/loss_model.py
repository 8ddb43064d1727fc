"""LossModel: how states and reasons of a line's machines become time elements."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.envelope import Closed, ReferenceEvent
from schemas.events.machine_event import MachineState
from schemas.identity import LineId
from schemas.instant import HOUR_US, Instant
from schemas.label import Label
from schemas.time_element import TimeElement

Reason = Annotated[str, Field(min_length=1, max_length=64)]
#: what a rule may name: the others follow from the calendar, from thresholds or from missing facts
Ruled = Literal[
    TimeElement.PRODUCTION, TimeElement.SET_UP, TimeElement.BREAKDOWN, TimeElement.DELAY, TimeElement.NO_ORDER,
    TimeElement.PLANNED_DOWNTIME,
]  # fmt: skip


class LossRule(Closed):
    """The first rule of which every condition holds decides. A condition that is null holds always."""

    states: Annotated[list[MachineState] | None, Field(max_length=30), Label("One of these states")] = None
    reasons: Annotated[list[Reason] | None, Field(max_length=200), Label("One of these coded reasons")] = None
    modes: Annotated[list[str] | None, Field(max_length=30), Label("One of these controller modes")] = None
    on_order: Annotated[bool | None, Label("Whether an order is assigned")] = None
    element: Annotated[Ruled, Label("Time element (ISO 22400-2)")]


class LossModel(ReferenceEvent):
    """Rules and thresholds of one line, from ``valid_from`` on. Of the versions that are valid at an instant the highest counts."""

    TYPE: ClassVar[str] = "factory.loss-model.v1"

    type: Annotated[Literal["factory.loss-model.v1"], Label("Contract and version")] = "factory.loss-model.v1"
    line: Annotated[LineId, Label("Line")]
    valid_from: Annotated[Instant, Label("Since when it holds")]
    rules: Annotated[list[LossRule], Field(max_length=200), Label("Rules, the first that holds decides")] = []
    micro_stop_us: Annotated[int, Field(ge=0, le=HOUR_US), Label("A shorter uncoded stop is a minor stop", unit="us")] = 0
    minimum_run_us: Annotated[int, Field(ge=0, le=HOUR_US), Label("A shorter run belongs to the stop around it", unit="us")] = 0
    break_gap_us: Annotated[
        int, Field(ge=0, le=HOUR_US), Label("A stop that touches a planned break belongs to it this far", unit="us")
    ] = 0
    low_speed_limit: Annotated[
        float, Field(ge=0, le=1), Label("A lower effectiveness is flagged as low speed; 0 for never", unit="1")
    ] = 0.0
    set_up_limit_us: Annotated[
        int,
        Field(ge=0, le=24 * HOUR_US),
        Label("Stops from a change of order to the first run are set-up, at most this long; 0 for never", unit="us"),
    ] = 0

    @model_validator(mode="after")
    def _conditions(self) -> "LossModel":
        for i, rule in enumerate(self.rules):
            if rule.states == [] or rule.reasons == [] or rule.modes == []:
                raise ValueError(f"rules.{i}: an empty list never holds; leave the condition out")
        return self

    @property
    def subject(self) -> str:
        return f"{self.line}/{self.version}"

    @property
    def event_id(self) -> str:
        return f"{self.TYPE}/{self.subject}"
