"""DeadLetter: a record that will never be an event, kept whole."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import DerivedEvent
from schemas.label import DataClass, Label

MAX_REASON = 500
MAX_FIELD = 200
MAX_ORIGINAL = 1_000_000  # what the broker took only because its producer had compressed it well must still fit here
MAX_ORIGINAL_KEY = 1_000


class DeadLetter(DerivedEvent):
    """On the dead-letter topic the record's value is the original, byte for byte, and the rest travels in ``dlq_*`` headers.

    Of a value that is larger than a record may be only the beginning is kept; the whole lies at the origin.
    ``id`` is a hash of (topic, partition, offset), so that the same record is the same dead letter at every replay.
    ``event_time`` is the broker's time of the rejected record: the record's own time can't be trusted.
    """

    TYPE: ClassVar[str] = "factory.dead-letter.v1"
    STAGE: ClassVar[str] = "dead-letter"

    type: Annotated[Literal["factory.dead-letter.v1"], Label("Contract and version")] = "factory.dead-letter.v1"
    topic: Annotated[str, Label("Topic of origin")]
    partition: Annotated[int, Field(ge=0), Label("Partition of origin", unit="1")]
    offset: Annotated[int, Field(ge=0), Label("Offset of origin", unit="1")]
    stage: Annotated[str, Field(max_length=64), Label("Stage that rejected it")]
    reason: Annotated[str, Field(max_length=MAX_REASON), Label("Why")]
    field: Annotated[str, Field(max_length=MAX_FIELD), Label("Field at fault; empty for the whole record")] = ""
    dead_letter_topic: Annotated[str, Label("Where it is kept")]
    original_key: Annotated[bytes | None, Label("Key of the record", classified=DataClass.GENERAL_1)] = None
    original: Annotated[bytes, Label("Value of the record", classified=DataClass.GENERAL_1)]
