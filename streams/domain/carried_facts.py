"""Which facts before a floor still have a say in how the time after it is judged."""

from streams.domain.fact_series import Entry, Kind, Series, before, first_at
from streams.domain.line_basis import LineBasis
from streams.domain.time_elements import RUN, Facts, groups_of, order_changes, reach

STATES, OTHERS = 8, 4  # kept of a stretch at most: where it began, and the last ones


def carried_facts(facts: Facts, basis: LineBasis, floor: int) -> list[list[Entry]]:
    """The facts to keep, by kind: of the stretch that the floor lies in its begin, the last states and modes and the newest code;
    the order in work, from its change on where set-up may go on; the last reading of the energy counter."""
    around = reach(facts, basis, floor, floor)
    since = around.near if around.near < floor - 1 else around.start
    out: list[list[Entry]] = [[] for _ in Kind]
    out[Kind.STATE] = _since(facts.of(Kind.STATE), since, floor, STATES)
    out[Kind.MODE] = _since(facts.of(Kind.MODE), since, floor, OTHERS)
    out[Kind.ORDER] = _orders(facts, basis, floor)
    for kind, first in ((Kind.CODE, since), (Kind.ENERGY, 0)):
        newest = before(facts.of(kind), floor)
        out[kind] = [newest] if newest is not None and newest.time >= first else []
    return out


def _since(series: Series, start: int, floor: int, most: int) -> list[Entry]:
    """What is in force at ``start`` and what follows before the floor; of too many the first and the last."""
    found = list(series[max(first_at(series, start + 1) - 1, 0) : first_at(series, floor)])
    return found if len(found) <= most else [found[0], *found[1 - most :]]


def _orders(facts: Facts, basis: LineBasis, floor: int) -> list[Entry]:
    orders = facts.of(Kind.ORDER)
    held = before(orders, floor)
    if held is None:
        return []
    change = _pending(facts, basis, floor)
    if change is None:
        return [held]
    first = before(orders, change) or Entry(change - 1, False, 0, "", None, -1)
    return [first, *_since(orders, change, floor, OTHERS)]


def _pending(facts: Facts, basis: LineBasis, floor: int) -> int | None:
    """The last change of order before the floor, if set-up may go on behind it."""
    changes = order_changes(facts, floor - basis.reigns.longest_set_up, floor) if basis.reigns.longest_set_up else []
    if not changes or changes[-1] + basis.reigns.at(changes[-1]).set_up_limit <= floor:
        return None
    around = reach(facts, basis, floor, floor, set_up=True)
    runs = [g.start for g in groups_of(facts, basis, around.start, max(around.end, floor)) if g.kind == RUN]
    return None if any(changes[-1] <= run < floor for run in runs) else changes[-1]
