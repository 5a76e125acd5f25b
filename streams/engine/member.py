"""Who this process is in its group: a slot, held by a lock file, and the static member id made of it.

A static member that restarts has its partitions back at once, however it ended. Two living processes with one
id would both go on and do everything twice, so the id belongs to a slot and the slot to one process: the
kernel frees the lock when its holder ends.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
from pathlib import Path

from streams.settings import Settings
from workers.errors import ConfigurationInvalid

MOST_SLOTS = 100


class Slot:
    """The lowest free slot of a stage on this machine; free again when the process ends.

    Args:
        folder: where the lock files lie; shared by the processes of one machine.

    Attributes:
        member: static member id, `<stage>-<host>-<slot>`.

    Raises:
        ConfigurationInvalid: no slot is free.
    """

    def __init__(self, stage: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(MOST_SLOTS):
            # Opened without inheritance: a child that lives longer must not keep the slot.
            self._lock = os.open(folder / f"{stage}-{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._lock)
                continue
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
            host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:100]
            self.member = f"{stage}-{host}-{number}"
            return
        raise ConfigurationInvalid(f"{folder}: all {MOST_SLOTS} slots of {stage} are in use")

    def free(self) -> None:
        """Give the slot back."""
        os.close(self._lock)


def heartbeat(settings: Settings) -> float:
    """Seconds between heartbeats: a third of the session, so that two may be lost."""
    return min(3.0, settings.session_timeout / 3)
