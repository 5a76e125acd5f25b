"""Ports that are chosen once and then stay, so that a restarted server keeps its address.

Every server and every home chooses for itself, and long before it listens. What each has chosen is therefore noted
for the whole machine: a port that is only promised looks free to whoever asks the kernel.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from local.files import write_private
from workers.errors import ConfigurationInvalid

# Below Linux' range for outgoing connections (32768 and up): there, any client on the machine could sit on a
# port while its server is down.
_RANGE = range(15000, 32000)


def is_free(port: int) -> bool:
    """True when a server could listen on 127.0.0.1:port now."""
    with socket.socket() as probe:
        # As servers do: connections that are only waiting to be forgotten do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def keep_ports(path: Path, names: Sequence[str], tell: Callable[[str], None]) -> dict[str, int]:
    """The ports stored in `path`, chosen now where there is none or where somebody else sits on one.

    Args:
        names: one port each.
        tell: gets a sentence for every port that had to change.
    """
    path = path.absolute()
    with _promised() as promised:
        others = {port for port, owner in promised.items() if owner != path}
        stored = kept_ports(path)
        chosen: dict[str, int] = {}
        for name in names:
            port = stored.get(name)
            if port is None or port in others or not is_free(port):
                new = _choose(others | {*stored.values(), *chosen.values()})
                if port is not None:
                    tell(f"port {port} ({name}) is taken by another program; using {new} from now on")
                port = new
            chosen[name] = port
        if chosen != stored:
            write_private(path, json.dumps(chosen, indent=1) + "\n")
        for port in chosen.values():
            promised[port] = path
    return chosen


def kept_ports(path: Path) -> dict[str, int]:
    """The ports that were chosen before; none where there is no such file."""
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}


def _choose(taken: set[int]) -> int:
    for _ in range(200):
        port = random.choice(_RANGE)
        if port not in taken and is_free(port):
            return port
    raise ConfigurationInvalid(f"no free port between {_RANGE.start} and {_RANGE.stop} on 127.0.0.1")


@contextlib.contextmanager
def _promised() -> Iterator[dict[int, Path]]:
    """Which file has each port of this machine, for one chooser at a time; what was changed is kept."""
    notes = Path(tempfile.gettempdir()) / f"bwv-ports-{os.getuid()}.json"
    with open(os.open(notes.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        noted = {port: Path(owner) for port, owner in _noted(notes).items()}
        has = {owner: set(kept_ports(owner).values()) for owner in set(noted.values())}
        # A home that is gone, or that has moved on to another port, wants this one no more.
        promised = {port: owner for port, owner in noted.items() if port in has[owner]}
        yield promised
        write_private(notes, json.dumps({port: str(owner) for port, owner in promised.items()}, indent=1) + "\n")


def _noted(notes: Path) -> Mapping[int, str]:
    try:
        return {int(port): owner for port, owner in json.loads(notes.read_text()).items()}
    except (OSError, ValueError):
        return {}
