"""Become another program that dies when its starter dies.

    python -I -S tether.py PARENT_PID SIGNAL PROGRAM [ARGUMENT ...]

A child cannot be told of its parent's death from outside, and code that runs between fork and exec in a
threaded parent is unsafe. So the child starts as this script, asks the kernel for SIGNAL at the death of the
*thread* that started it (see processes.py: that thread lives as long as its process) and becomes PROGRAM.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tie(parent: int, last_signal: int) -> None:
    """Get `last_signal` when `parent`, the process that started this one, ends."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, last_signal, 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("the starter died before its child was tied to it")


def main() -> None:
    """Tie, then become."""
    parent, last_signal, *argv = sys.argv[1:]
    tie(int(parent), int(last_signal))
    # What is ignored stays ignored in PROGRAM: Python ignores the first two, a shell's `&` the last two.
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        sys.exit(f"{argv[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
