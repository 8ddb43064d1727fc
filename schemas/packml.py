"""States of PackML (ISA-TR88.00.02), by their exchange names (OPC 30060); numbers differ by vendor and are not used."""

from enum import StrEnum


class PackMLState(StrEnum):
    """What a machine does, in the words of PackML. States that end in -ing pass by themselves; the others wait."""

    STOPPED = "Stopped"
    RESETTING = "Resetting"
    IDLE = "Idle"
    STARTING = "Starting"
    EXECUTE = "Execute"
    COMPLETING = "Completing"
    COMPLETE = "Complete"
    ABORTING = "Aborting"
    ABORTED = "Aborted"
    STOPPING = "Stopping"
    CLEARING = "Clearing"
    SUSPENDING = "Suspending"
    SUSPENDED = "Suspended"
    UNSUSPENDING = "Unsuspending"
    HOLDING = "Holding"
    HELD = "Held"
    UNHOLDING = "Unholding"
