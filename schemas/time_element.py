"""Time elements of ISO 22400-2: every instant of the calendar lies in exactly one of them.

Sums of the standard: POT (planned operation time) = PBT + planned downtime; PBT (planned busy time) = AUBT + ADOT;
AUBT (busy) = AUPT + ADET; AUPT (unit processing) = APT + ASUT. The delays ADET are kept apart by kind.
"""

from enum import StrEnum


class TimeElement(StrEnum):
    """Where a second belongs. UNKNOWN is planned time of which no state is known: it counts in coverage alone."""

    PRODUCTION = "production"  # APT
    SET_UP = "set-up"  # ASUT
    BREAKDOWN = "breakdown"  # ADET: a malfunction
    MINOR_STOP = "minor stop"  # ADET: shorter than the threshold of the loss model
    DELAY = "delay"  # ADET: any other stop while there was work to do
    NO_ORDER = "no order"  # ADOT: could work, has nothing to do
    PLANNED_DOWNTIME = "planned downtime"  # planned maintenance and breaks: POT without PBT
    NOT_PLANNED = "not planned"  # outside of every shift
    UNKNOWN = "unknown"


#: ADET
DELAYS = (TimeElement.BREAKDOWN, TimeElement.MINOR_STOP, TimeElement.DELAY)
#: PBT
BUSY = (TimeElement.PRODUCTION, TimeElement.SET_UP, *DELAYS, TimeElement.NO_ORDER)
