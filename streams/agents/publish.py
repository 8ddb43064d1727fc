"""The step publish: the state and the KPIs of orders to what their customers may be shown."""

from schemas.registry import KPI, ORDER, OUTBOUND, TWIN_STATE
from streams.domain.publish import NAME, PublishLogic
from streams.step import Step

STEP = Step(name=NAME, reads=(ORDER, KPI, TWIN_STATE), writes=(OUTBOUND,), references=(), logic=PublishLogic())
