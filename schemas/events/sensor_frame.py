"""SensorFrame: the readings of one asset over a short span, a column per channel."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from schemas.envelope import SourceEvent
from schemas.identity import ChannelName
from schemas.instant import to_micros
from schemas.label import DataClass, Label

MAX_READINGS = 20_000
MAX_VALUE = 1e100  # no machine measures more, and sums of squares stay finite
Reading = Annotated[float, Field(ge=-MAX_VALUE, le=MAX_VALUE)]
Column = Annotated[list[Reading | None], Field(min_length=1, max_length=MAX_READINGS)]


class SensorFrame(SourceEvent):
    """Readings at ``event_time`` + ``times_us[i]``. ``columns[channel][i]`` is the value then, null where the channel is silent.

    A single reading is a frame of one. Units and limits of a channel are on factory.asset.v1.
    """

    TYPE: ClassVar[str] = "factory.sensor-frame.v1"

    type: Annotated[Literal["factory.sensor-frame.v1"], Label("Contract and version")] = "factory.sensor-frame.v1"
    times_us: Annotated[
        list[Annotated[int, Field(ge=0, le=3_600_000_000)]],
        Field(min_length=1, max_length=MAX_READINGS),
        Label("Time of each row after event_time, not falling", unit="us"),
    ]
    columns: Annotated[
        dict[ChannelName, Column],
        Field(min_length=1, max_length=500),
        Label("Values per channel, one per time", classified=DataClass.GENERAL_1),
    ]

    @model_validator(mode="after")
    def _shape(self) -> "SensorFrame":
        rows = len(self.times_us)
        for channel, values in self.columns.items():
            if len(values) != rows:
                raise ValueError(f"columns.{channel} has {len(values)} values for {rows} times")
        if rows > 1 and self.times_us != sorted(self.times_us):
            raise ValueError("times_us must not fall")
        return self

    def readings(self) -> Iterator[tuple[str, int, float]]:
        """(channel, event time in microseconds, value) of each reading, channel by channel."""
        start = to_micros(self.event_time)
        for channel, values in self.columns.items():
            for offset, value in zip(self.times_us, values, strict=True):
                if value is not None:
                    yield channel, start + offset, value

    @property
    def last_time_us(self) -> int:
        """Event time of the last row, microseconds since 1970."""
        return to_micros(self.event_time) + self.times_us[-1]
