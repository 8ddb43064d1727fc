"""The end of the demo in numbers: what came of every event, what each customer got, and whether all of it adds up."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from schemas import registry
from schemas.metric import EventClass
from services.cli.customer_api import CustomerApi, judge
from services.cli.demo.scenario import Scenario
from services.cli.demo.view import alert_counts, customer_table, hour_table
from services.cli.demo.watch import Results, customer_view
from services.cli.screen import table
from services.cli.stages import stage_table, stages_json
from services.stack.conservation import violations
from services.stack.drained import Offsets
from services.stack.overview import counts_of, metrics_texts, record_counts
from services.stack.record import StackRecord
from services.stack.scrape import Counts

HOLDS, VERIFIED = "holds", "verified"


def summarize(
    record: StackRecord, scenario: Scenario, results: Results, gateway: Mapping[str, int], apis: Mapping[str, CustomerApi]
) -> dict[str, Any]:
    """The summary as JSON. ``gateway`` is how many events of each topic the gateway says to have delivered."""
    offsets = Offsets(record.bootstrap)
    try:
        topics = {name: n for name, n in record_counts(offsets).items() if n}
    finally:
        offsets.close()
    counts = counts_of(metrics_texts(record))
    customers = {name: customer_summary(api, name, scenario) for name, api in apis.items()}
    wrong = violations(counts, topics, {s.name for s in record.services if s.restarts})
    wrong += between_stages(counts, topics, gateway, customers)
    broken = [c["customer"] for c in customers.values() if c["chain"] != VERIFIED or not c["sees_only_own"]]
    return {
        "real": scenario.real.split(maxsplit=1)[1],
        "simulated": scenario.simulated.split(maxsplit=1)[1],
        "first_kpi_seconds": None if results.first_kpi_s is None else round(results.first_kpi_s, 1),
        "topics": topics,
        "stages": gateway_rows(gateway) + stages_json(counts),
        "kpis": [kpi_json(k) for k in results.settle()],
        "alerts": alert_counts(results.alerts),
        "customers": list(customers.values()),
        "conservation": "violated" if wrong else HOLDS,
        "violations": wrong,
        "customer_chain": "broken" if broken else VERIFIED,
        "restarts": {s.name: s.restarts for s in record.services if s.restarts},
    }


def succeeded(summary: Mapping[str, Any]) -> bool:
    """Whether nothing is lost, every chain holds, every customer got something, and there are KPIs."""
    served = all(c["events"] and c["kpis"] for c in summary["customers"])
    return bool(summary["conservation"] == HOLDS and summary["customer_chain"] == VERIFIED and served and summary["kpis"])


def between_stages(
    counts: Counts, topics: Mapping[str, int], gateway: Mapping[str, int], customers: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """What one stage gave away and the next does not have."""
    found = [
        f"the gateway delivered {delivered} events of {topic}, and it holds {topics.get(topic, 0)}"
        for topic, delivered in gateway.items()
        if delivered != topics.get(topic, 0)
    ]
    delivered = sum(c.ended[EventClass.DELIVERED] for (_, topic), c in counts.items() if topic == registry.OUTBOUND.name)
    stored = sum(c["events"] for c in customers.values())
    if delivered != stored:
        found.append(f"the bridge delivered {delivered} events, and the customers have {stored}")
    return found


def gateway_rows(gateway: Mapping[str, int]) -> list[dict[str, Any]]:
    """The first stage as rows: the gateway has ended by now, and these are its last words."""
    rows = [(topic, n) for topic, n in sorted(gateway.items()) if n]
    return [{"stage": "gateway", "topic": topic, "received": n, "in_flight": 0, "delivered": n} for topic, n in rows]


def customer_summary(api: CustomerApi, customer: str, scenario: Scenario) -> dict[str, Any]:
    """What a customer has, whether its chain holds, and that it can't see what is another's."""
    judged = judge(api, customer)
    own = set(scenario.orders[customer])
    others = [order for name, orders in scenario.orders.items() if name != customer for order in orders]
    subjects = {event["subject"] for event in api.items("/v1/events")}
    only_own = subjects <= own and not any(api.exists(f"/v1/orders/{order}/kpis") for order in others)
    return {
        "customer": customer,
        **customer_view(api),
        "chain": judged["chain"],
        "head": judged.get("head"),
        "reason": judged.get("reason"),
        "sees_only_own": only_own,
    }


def kpi_json(k: Any) -> dict[str, Any]:
    """A KPI in short; the whole of it is on its topic."""
    body = k.model_dump(
        mode="json", include={"kpi", "window_kind", "window_id", "value", "unit", "null_reason", "status", "revision", "coverage"}
    )
    return {"scope": k.scope.id, "kind": k.scope.kind, **k.window.model_dump(mode="json"), **body}


def render(summary: Mapping[str, Any], results: Results) -> RenderableType:
    """The summary for people; the last lines are the ones that count."""
    topics = table("Records on the topics", "topic", "records", right=("records",))
    for name, count in sorted(summary["topics"].items()):
        topics.add_row(name, f"{count:,}")
    alerts = summary["alerts"]
    return Group(
        topics,
        Text(),
        stage_table(summary["stages"]),
        Text(),
        hour_table(results.kpis),
        Text(f"\nAlerts     {alerts['raised']} raised, {alerts['open']} still open\n"),
        customer_table({c["customer"]: c for c in summary["customers"]}),
        Text("\n" + "\n".join(closing(summary)), style="bold"),
    )


def closing(summary: Mapping[str, Any]) -> list[str]:
    """The verdicts, one a line."""
    lines = [f"first KPI: {summary['first_kpi_seconds']} s after the start"]
    for c in summary["customers"]:
        chain = f"customer chain: {c['chain']}" + (f" ({c['reason']})" if c["reason"] else "")
        alone = "sees nothing of others" if c["sees_only_own"] else "SEES WHAT IS ANOTHER'S"
        lines.append(f"{c['customer']}: {c['events']} events of {len(c['orders'])} orders received; {chain}; {alone}")
    lines += [f"lost or counted twice: {sentence}" for sentence in summary["violations"]]
    return [*lines, f"conservation: {summary['conservation']}", f"customer chain: {summary['customer_chain']}"]
