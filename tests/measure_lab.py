"""What the tests of measures share: the step in memory, and measures in words that fit a line."""

from inmemory_pipeline import InMemoryPipeline
from machine_facts import machine

from schemas.envelope import Event
from schemas.events.calendar import Calendar
from schemas.events.inspection_result import InspectionResult
from schemas.events.loss_model import LossModel
from schemas.events.measure import Measure, Quantity
from schemas.events.order import Order
from schemas.registry import INSPECTION, MACHINE
from streams.agents import measure


def measuring(*references: Calendar | LossModel | Order) -> InMemoryPipeline:
    """The step measure alone, with one machine and what is known about its line."""
    line = InMemoryPipeline(steps=(measure.STEP,), assets=[machine()])
    line.references.put(*references)
    return line


def fold(line: InMemoryPipeline, *events: Event) -> list[Measure]:
    """Send, run, and return what is new. Verdicts go to their own topic."""
    known = len(line.events(Measure))
    for event in events:
        line.send(event, topic=INSPECTION if isinstance(event, InspectionResult) else MACHINE)
    line.run()
    return line.events(Measure)[known:]


def account(m: Measure) -> dict[str, float]:
    """Minutes per state, or per order:state."""
    return {(f"{e.order}:" if e.order else "") + e.state.value: e.duration_us / 60_000_000 for e in m.account}


def quantities(m: Measure) -> dict[str | None, tuple[int, int, int]]:
    """Produced, scrap and rework per order."""
    return {q.order: (q.produced, q.scrap, q.rework) for q in m.quantities}


def elements(m: Measure) -> dict[str, float]:
    """Minutes per element, or per order:element."""
    return {(f"{e.order}:" if e.order else "") + e.element.value: e.duration_us / 60_000_000 for e in m.elements}


def begun(m: Measure) -> dict[str, int]:
    """How many spans of each element began."""
    out: dict[str, int] = {}
    for e in m.elements:
        out[e.element.value] = out.get(e.element.value, 0) + e.begun
    return out


def quantity(m: Measure, order: str | None = None) -> Quantity:
    """The one quantity of an order."""
    (found,) = [q for q in m.quantities if q.order == order]
    return found
