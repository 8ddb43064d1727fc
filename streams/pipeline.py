"""The pipeline: its steps, in the order of the data's way."""

from streams.agents import aggregate, alert, kpi, measure, publish, spc, twin
from streams.step import Step

STEPS: tuple[Step, ...] = (aggregate.STEP, measure.STEP, kpi.STEP, alert.STEP, spc.STEP, twin.STEP, publish.STEP)
