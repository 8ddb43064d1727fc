"""What is behind a KPI value, worked out anew: from the measures that it names, and from the facts that they name.

Nothing is taken over from the value but what it is about. The roll-up is the one of the step kpi over the named measures; the
measures are those of the step measure over the facts of their assets. Pure: records come in as they were read.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.envelope import Event
from schemas.events.kpi_value import KpiValue
from schemas.events.measure import ElementEntry, Measure, Quantity
from schemas.instant import to_micros
from schemas.registry import MEASURE
from streams.domain.fold import Origin, References
from streams.domain.kpi import KpiLogic, State
from streams.domain.kpi_day import DayRollUp
from streams.domain.kpi_order import OrderRollUp
from streams.domain.kpi_series import Series
from streams.domain.line_basis import LineBases
from streams.domain.measure import MeasureLogic
from streams.domain.time_elements import ElementSpan, element_spans

Place = tuple[int, Measure]  # offset and measure


class Fact(NamedTuple):
    """A record of a source, where it lies, and the event in it."""

    origin: Origin
    event: Event


@dataclass(slots=True)
class Account:
    """One asset-hour behind a value: the measure that counted, and what the facts say. ``fault`` is why they do not agree."""

    offset: int
    measure: Measure
    spans: list[ElementSpan] = field(default_factory=list)
    fault: str | None = "no fact of this hour was found"


def series_of(value: KpiValue) -> tuple[Any, ...]:
    """What the revisions of one value have in common."""
    start = None if value.window_kind == "order" else to_micros(value.window.start)
    return value.kpi, value.scope.kind, value.scope.id, value.window_kind, value.window_id or start


def roll_up(value: KpiValue, measures: Sequence[Place], partition: int, references: References) -> KpiValue | None:
    """The value that the step kpi comes to over these measures; None when it comes to none."""
    found: KpiValue | None = None
    for state_key in sorted({k for _, m in measures for k in _keys(value, m)}):
        logic = KpiLogic()
        state = logic.load(state_key, None)
        _expect(state, value)
        for offset, measure in measures:
            if state_key in logic.route(measure):
                folded = logic.fold(state, measure, Origin(MEASURE.name, partition, offset), references)
                same = [o for o in folded.outputs if isinstance(o, KpiValue) and series_of(o) == series_of(value)]
                found = same[-1] if same else found
    return found


def _expect(state: State, value: KpiValue) -> None:
    """Have the value told also when it is null: it was told before with an earlier revision of a measure, which may not be here."""
    if isinstance(state, OrderRollUp):
        series = state.series
    else:
        scope = value.scope
        by_window = isinstance(state, DayRollUp) and scope.kind != "part"
        series = state.series.setdefault(f"{value.window_kind}/{value.window_id}" if by_window else f"{scope.kind}/{scope.id}", {})
    series.setdefault(value.kpi, Series())


def differences(told: KpiValue, found: KpiValue | None) -> list[str]:
    """What a value and its recomputation say otherwise; empty when they agree."""
    if found is None:
        return ["the measures that it names give no such value"]
    names = ("value", "numerator", "denominator", "terms", "coverage", "null_reason", "unit", "formula", "flags")
    pairs = ((name, getattr(told, name), getattr(found, name)) for name in names)
    return [f"{name}: told {a}, found {b}" for name, a, b in pairs if a != b]


def accounts(value: KpiValue, measures: Iterable[Place]) -> list[Account]:
    """The newest measure of each asset-hour that adds to the value, by asset and hour."""
    newest: dict[tuple[str, int], Place] = {}
    for offset, measure in measures:
        where = measure.asset, to_micros(measure.window.start)
        if where not in newest or measure.revision > newest[where][1].revision:
            newest[where] = offset, measure
    found = (newest[where] for where in sorted(newest))
    return [Account(offset, m) for offset, m in found if any(_own(value, m))]


def own_entries(value: KpiValue, measure: Measure) -> tuple[list[ElementEntry], list[Quantity]]:
    """The entries of a measure that are about the scope and window of the value."""
    return (
        [e for e in measure.elements if _is_own(value, measure, e)],
        [q for q in measure.quantities if _is_own(value, measure, q)],
    )


Told = tuple[Measure, list[ElementSpan]]
Replayed = dict[int, list[Told]]  # by start of the hour


def replay(facts: Iterable[Fact], references: References) -> Replayed:
    """Every measure that the step measure tells of one asset over these facts, with the spans of its hour as they were then."""
    logic, bases = MeasureLogic(), LineBases()
    found: Replayed = {}
    state = None
    for event, origin in ((f.event, f.origin) for f in facts):
        if state is None:
            state = logic.load(getattr(event, "asset", ""), None)
        for output in logic.fold(state, event, origin, references).outputs:
            if isinstance(output, Measure):
                start, until = to_micros(output.window.start), to_micros(output.observed_until)
                spans = element_spans(state.timeline.facts(state.known_until), bases.of(output.line, references), start, until)
                found.setdefault(start, []).append((output, spans))
    return found


def settle(account: Account, replayed: Replayed) -> None:
    """Note whether the facts give what the measure of the account says, and the spans of the hour."""
    for output, spans in replayed.get(to_micros(account.measure.window.start), ()):
        account.fault, account.spans = _fault(account.measure, output), spans
        if account.fault is None:
            return


def _fault(told: Measure, found: Measure) -> str | None:
    names = ("observed_until", "account", "elements", "quantities", "calendar_version", "loss_model_version")
    differ = [name for name in names if getattr(told, name) != getattr(found, name)]
    return f"the facts say otherwise about {', '.join(differ)}" if differ else None


def _keys(value: KpiValue, measure: Measure) -> Iterator[str]:
    line, scope = measure.line, value.scope
    if value.window_kind == "hour":
        yield f"hour/{line}/{to_micros(value.window.start)}"
    elif value.window_kind == "order":
        yield f"order/{line}/{scope.id}"
    else:
        day = (value.window_id or "").partition("/")[0]
        yield f"asset/{line}/{day}/{scope.id}" if scope.kind == "asset" else f"day/{line}/{day}"


def _own(value: KpiValue, measure: Measure) -> Iterator[ElementEntry | Quantity]:
    elements, quantities = own_entries(value, measure)
    yield from elements
    yield from (q for q in quantities if any(getattr(q, name) for name in _COUNTS))


_COUNTS = ("produced", "scrap", "rework", "inspected", "energy_wh")


def _is_own(value: KpiValue, measure: Measure, entry: ElementEntry | Quantity) -> bool:
    scope, window = value.scope, value.window_id or ""
    if scope.kind == "asset" and measure.asset != scope.id:
        return False
    if scope.kind == "order" and entry.order != scope.id:
        return False
    if scope.kind == "part" and entry.part != scope.id:
        return False
    if value.window_kind == "hour":
        return measure.window.start == value.window.start
    if value.window_kind == "shift":
        return entry.shift == window
    return value.window_kind == "order" or entry.day == window.partition("/")[0]
