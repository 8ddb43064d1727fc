"""Time as the contracts speak it: RFC 3339 UTC with microseconds on the wire, integer microseconds since 1970 inside."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AwareDatetime, GetCoreSchemaHandler, GetJsonSchemaHandler, PlainSerializer
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)  # a year short of the end of datetime, so that no zone, window or horizon overflows
SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
#: RFC 3339 date-time; digits after the sixth are cut off
RFC3339 = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970-01-01T00:00:00Z of an aware datetime. Exact: no floating point."""
    return (moment - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """The UTC datetime of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=micros)


def rfc3339(moment: datetime) -> str:
    """``2026-11-24T08:00:00.000000Z``: always UTC, always six digits, so that text order is time order."""
    t = moment.astimezone(UTC)
    # not strftime: it takes three times as long and leaves the leading zeros of a year out
    return "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ" % (t.year, t.month, t.day, t.hour, t.minute, t.second, t.microsecond)  # noqa: UP031


def parse(text: str) -> datetime:
    """The UTC datetime of a text of the form RFC3339. Raises ValueError for what is no time or not in [EPOCH, END_OF_TIME)."""
    return _utc(datetime.fromisoformat(text))


def _utc(moment: datetime) -> datetime:
    if not EPOCH <= moment < END_OF_TIME:
        raise ValueError(f"must lie in [{rfc3339(EPOCH)}, {rfc3339(END_OF_TIME)})")
    return moment.astimezone(UTC)


class _Utc:
    """Keeps a time in UTC. In JSON it is text of one form: pydantic alone also takes a number in quotes, and guesses its unit."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(pattern=RFC3339)
        return core_schema.json_or_python_schema(
            core_schema.no_info_after_validator_function(parse, text),
            core_schema.no_info_after_validator_function(_utc, handler(source)),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        del schema, handler
        return {"type": "string", "format": "date-time", "pattern": RFC3339}


Instant = Annotated[AwareDatetime, _Utc(), PlainSerializer(rfc3339, return_type=str, when_used="json")]
