"""Alerts as the command line speaks of them: the newest step of each, found by its id, and actions on it."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from schemas.events.alert import Alert
from schemas.events.alert_action import Action, AlertAction
from schemas.instant import parse, rfc3339
from services.runtime.errors import UserError

SPANS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
SHORTEST_ID = 6
SHOWN_ID = 12


def newest_alerts(steps: Iterable[Alert]) -> list[Alert]:
    """The newest step of each occurrence, the newest occurrence first; order and repeats do not matter."""
    found: dict[str, Alert] = {}
    for step in steps:
        known = found.get(step.alert)
        if known is None or step.revision > known.revision:
            found[step.alert] = step
    return sorted(found.values(), key=lambda a: (a.raised_at, a.asset, a.rule), reverse=True)


def to_attend(alerts: Iterable[Alert]) -> list[Alert]:
    """Those that are open, and those that were cleared before anybody acknowledged them and have not been raised anew since."""
    newest: dict[tuple[str, str], Alert] = {}
    for alert in alerts:
        known = newest.setdefault((alert.asset, alert.rule), alert)
        if alert.raised_at > known.raised_at:
            newest[alert.asset, alert.rule] = alert
    return [a for a in newest.values() if a.state != "cleared" or not a.acknowledged]


def alert_named(alerts: Iterable[Alert], name: str) -> Alert:
    """The alert whose id is or begins with ``name``. Raises UserError when there is none, or more than one."""
    if len(name) < SHORTEST_ID:
        raise UserError(f"{name!r} is too short for the id of an alert: give at least {SHORTEST_ID} characters of it")
    found = [a for a in alerts if a.alert.startswith(name)]
    if not found:
        raise UserError(f"no alert has an id that begins with {name!r}; see: factorystream alerts list --all")
    if len(found) > 1:
        raise UserError(f"{len(found)} alerts have an id that begins with {name!r}: give more of it")
    return found[0]


def span(text: str) -> timedelta:
    """``90s``, ``30m``, ``2h`` or ``1d``. Raises UserError."""
    match = re.fullmatch(r"([1-9][0-9]{0,6})([smhd])", text)
    if match is None:
        raise UserError(f"{text!r} is no span of time: write it as 90s, 30m, 2h or 1d")
    return timedelta(**{SPANS[match[2]]: int(match[1])})


def moment(text: str | None, now: datetime) -> datetime:
    """A time as the contracts write it; ``now`` for None. Raises UserError."""
    try:
        return now if text is None else parse(text)
    except (ValueError, TypeError) as exc:
        raise UserError(f"{text!r} is no time: write it as 2026-11-24T08:00:00Z") from exc


def end_of_shelf(time: datetime, lasting: str | None, until: str | None) -> datetime:
    """When a shelf ends that begins at ``time``. Raises UserError unless exactly one of the two says so."""
    if (lasting is None) == (until is None):
        raise UserError("say how long with --for 2h, or up to when with --until 2026-11-24T08:00:00Z")
    try:
        return moment(until, time) if lasting is None else time + span(lasting)
    except OverflowError as exc:
        raise UserError(f"{lasting} from {rfc3339(time)} is beyond the end of the calendar") from exc


def action_on(
    alert: Alert, action: Action, *, source: str, time: datetime, role: str, until: datetime | None = None
) -> AlertAction:
    """An action of a person on an alert; each is the first word of a source of its own. Raises UserError for what is no role."""
    try:
        return AlertAction(
            event_time=time,
            source=source,
            asset=alert.asset,
            sequence=1,
            action=action,
            rule=alert.rule,
            raised_at=alert.raised_at,
            until=until,
            role=role,
        )
    except ValueError as exc:
        raise UserError(f"{role!r} is no role: write it in small letters, as in operator or shift-lead") from exc


def row(alert: Alert) -> tuple[str, ...]:
    """An alert as a line of a table: id, asset, rule, state, priority, since, text."""
    state: str = alert.state
    if alert.state == "cleared" and not alert.acknowledged:
        state = "cleared, not acknowledged"
    elif alert.shelved_until is not None:
        state = f"{state} until {short(alert.shelved_until)}"
    elif alert.suppressed_by is not None:
        state = f"{state} by {alert.suppressed_by}"
    return alert.alert[:SHOWN_ID], alert.asset, alert.rule, state, alert.priority, short(alert.raised_at), alert.text


def short(time: datetime) -> str:
    """``2026-11-24 08:00:00``."""
    return rfc3339(time)[:19].replace("T", " ")


COLUMNS: tuple[Any, ...] = ("alert", "asset", "rule", "state", "priority", "since (UTC)", "what")
