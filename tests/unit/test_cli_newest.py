"""Of several revisions only the newest counts, in whatever order and however often they come."""

import itertools
from datetime import UTC, datetime, timedelta

from schemas.envelope import Window
from schemas.events.kpi_value import Kpi, KpiValue, Scope
from schemas.events.machine_event import Execution
from schemas.events.measure import AccountEntry, Measure
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
        window=Window(start=start, end=start + HOUR), status="provisional", observed_until=start + until, account=entries,
        elements=[], quantities=[], windows=[], inputs=[],
    )  # fmt: skip


def kpi(revision: int, value: float, scope: Scope, kind: str = "hour", end: datetime = EIGHT + HOUR) -> KpiValue:
    return KpiValue.model_validate(
        {
            "event_time": end, "id": f"k{revision}", "kpi": Kpi.AVAILABILITY, "scope": scope, "window_kind": kind,
            "window": Window(start=EIGHT, end=end), "revision": revision, "status": "final", "value": value, "numerator": 1,
            "denominator": 2, "formula": "AUBT/AUOT v1", "coverage": 1.0, "inputs": [],
        }
    )  # fmt: skip


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


# 08:00 |---- ACTIVE 600 s ----|-- READY 300 s --|  observed until 08:15
def test_states_are_rows_per_hour_and_state_up_to_where_the_hour_is_known() -> None:
    rows = states([measure(1, until=timedelta(minutes=15), READY=300, ACTIVE=600.000001)])
    place = {"asset": "mazak01", "start": "2019-06-06T08:00:00.000000Z", "end": "2019-06-06T08:15:00.000000Z"}
    assert rows == [{**place, "state": "ACTIVE", "seconds": 600.000001}, {**place, "state": "READY", "seconds": 300.0}]


def test_time_on_several_orders_is_one_row_per_state() -> None:
    entries = [AccountEntry(order=o, state=Execution.ACTIVE, duration_us=us) for o, us in (("a", 1), ("b", 2), (None, 4))]
    whole = measure(1).model_copy(update={"account": entries})
    assert [r["seconds"] for r in states([whole])] == [7e-6]
