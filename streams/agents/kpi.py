"""The step kpi: measures to KPIs of asset-hours, line-hours and orders."""

from schemas.registry import KPI, MEASURE
from streams.domain.kpi import NAME, KpiLogic
from streams.step import Step

STEP = Step(name=NAME, reads=(MEASURE,), writes=(KPI,), references=(), logic=KpiLogic())
