"""Of several revisions only the newest counts, in whatever order and however often they come."""

import itertools
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from schemas.envelope import Window
from schemas.events.kpi_value import Kpi, KpiValue, Scope
from schemas.events.machine_event import Execution
from schemas.events.measure import AccountEntry, Measure
from services.cli.commands.query import amount, in_window, kpi_named, kpi_table
from services.cli.newest import newest_kpis, newest_measures, states

HOUR = timedelta(hours=1)
EIGHT = datetime(2019, 6, 6, 8, tzinfo=UTC)


def measure(revision: int, start: datetime = EIGHT, until: timedelta = HOUR, **seconds: float) -> Measure:
    entries = [
        AccountEntry(order=order, state=Execution(state), duration_us=round(s * 1e6))
        for state, s in seconds.items()
        for order in (None,)
    ]
    return Measure(
        event_time=start + until, id=f"m{start.hour}-{revision}", asset="mazak01", line="line-1", revision=revision,
        window=Window(start=start, end=start + HOUR), status="provisional", due=False, observed_until=start + until,
        account=entries, elements=[], quantities=[], windows=[], inputs=[],
    )  # fmt: skip


def kpi(
    revision: int, value: float | None, scope: Scope, kind: str = "hour", end: datetime = EIGHT + HOUR, **fields: Any
) -> KpiValue:
    return KpiValue.model_validate(
        {
            "event_time": end, "id": f"k{revision}", "kpi": Kpi.AVAILABILITY, "scope": scope, "window_kind": kind,
            "window": Window(start=EIGHT, end=end), "revision": revision, "status": "final", "value": value, "numerator": 1,
            "denominator": 2, "formula": "AUBT/AUOT v1", "coverage": 1.0, "inputs": [], **fields,
        }
    )  # fmt: skip


def text(made: Table) -> list[str]:
    """The rows of a table as they are printed, without its title and header."""
    console = Console(width=200, file=StringIO())
    console.print(made)
    return console.file.getvalue().splitlines()[2:]  # type: ignore[attr-defined]


def test_order_and_repetition_do_not_matter() -> None:
    revisions = [measure(1, ACTIVE=100), measure(2, ACTIVE=200), measure(3, ACTIVE=300)]
    for order in itertools.permutations([*revisions, revisions[1]]):
        assert newest_measures(order) == [revisions[2]]


def test_measures_come_by_asset_and_hour() -> None:
    late, early = measure(1, EIGHT + HOUR), measure(1)
    assert newest_measures([late, early]) == [early, late]


def test_an_order_has_one_value_although_its_window_grows() -> None:
    order = Scope(kind="order", id="o-1")
    first, second = kpi(1, 0.5, order, "order"), kpi(2, 0.75, order, "order", EIGHT + 2 * HOUR)
    assert newest_kpis([second, first]) == [second]


def test_scopes_of_the_same_id_but_another_kind_are_apart() -> None:
    asset, line = kpi(1, 0.5, Scope(kind="asset", id="a")), kpi(1, 0.75, Scope(kind="line", id="a"))
    assert newest_kpis([line, asset]) == [asset, line]


def test_a_day_is_known_by_its_name_although_its_bounds_move() -> None:
    line = Scope(kind="line", id="l")
    days = [kpi(r, 0.5, line, "day", EIGHT + r * HOUR, window_id="2019-06-06") for r in (1, 2)]
    other = kpi(1, 0.5, line, "day", EIGHT + HOUR, window_id="2019-06-07")
    assert newest_kpis([*days, other]) == [days[1], other]


def test_hours_shifts_and_days_of_a_scope_are_apart_and_come_in_that_order() -> None:
    line = Scope(kind="line", id="l")
    found = [kpi(1, 0.5, line, "day", window_id="d"), kpi(1, 0.5, line, "shift", window_id="d"), kpi(1, 0.5, line)]
    assert [k.window_kind for k in newest_kpis(found)] == ["hour", "shift", "day"]


# ---- what a person sees
def test_values_have_their_unit() -> None:
    line = Scope(kind="line", id="l")
    shown = [amount(kpi(1, v, line, unit=u)) for v, u in ((0.5, "1"), (25.04, "/h"), (6600.4, "s"), (0.25, "kW.h"))]
    assert shown == ["50.0 %", "25/h", "6,600 s", "0.25 kW.h"]


def test_a_row_says_scope_window_value_and_what_to_know() -> None:
    low = kpi(3, None, Scope(kind="line", id="l"), "shift", window_id="2019-06-06/night", flags=["low coverage"], null_reason="why")
    restated = kpi(2, 1.25, Scope(kind="line", id="l"), status="restated", delta=0.5, flags=["above one"])
    rows = text(kpi_table([low, restated]))
    assert [x for x in ("shift 2019-06-06/night", "why; little known") if x not in rows[0]] == []
    assert [x for x in ("hour 2019-06-06 08:00 to 09:00", "125.0 %", "restated (+0.5)", "above 1") if x not in rows[1]] == []


def test_windows_are_chosen_by_kind_name_or_hour() -> None:
    line = Scope(kind="line", id="l")
    hour, day = kpi(1, 0.5, line), kpi(1, 0.5, line, "day", window_id="2019-06-06")
    asked = (None, "hour", "2019-06-06", "2019-06-06T08", "2019-06-07", "shift")
    chosen = {w: [in_window(k, w) for k in (hour, day)] for w in asked}
    assert chosen == {
        None: [True, True], "hour": [True, False], "2019-06-06": [False, True], "2019-06-06T08": [True, False],
        "2019-06-07": [False, False], "shift": [False, False],
    }  # fmt: skip


def test_a_kpi_is_found_by_its_name_or_abbreviation() -> None:
    assert kpi_named("set-up rate") is kpi_named("set_up_rate") is Kpi.SET_UP_RATE
    assert kpi_named("OEE") is kpi_named("overall equipment effectiveness index") is Kpi.OEE


# 08:00 |---- ACTIVE 600 s ----|-- READY 300 s --|  observed until 08:15
def test_states_are_rows_per_hour_and_state_up_to_where_the_hour_is_known() -> None:
    rows = states([measure(1, until=timedelta(minutes=15), READY=300, ACTIVE=600.000001)])
    place = {"asset": "mazak01", "start": "2019-06-06T08:00:00.000000Z", "end": "2019-06-06T08:15:00.000000Z"}
    assert rows == [{**place, "state": "ACTIVE", "seconds": 600.000001}, {**place, "state": "READY", "seconds": 300.0}]


def test_time_on_several_orders_is_one_row_per_state() -> None:
    entries = [AccountEntry(order=o, state=Execution.ACTIVE, duration_us=us) for o, us in (("a", 1), ("b", 2), (None, 4))]
    whole = measure(1).model_copy(update={"account": entries})
    assert [r["seconds"] for r in states([whole])] == [7e-6]
