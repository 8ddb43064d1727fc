"""The step measure: facts of machines to time and quantity accounts per asset and hour."""

from schemas.registry import ASSET, LATE, MACHINE, MEASURE
from streams.domain.measure import NAME, MeasureLogic
from streams.step import Step

STEP = Step(name=NAME, reads=(MACHINE,), writes=(MEASURE, LATE), references=(ASSET,), logic=MeasureLogic())
