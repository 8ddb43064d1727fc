"""Time elements of ISO 22400-2: where each instant of an asset belongs."""

from schemas.events.machine_event import Execution
from schemas.packml import PackMLState
from schemas.time_element import TimeElement

RUNNING = (Execution.ACTIVE, PackMLState.EXECUTE)


def default_element(state: str | None, order: str | None) -> TimeElement:
    """The element of a state where no loss model says otherwise; None: nobody watches the machine."""
    if state is None or state == Execution.UNAVAILABLE:
        return TimeElement.UNKNOWN
    if state in RUNNING:
        return TimeElement.PRODUCTION
    return TimeElement.NO_ORDER if order is None else TimeElement.DELAY
