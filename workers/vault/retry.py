"""When a request is tried again, and how long anything may take.

A retry is worth little when everybody retries: each client may add a tenth to its load and no more (safety.md
§2.6), waits are drawn from the whole interval (full jitter), and the stage above waits for the store anyway.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Deadlines and retries of one vault. Seconds, unless said otherwise.

    Args:
        connect: until the TCP connection (and TLS) stands.
        silence: longest pause in which no byte comes or goes.
        request: whole request with its body and answer; cut even if bytes trickle. A 16 MiB part needs
            0.28 MB/s to make the default.
        stride: one `readinto` of a Reader.
        tries: how often a request is sent at most, the first time included.
        longest_wait: upper end of the interval from which a wait before a retry is drawn.
        connections: kept open at most; more threads open more and close them again.
    """

    connect: float = 5.0
    silence: float = 20.0
    request: float = 60.0
    stride: float = 30.0
    tries: int = 4
    longest_wait: float = 2.0
    connections: int = 16


class RetryBudget:
    """A bucket that every success fills by a tenth and every retry empties by one.

    Args:
        reserve: retries that a new or long successful client may spend at once.
    """

    def __init__(self, reserve: int = 10) -> None:
        self._most = self._tenths = reserve * 10
        self._lock = threading.Lock()

    def earn(self) -> None:
        """A request succeeded."""
        with self._lock:
            self._tenths = min(self._most, self._tenths + 1)

    def spend(self) -> bool:
        """May a retry be made now?"""
        with self._lock:
            if self._tenths < 10:
                return False
            self._tenths -= 10
            return True


def wait_before(retry: int, limits: Limits) -> float:
    """Seconds to wait before the nth retry (from 1): full jitter over a doubling interval."""
    return random.uniform(0.0, min(limits.longest_wait, 0.1 * 2.0**retry))
