"""A reading that takes its time, and gives up at once when it is told to."""

from __future__ import annotations

import threading
import time

from streams.engine.pace import Paced


def test_no_faster_than_the_rate() -> None:
    counted: list[int] = []
    work, began = Paced(10e6, counted.append), time.monotonic()
    for _ in range(8):
        work.told(500_000)
    assert time.monotonic() - began >= 0.4
    assert work.bytes_done == sum(counted) == 4_000_000


def test_without_a_rate_it_does_not_wait() -> None:
    work, began = Paced(), time.monotonic()
    for _ in range(1000):
        work.told(1 << 30)
    assert time.monotonic() - began < 1


def test_a_wait_ends_when_the_reading_is_given_up() -> None:
    work = Paced(1.0)
    threading.Timer(0.1, work.stop).start()
    began = time.monotonic()
    work.told(1000)
    assert time.monotonic() - began < 5
    assert work.stopped()
