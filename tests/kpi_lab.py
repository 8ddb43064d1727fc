"""What the tests of KPIs share: the step in memory, and values picked by scope, window and KPI."""

from inmemory_pipeline import InMemoryPipeline

from schemas.events.kpi_value import Kpi, KpiValue
from schemas.events.measure import Measure
from streams.agents import kpi


def rolling_up() -> InMemoryPipeline:
    """The step kpi alone."""
    return InMemoryPipeline(steps=(kpi.STEP,))


def fold(line: InMemoryPipeline, *measures: Measure) -> list[KpiValue]:
    """Send, run, and return what is new."""
    known = len(line.events(KpiValue))
    line.send(*measures)
    line.run()
    return line.events(KpiValue)[known:]


def of(values: list[KpiValue], kind: str, which: Kpi = Kpi.AVAILABILITY, window: str | None = None) -> list[KpiValue]:
    """Values of one KPI and kind of scope: of hours, unless it is an order, or of another kind of window or a window's id."""
    wanted = window or ("order" if kind == "order" else "hour")
    return [v for v in values if v.scope.kind == kind and v.kpi is which and wanted in (v.window_kind, v.window_id)]


def newest(values: list[KpiValue]) -> dict[tuple[str, str, str, str, Kpi], KpiValue]:
    """The last value of each scope, window and KPI; the window by its id, an hour by its start, an order's as "order"."""
    return {(v.scope.kind, v.scope.id, v.window_kind, _window(v), v.kpi): v for v in values}


def _window(v: KpiValue) -> str:
    return v.window_id or ("order" if v.window_kind == "order" else v.window.start.isoformat())
