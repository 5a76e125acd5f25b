"""Ports that are chosen once and then stay, so that a restarted server keeps its address."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Callable, Sequence
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
    try:
        stored: dict[str, int] = json.loads(path.read_text())
    except (OSError, ValueError):
        stored = {}
    chosen: dict[str, int] = {}
    for name in names:
        port = stored.get(name)
        if port is None or not is_free(port):
            new = _choose({*stored.values(), *chosen.values()})
            if port is not None:
                tell(f"port {port} ({name}) is taken by another program; using {new} from now on")
            port = new
        chosen[name] = port
    if chosen != stored:
        write_private(path, json.dumps(chosen, indent=1) + "\n")
    return chosen


def _choose(taken: set[int]) -> int:
    for _ in range(200):
        port = random.choice(_RANGE)
        if port not in taken and is_free(port):
            return port
    raise ConfigurationInvalid(f"no free port between {_RANGE.start} and {_RANGE.stop} on 127.0.0.1")
