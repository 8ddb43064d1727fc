"""The step spc: sensor frames to control limits, alarms of control charts and capability."""

from schemas.registry import ALERT, ASSET, CAPABILITY, CONTROL_LIMITS, LATE, SENSOR
from streams.domain.spc import NAME, SpcLogic
from streams.step import Step

STEP = Step(
    name=NAME, reads=(SENSOR,), writes=(CONTROL_LIMITS, CAPABILITY, ALERT, LATE), references=(ASSET,), logic=SpcLogic()
)  # fmt: skip
