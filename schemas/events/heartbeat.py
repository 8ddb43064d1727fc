"""Heartbeat: the source still sees the asset, so event time may go on without a reading."""

from typing import Annotated, ClassVar, Literal

from schemas.envelope import SourceEvent
from schemas.label import Label


class Heartbeat(SourceEvent):
    """All that happened to the asset before ``event_time`` has been sent. On a topic it advances the watermark of its asset.

    ``phase`` is ``ending`` when the source will send no more (end of a recording, planned stop): results up to
    ``event_time`` are then due even where a window is still open.
    """

    TYPE: ClassVar[str] = "factory.heartbeat.v1"

    type: Annotated[Literal["factory.heartbeat.v1"], Label("Contract and version")] = "factory.heartbeat.v1"
    phase: Annotated[Literal["alive", "ending"], Label("Whether the source goes on")] = "alive"
