"""How a stage's process ends, and what its supervisor should do with it.

    0   stopped in order: nothing that was finished is redone
    2   configuration: refused to start and said why; do not restart
    70  could not go on safely (a dead letter was not confirmed, a defect in an engine): restart
    71  did not stop in time and left as it was: restart if wanted
    72  did not start in time: restart with backoff
    73  another process uses the same member id and has taken over: do not restart at once
    75  a part was away while the group had to be rearranged: left so that nobody waits for it; restart
    76  as many permanent faults in a row as `fault_limit`: the fault is not the messages'; a person looks

In every case but 0 there may be finished work whose offset is not committed: it comes again, and nothing is
acknowledged that was not finished.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import NoReturn

DONE = 0
CONFIGURATION = 2
UNSAFE = 70
NOT_STOPPED = 71
NOT_STARTED = 72
FENCED = 73
PART_AWAY = 75
TOO_MANY_FAULTS = 76


class StageEnds(Exception):
    """The stage must end with this exit code; whoever runs it cleans up and leaves.

    Args:
        code: one of this module's.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def leave(code: int, reason: str) -> NoReturn:
    """End the process now, without any cleanup that could acknowledge a message.

    `sys.exit` would unwind through the engines, and Faust acknowledges what it unwinds.
    """
    logging.getLogger("streams").critical("leaving with code %d: %s", code, reason)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)
