"""What every event has in common: closed, immutable, typed by name and version, identified for good."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.identity import AssetId, EventId, SourceId
from schemas.instant import Instant
from schemas.label import DataClass, Export, Label

MAX_SEQUENCE = 2**53 - 1  # RFC 7493: beyond it a JSON reader may round; its 16 digits fit the 20 of ce_sequence


class Closed(BaseModel):
    """A model that refuses unknown fields, wrong types, NaN and infinity. Instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Event(Closed):
    """One record of a topic. ``type`` names the contract and its version (CloudEvents `type`)."""

    TYPE: ClassVar[str]

    event_time: Annotated[Instant, Label("When it happened or, for a derived event, up to when it speaks", Export.ALLOW)]

    @property
    def event_id(self) -> str:
        """Unique and stable over replays (CloudEvents `id`)."""
        raise TypeError(f"{type(self).__name__} has no identity: derive from SourceEvent or DerivedEvent")

    @property
    def event_source(self) -> str:
        """Who says it (CloudEvents `source`)."""
        raise TypeError(f"{type(self).__name__} has no source: derive from SourceEvent or DerivedEvent")


class SourceEvent(Event):
    """A fact from outside. Its source numbers the facts of each asset without gaps; the three together are its identity."""

    source: Annotated[SourceId, Label("The gateway, module or simulator that numbered this fact")]
    asset: Annotated[AssetId, Label("Asset id; its ISA-95 path is on factory.asset.v1", classified=DataClass.GENERAL_2)]
    sequence: Annotated[int, Field(ge=1, le=MAX_SEQUENCE), Label("Gapless number per source and asset, from 1", unit="1")]

    @property
    def event_id(self) -> str:
        return f"{self.source}/{self.asset}/{self.sequence}"

    @property
    def event_source(self) -> str:
        return f"/factory/{self.source}"


class DerivedEvent(Event):
    """A result of the platform. Its id is a hash of type, scope, window and revision (:func:`schemas.identity.derived_id`)."""

    STAGE: ClassVar[str]

    id: Annotated[EventId, Label("Stable id, the same at every replay", Export.ALLOW, DataClass.GENERAL_4)]

    @property
    def event_id(self) -> str:
        return self.id

    @property
    def event_source(self) -> str:
        return f"/factory/{self.STAGE}"


class ReferenceEvent(Event):
    """A versioned record of reference data; the newest version of a key stays on its compacted topic."""

    version: Annotated[int, Field(ge=1), Label("Grows by one with each change of this key", Export.ALLOW, unit="1")]

    @property
    def subject(self) -> str:
        """The key that this record is a version of."""
        raise TypeError(f"{type(self).__name__} names no subject")

    @property
    def event_id(self) -> str:
        return f"{self.TYPE}/{self.subject}/{self.version}"

    @property
    def event_source(self) -> str:
        return "/factory/reference"


Status = Literal["provisional", "final", "restated"]


class Window(Closed):
    """A half-open span of event time, [start, end)."""

    start: Annotated[Instant, Label("First instant inside", Export.ALLOW)]
    end: Annotated[Instant, Label("First instant after", Export.ALLOW)]


class InputRange(Closed):
    """Where the facts behind a number lie: offsets of one partition, both ends inside."""

    topic: Annotated[str, Label("Topic")]
    partition: Annotated[int, Field(ge=0), Label("Partition", unit="1")]
    first_offset: Annotated[int, Field(ge=0), Label("First offset", unit="1")]
    last_offset: Annotated[int, Field(ge=0), Label("Last offset", unit="1")]
