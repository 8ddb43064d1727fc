"""``factorystream alerts``: what is wrong, and what people do about it."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from kafka import KafkaConsumer, TopicPartition

from schemas.codec import decode, encode, to_json
from schemas.events.alert import Alert
from schemas.events.alert_action import Action, AlertAction
from schemas.events.alert_refusal import AlertRefusal
from schemas.registry import ALERT, ALERT_ACTION
from services.cli.alert_book import COLUMNS, action_on, alert_named, end_of_shelf, moment, newest_alerts, row, to_attend
from services.cli.options import DATA_DIR, Bootstrap, Json, LastDir
from services.cli.screen import OUT, note, print_json, table
from services.runtime.errors import UserError
from services.runtime.kafka import SEND_TIMEOUT_S, consumer, producer
from services.runtime.kafka import send as send_record
from services.stack.log_reader import events
from services.stack.session import broker_at

CLIENT_ID = "factorystream-alerts"
POLL_MS = 200

Name = Annotated[str, typer.Argument(metavar="ALERT", help="Id of the alert, or how it begins", show_default=False)]
Role = Annotated[str, typer.Option("--role", help="Role of who acts; never a person's name")]
At = Annotated[str | None, typer.Option("--at", help="Event time of the action; default now. For a recording, a time within it")]
Wait = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for the answer")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Alerts: what is wrong, and what people do about it (ISA-18.2).", no_args_is_help=True)
    group.command("list", epilog="Example: factorystream alerts list --scope mazak03 --json")(show)
    group.command("acknowledge", epilog="Example: factorystream alerts acknowledge 4425ffbf154d --role operator")(acknowledge)
    group.command("shelve", epilog="Example: factorystream alerts shelve 4425ffbf154d --for 2h")(shelve)
    group.command("unshelve", epilog="Example: factorystream alerts unshelve 4425ffbf154d")(unshelve)
    app.add_typer(group, name="alerts")


def show(
    data_dir: LastDir = DATA_DIR,
    bootstrap: Bootstrap = None,
    scope: Annotated[str | None, typer.Option("--scope", help="Only this asset")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over and need nobody any more")] = False,
    as_json: Json = False,
) -> None:
    """List the alerts that are open, and those that cleared before anybody acknowledged them."""
    with broker_at(data_dir, bootstrap, note) as where:
        found = newest_alerts(events(where, ALERT, Alert))
    found = [a for a in (found if everything else to_attend(found)) if scope in (None, a.asset)]
    if as_json:
        print_json([json.loads(to_json(a)) for a in found])
        return
    made = table("Alerts (newest first)", *COLUMNS)
    for alert in found:
        made.add_row(*row(alert))
    OUT.print(made if found else "no alert needs anybody" + (f" on {scope}" if scope else ""))


def acknowledge(
    alert: Name,
    data_dir: LastDir = DATA_DIR,
    bootstrap: Bootstrap = None,
    role: Role = "operator",
    at: At = None,
    wait: Wait = 10.0,
    as_json: Json = False,
) -> None:
    """Say that somebody has seen an alert and takes care of it."""
    begin = moment(at, datetime.now(UTC))
    with broker_at(data_dir, bootstrap, note) as where:
        tell(*act(where, alert, "acknowledge", begin, role, None, wait), wait, as_json)


def shelve(
    alert: Name,
    lasting: Annotated[str | None, typer.Option("--for", help="How long: 90s, 30m, 2h or 1d")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Up to when, in event time")] = None,
    data_dir: LastDir = DATA_DIR,
    bootstrap: Bootstrap = None,
    role: Role = "operator",
    at: At = None,
    wait: Wait = 10.0,
    as_json: Json = False,
) -> None:
    """Put an alert aside for a limited time, at most 7 days. It comes back by itself if it is still open then."""
    begin = moment(at, datetime.now(UTC))
    end = end_of_shelf(begin, lasting, until)
    with broker_at(data_dir, bootstrap, note) as where:
        tell(*act(where, alert, "shelve", begin, role, end, wait), wait, as_json)


def unshelve(
    alert: Name,
    data_dir: LastDir = DATA_DIR,
    bootstrap: Bootstrap = None,
    role: Role = "operator",
    at: At = None,
    wait: Wait = 10.0,
    as_json: Json = False,
) -> None:
    """Take an alert off the shelf before its time."""
    begin = moment(at, datetime.now(UTC))
    with broker_at(data_dir, bootstrap, note) as where:
        tell(*act(where, alert, "unshelve", begin, role, None, wait), wait, as_json)


def act(
    bootstrap: str, name: str, action: Action, begin: datetime, role: str, until: datetime | None, wait: float
) -> tuple[AlertAction, Alert | AlertRefusal | None]:
    """Send an action and wait for its answer. Raises UserError when no such alert is known or the broker does not take it."""
    alert = alert_named(newest_alerts(events(bootstrap, ALERT, Alert)), name)
    asked = action_on(alert, action, source=f"cli-{secrets.token_hex(8)}", time=begin, role=role, until=until)
    with answers(bootstrap) as client:
        with producer(bootstrap, CLIENT_ID) as sender:
            send_record(sender, encode(asked)).get(timeout=SEND_TIMEOUT_S)
        return asked, answer_to(client, asked, wait)


@contextmanager
def answers(bootstrap: str) -> Iterator[KafkaConsumer]:
    """A consumer of what comes to the topic of alerts from now on. Raises UserError where the topics are not there."""
    client = consumer(bootstrap, CLIENT_ID, None)
    try:
        for topic in (ALERT, ALERT_ACTION):
            if not client.partitions_for_topic(topic.name):
                raise UserError(f"the broker at {bootstrap} has no topic {topic.name}; create it: factorystream topics create")
        partitions = [TopicPartition(ALERT.name, number) for number in sorted(client.partitions_for_topic(ALERT.name))]
        client.assign(partitions)
        client.seek_to_end()
        for partition in partitions:  # asked now: the seek alone would find its place at the first poll, after the answer
            client.position(partition)
        yield client
    finally:
        client.close()


def answer_to(client: KafkaConsumer, asked: AlertAction, wait: float) -> Alert | AlertRefusal | None:
    """The step or the refusal that the action led to; None when there was none within ``wait`` seconds."""
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        for records in client.poll(timeout_ms=POLL_MS).values():
            for _, event in decode(ALERT, [r.value for r in records]).events:
                if isinstance(event, Alert | AlertRefusal) and event.cause == asked.event_id:
                    return event
    return None


def tell(asked: AlertAction, answer: Alert | AlertRefusal | None, wait: float, as_json: bool) -> None:
    """What came of it. Raises UserError for a refusal, or with JSON ends with exit code 1."""
    refused = isinstance(answer, AlertRefusal)
    if as_json:
        said: dict[str, Any] = {
            "action": json.loads(to_json(asked)),
            "answer": None if answer is None else json.loads(to_json(answer)),
        }
        print_json(said)
        raise typer.Exit(int(refused))
    if answer is None:
        note(f"sent, and not answered within {wait:g} s: it is judged as soon as the streams read it")
    elif refused:
        raise UserError(answer.text)
    else:
        OUT.print(answer.text, markup=False, soft_wrap=True)
