"""What the demo shows while it runs and in the end. Only pictures of numbers that somebody else has made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from schemas.events.alert import Alert
from schemas.events.kpi_value import Kpi, KpiValue
from schemas.instant import rfc3339
from services.cli.screen import bar, percent, table
from services.cli.stages import stage_table
from services.stack.record import StackRecord


@dataclass(slots=True)
class Picture:
    """Everything on the screen."""

    real: str
    simulated: str
    record: StackRecord
    now: str = ""
    stages: list[dict[str, Any]] = field(default_factory=list)
    kpis: list[KpiValue] = field(default_factory=list)
    alerts: Mapping[str, Alert] = field(default_factory=dict)
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def render(self) -> RenderableType:
        """The whole of it, top to bottom in the direction of the data."""
        return Group(
            Text(f"{self.real}\n{self.simulated}\n"),
            stage_table(self.stages),
            Text(),
            hour_table(self.kpis),
            alert_line(self.alerts),
            Text(),
            customer_table(self.customers),
            Text(f"\n{addresses(self.record)}", style="dim"),
            Text(self.now, style="bold"),
        )


def addresses(record: StackRecord) -> str:
    """Where everything answers."""
    metrics = "  ".join(f"{s.name} {s.metrics_url}" for s in record.services if s.metrics_url)
    return f"Kafka      {record.bootstrap}\nAPI        {record.api_url}/openapi.json\nmetrics    {metrics}"


def hour_table(kpis: Iterable[KpiValue]) -> Table:
    """A bar per line, hour and KPI, for the hours in which there is a value."""
    made = table(
        "KPIs per hour of the line (ISO 22400)", "line", "hour (UTC)", "KPI", "", "value", "observed", right=("value", "observed")
    )
    for k in kpis:
        shown = k.kpi in (Kpi.AVAILABILITY, Kpi.QUALITY_RATIO) and k.window_kind == "hour"
        if shown and k.scope.kind == "line" and k.value is not None:
            hour = rfc3339(k.window.start)[:16].replace("T", " ")
            made.add_row(k.scope.id, hour, k.kpi, bar(k.value, 40), percent(k.value), percent(k.coverage))
    return made


def alert_line(alerts: Mapping[str, Alert]) -> Text:
    """How many alerts there are, and the newest of them."""
    if not alerts:
        return Text("\nAlerts     none")
    newest = max(alerts.values(), key=lambda a: (a.event_time, a.revision))
    counts = alert_counts(alerts)
    return Text(f"\nAlerts     {counts['raised']} raised, {counts['open']} still open; newest: {newest.text}")


def alert_counts(alerts: Mapping[str, Alert]) -> dict[str, int]:
    """Alerts that were raised, and those of them that are not cleared."""
    return {"raised": len(alerts), "open": sum(a.state != "cleared" for a in alerts.values())}


def customer_table(customers: Mapping[str, dict[str, Any]]) -> Table:
    """What each customer has: his orders and their KPIs, as the API gives them to him."""
    right = ("planned", "produced", "good")
    made = table(
        "What each customer reads from the API", "customer", "order", "phase", *right, "availability", "quality ratio", right=right
    )
    for customer, view in customers.items():
        values = {(k["order"], k["kpi"]): k.get("value") for k in view["kpis"]}
        for order in view["orders"]:
            cells = [str(order.get(name, "–")) for name in right]
            pictures = [picture(values.get((order["order"], str(name)))) for name in (Kpi.AVAILABILITY, Kpi.QUALITY_RATIO)]
            made.add_row(customer, order["order"], str(order.get("phase", "–")), *cells, *pictures)
    return made


def picture(value: float | None) -> str:
    """A bar and its number."""
    return f"{bar(value, 10)} {percent(value)}"
