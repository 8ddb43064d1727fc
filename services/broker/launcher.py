"""Runs between fork and Java: asks the kernel to end this process with its parent, then becomes Java.

Usage: ``python launcher.py PARENT COMMAND...``. A program of its own because the same call in a ``preexec_fn`` is not safe in a
process with threads. Imports nothing of this project: it runs isolated, without site packages.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(parent: int, command: list[str]) -> None:
    """Become ``command``, which gets SIGTERM when the thread that started this process ends (prctl(2), Linux only)."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
        if os.getppid() != parent:
            sys.exit("the parent process has ended")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
