"""When a line is planned to work, worked out by hand on drawn timelines."""

from datetime import datetime
from typing import Any

from schemas.events.calendar import Calendar
from schemas.instant import HOUR_US, from_micros, rfc3339, to_micros
from streams.domain.calendar import Piece, Plan, pieces

MINUTE_US = HOUR_US // 60
ALL_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def us(text: str) -> int:
    """Microseconds of ``2026-11-24 08:00`` (UTC)."""
    return to_micros(datetime.fromisoformat(text + "+00:00"))


def shift(name: str, start: str, end: str, *breaks: tuple[str, str], days: list[str] = ALL_DAYS) -> dict[str, Any]:
    return {"name": name, "days": days, "start": start, "end": end, "breaks": [list(b) for b in breaks]}


def calendar(
    *shifts: dict[str, Any], version: int = 1, since: str = "2000-01-01 00:00", zone: str = "UTC", **more: Any
) -> Calendar:
    body = {"event_time": rfc3339(from_micros(us(since))), "version": version, "line": "l1", "zone": zone, "shifts": list(shifts)}
    return Calendar.model_validate({**body, "valid_from": body["event_time"], **more}, strict=False)


def drawn(found: list[Piece]) -> list[str]:
    """Each piece as ``24 22:00 - 25 02:00 planned 2026-11-24/night of 2026-11-24 v1``, in UTC."""
    return [
        f"{from_micros(p.start):%d %H:%M} - {from_micros(p.end):%d %H:%M} {p.plan} "
        f"{p.shift.id if p.shift else '-'} of {p.day.id} v{p.version}"
        for p in found
    ]


# UTC    24 00:00        06:00              22:00      25 02:00 02:30      06:00    26 00:00
#        |     off      |       off         | night ... | break | ...       |  off   |
# day    |--------------------- 24 -----------------------------------------|-- 25 --
def test_a_night_shift_and_its_break_after_midnight_belong_to_the_date_it_starts_on() -> None:
    night = calendar(shift("night", "22:00", "06:00", ("02:00", "02:30"), days=["tue"]))
    found = pieces([night], us("2026-11-24 00:00"), us("2026-11-26 00:00"))
    assert drawn(found) == [
        "24 00:00 - 24 22:00 not planned - of 2026-11-24 v1",
        "24 22:00 - 25 02:00 planned 2026-11-24/night of 2026-11-24 v1",
        "25 02:00 - 25 02:30 planned downtime 2026-11-24/night of 2026-11-24 v1",
        "25 02:30 - 25 06:00 planned 2026-11-24/night of 2026-11-24 v1",
        "25 06:00 - 26 00:00 not planned - of 2026-11-25 v1",
    ]
    assert found[0].day == ("2026-11-24", us("2026-11-24 00:00"), us("2026-11-25 06:00"))
    assert found[1].shift == ("2026-11-24/night", us("2026-11-24 22:00"), us("2026-11-25 06:00"))


def test_without_a_calendar_all_time_is_planned_and_a_day_is_a_date_in_utc() -> None:
    found = pieces([], us("2026-11-24 23:00"), us("2026-11-25 01:00"))
    assert drawn(found) == [
        "24 23:00 - 25 00:00 planned - of 2026-11-24 vNone",
        "25 00:00 - 25 01:00 planned - of 2026-11-25 vNone",
    ]
    assert [p.plan for p in found] == [Plan.PLANNED] * 2
