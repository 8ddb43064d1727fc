"""Hours as layout 1 of the step measure kept them: units that named an order had lost their time, elements were not told."""

from typing import Any

from schemas.instant import HOUR_US, from_micros
from schemas.time_element import TimeElement
from streams.domain.fact_series import Kind, entries_of_row
from streams.domain.hour_record import QUANTITIES, Content, Elements, HourRecord, Quantities, Told, Units
from streams.domain.loss_rules import LossRules


def from_layout_1(start: int, floor: int, body: list[Any]) -> HourRecord:
    """The record of an hour. What it can't say any more is settled: by UTC day, the default loss model, without a planned time."""
    words, executions, assignments, units, named, settled, told = body
    record = HourRecord(start)
    record.series[Kind.STATE] = [*entries_of_row(start, words, executions)]
    record.series[Kind.ORDER] = [*entries_of_row(start, words, assignments)]
    record.units = [Units(start + units[i], units[i + 1], units[i + 2], units[i + 3], "", "") for i in range(0, len(units), 4)]
    account = {(order, state): time for order, state, time in settled}
    day = from_micros(start).date().isoformat()
    record.settled = Content(account, _elements(account, day, min(max(floor - start, 0), HOUR_US)), _quantities(named, day))
    first, last, revision, line, orders = told
    record.offsets[0] = [first, last]
    windows = [("day", day, start - start % (24 * HOUR_US), start - start % (24 * HOUR_US) + 24 * HOUR_US)] if revision else []
    record.told = Told(revision, line, [(o, None) for o in orders], windows)
    return record


def _elements(account: dict[tuple[str | None, str], int], day: str, length: int) -> Elements:
    out: Elements = {}
    rules = LossRules(None)
    for (order, state), time in account.items():
        element = TimeElement.UNKNOWN if state == "UNAVAILABLE" else rules.element(state, None, None, order is not None)
        out.setdefault((day, None, order, None, element.value, None), [0, 0])[0] += time
    rest = length - sum(time for time, _ in out.values())
    if rest > 0:
        out.setdefault((day, None, None, None, TimeElement.UNKNOWN.value, None), [0, 0])[0] += rest
    return out


def _quantities(named: list[list[Any]], day: str) -> Quantities:
    none = [0] * len(QUANTITIES)
    return {(day, None, order, None): [p, s, r, 0, p, *none[5:]] for order, (p, s, r) in named}
