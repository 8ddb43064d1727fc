"""What the tests of measures share: the step in memory, and measures in words that fit a line."""

from inmemory_pipeline import InMemoryPipeline
from machine_facts import machine

from schemas.events.measure import Measure
from schemas.registry import MACHINE
from streams.agents import measure


def measuring() -> InMemoryPipeline:
    """The step measure alone, with one machine."""
    return InMemoryPipeline(steps=(measure.STEP,), assets=[machine()])


def fold(line: InMemoryPipeline, *events: object) -> list[Measure]:
    """Send, run, and return what is new."""
    known = len(line.events(Measure))
    line.send(*events, topic=MACHINE)  # type: ignore[arg-type]
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
