"""The step twin: facts, alarms, KPIs and orders to the present state of assets, lines and orders."""

from schemas.registry import ALERT, KPI, MACHINE, ORDER, TWIN_STATE
from streams.domain.twin import NAME, TwinLogic
from streams.step import Step

STEP = Step(name=NAME, reads=(MACHINE, ALERT, KPI, ORDER), writes=(TWIN_STATE,), references=(), logic=TwinLogic())
