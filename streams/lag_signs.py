"""Signs of work: what stages tell of the bytes that they move, on a topic that nothing depends on."""

from __future__ import annotations

from collections import defaultdict

import msgspec
from aiokafka.partitioner import murmur2
from msgspec import Struct

from streams.messages import TransferProgressed
from workers.operations.lag.history import KEPT

AT_WORK = 6.0
"""Seconds after its last sign that a clip still counts as being worked on: three signs."""


class Sign(Struct):
    """The newest that was told of a clip's bytes.

    Attributes:
        told: append time of the newest message.
        moving: the same of the newest one that said that bytes move.
    """

    told: float
    moving: float
    rate: float
    done: int


class Signs:
    """The newest sign of each clip, by the stage that works on it."""

    def __init__(self) -> None:
        self._signs: defaultdict[str, dict[str, Sign]] = defaultdict(dict)

    def heard(self, time: float, body: bytes) -> None:
        """A message came, appended at this time."""
        try:
            told = msgspec.json.decode(body, type=TransferProgressed)
        except msgspec.DecodeError:
            return  # anybody's noise: no sign of work
        signs = self._signs[told.stage]
        before = signs[told.clip_id].moving if told.clip_id in signs else 0.0
        moving = time if told.bytes_per_second > 0 else before
        signs[told.clip_id] = Sign(time, moving, told.bytes_per_second, told.bytes_done)

    def forget_old(self) -> None:
        """What is older than the looks that are kept is of no use."""
        newest = max((sign.told for signs in self._signs.values() for sign in signs.values()), default=0.0)
        for signs in self._signs.values():
            for clip in [clip for clip, sign in signs.items() if sign.told < newest - KEPT]:
                del signs[clip]

    def moving(self, stage: str, partition: int, partitions: int) -> float:
        """Append time of the newest sign that the stage moves bytes of this partition; 0.0: there is none."""
        times = (
            sign.moving
            for clip, sign in self._signs[stage].items()
            if (murmur2(clip.encode()) & 0x7FFFFFFF) % partitions == partition
        )
        return max(times, default=0.0)

    def pace(self, stage: str, now: float) -> tuple[float, int]:
        """Bytes a second that the stage moves now, and how many are done of the clips that it works on."""
        live = [sign for sign in self._signs[stage].values() if now - sign.told < AT_WORK]
        return sum((sign.rate for sign in live), 0.0), sum(sign.done for sign in live)
