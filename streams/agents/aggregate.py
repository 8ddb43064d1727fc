"""The step aggregate: sensor frames to statistics per channel and 10 s window."""

from schemas.registry import AGGREGATE, ASSET, LATE, SENSOR
from streams.domain.aggregate import NAME, AggregateLogic
from streams.step import Step

STEP = Step(name=NAME, reads=(SENSOR,), writes=(AGGREGATE, LATE), references=(ASSET,), logic=AggregateLogic())
