"""The step alert: aggregates and conditions to the life cycle of alarms."""

from schemas.registry import AGGREGATE, ALERT, ALERT_ACTION, ASSET, MACHINE
from streams.domain.alert import NAME, AlertLogic
from streams.step import Step

STEP = Step(name=NAME, reads=(AGGREGATE, MACHINE, ALERT_ACTION), writes=(ALERT,), references=(ASSET,), logic=AlertLogic())
