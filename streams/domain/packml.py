"""From MTConnect execution states to PackML states (ISA-TR88.00.02).

ACTIVE makes parts: Execute. READY could start at once: Idle. INTERRUPTED and WAIT wait for something outside the machine:
Suspended. FEED_HOLD and the stops that a program or an operator asked for wait for the operator: Held. STOPPED is Stopped,
PROGRAM_COMPLETED is Complete. UNAVAILABLE says nothing about the machine, so it has no PackML state. The acting states
between these (Starting, Holding, ...) are too short for MTConnect to report.
"""

from schemas.events.machine_event import Execution
from schemas.packml import PackMLState

PACKML: dict[Execution, PackMLState | None] = {
    Execution.ACTIVE: PackMLState.EXECUTE,
    Execution.READY: PackMLState.IDLE,
    Execution.INTERRUPTED: PackMLState.SUSPENDED,
    Execution.WAIT: PackMLState.SUSPENDED,
    Execution.FEED_HOLD: PackMLState.HELD,
    Execution.STOPPED: PackMLState.STOPPED,
    Execution.OPTIONAL_STOP: PackMLState.HELD,
    Execution.PROGRAM_STOPPED: PackMLState.HELD,
    Execution.PROGRAM_OPTIONAL_STOP: PackMLState.HELD,
    Execution.PROGRAM_COMPLETED: PackMLState.COMPLETE,
    Execution.UNAVAILABLE: None,
}
