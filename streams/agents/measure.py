"""The step measure: facts of machines and verdicts on their units to time and quantity accounts per asset and hour."""

from schemas.registry import ASSET, CALENDAR, INSPECTION, LATE, LOSS_MODEL, MACHINE, MEASURE, ORDER
from streams.domain.measure import MeasureLogic
from streams.domain.measure_state import NAME
from streams.step import Step

STEP = Step(
    name=NAME,
    reads=(MACHINE, INSPECTION),
    writes=(MEASURE, LATE),
    references=(ASSET, CALENDAR, LOSS_MODEL, ORDER),
    logic=MeasureLogic(),
)
