"""A loss model at work: which element a state is, and which model is in force when.

Of the versions that are valid at an instant the highest counts. Without one, and where every rule of one fails: ACTIVE or Execute
is production, without an order there is no order, anything else is a delay.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from schemas.events.loss_model import LossModel, LossRule
from schemas.events.machine_event import Execution
from schemas.instant import to_micros
from schemas.packml import PackMLState
from schemas.time_element import TimeElement

RUNNING = (Execution.ACTIVE, PackMLState.EXECUTE)
ALWAYS = -(2**63)  # before every instant


class LossRules:
    """Rules and thresholds in microseconds of one loss model, or of none."""

    def __init__(self, model: LossModel | None) -> None:
        self.version = None if model is None else model.version
        self.minimum_run = 0 if model is None else model.minimum_run_us
        self.micro_stop = 0 if model is None else model.micro_stop_us
        self.break_gap = 0 if model is None else model.break_gap_us
        self.set_up_limit = 0 if model is None else model.set_up_limit_us
        self._rules = [] if model is None else model.rules
        self._known: dict[tuple[str, str | None, str | None, bool], TimeElement] = {}

    @property
    def lag(self) -> int:
        """How long after its end an instant may still be judged anew by facts in time order."""
        return self.minimum_run + self.micro_stop + self.break_gap

    def element(self, state: str, reason: str | None, mode: str | None, on_order: bool) -> TimeElement:
        """The element of planned time in a known state."""
        key = (state, reason, mode, on_order)
        found = self._known.get(key)
        if found is None:
            holds = (r.element for r in self._rules if _holds(r, state, reason, mode, on_order))
            found = self._known[key] = TimeElement(next(holds, _default(state, on_order)))
        return found


class Reign(NamedTuple):
    """From ``start`` on ``rules`` are in force."""

    start: int
    rules: LossRules


class Reigns:
    """The loss models of a line over all time."""

    def __init__(self, models: Sequence[LossModel]) -> None:
        starts = sorted({to_micros(m.valid_from) for m in models})
        self.all = [Reign(ALWAYS, LossRules(None)), *(Reign(t, LossRules(_in_force(models, t))) for t in starts)]
        every = [r.rules for r in self.all]
        self.longest_run = max(r.minimum_run for r in every)
        self.longest_gap = max(r.break_gap for r in every)
        self.longest_set_up = max(r.set_up_limit for r in every)
        self.longest_lag = max(r.lag for r in every)
        self._starts = [r.start for r in self.all]

    def at(self, time: int) -> LossRules:
        """The rules in force at an instant."""
        return self.all[bisect_right(self._starts, time) - 1].rules

    def within(self, start: int, end: int) -> list[Reign]:
        """The reigns that [start, end) has a part in, ascending; the first may have begun before."""
        return self.all[bisect_right(self._starts, start) - 1 : bisect_right(self._starts, end - 1)]


def _in_force(models: Sequence[LossModel], time: int) -> LossModel:
    return max((m for m in models if to_micros(m.valid_from) <= time), key=lambda m: m.version)


def _holds(rule: LossRule, state: str, reason: str | None, mode: str | None, on_order: bool) -> bool:
    return (
        (rule.states is None or state in rule.states)
        and (rule.reasons is None or reason in rule.reasons)
        and (rule.modes is None or mode in rule.modes)
        and (rule.on_order is None or rule.on_order is on_order)
    )


def _default(state: str, on_order: bool) -> TimeElement:
    if state in RUNNING:
        return TimeElement.PRODUCTION
    return TimeElement.DELAY if on_order else TimeElement.NO_ORDER
