"""The step kpi: measures to KPIs of assets, lines, orders and parts."""

from schemas.registry import KPI, LOSS_MODEL, MEASURE
from streams.domain.kpi import NAME, KpiLogic
from streams.step import Step

STEP = Step(name=NAME, reads=(MEASURE,), writes=(KPI,), references=(LOSS_MODEL,), logic=KpiLogic())
