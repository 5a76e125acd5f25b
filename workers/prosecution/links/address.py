"""Where one-time codes are sent: one plain mail address, and nothing that could become a header."""

from __future__ import annotations

import re

from workers.errors import Refused

_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+"
)
"""The dot-atom of RFC 5322 and a host name: no names, no quotes, no blanks, no list."""

LONGEST = 254
_LONGEST_LOCAL = 64


def checked(address: str) -> str:
    """The address, if codes can be sent to it.

    Raises:
        Refused: it is not one plain address (RFC 5321, 4.5.3.1 for the lengths).
    """
    local = address.partition("@")[0]
    if len(address) > LONGEST or len(local) > _LONGEST_LOCAL or not _ADDRESS.fullmatch(address):
        raise Refused(f"{address[:80]!r} is not one mail address", "give one such as j.smith@cps.example")
    return address


def masked(address: str) -> str:
    """What a stranger may see of an address: enough for its owner, the same length for all ("j•••@c•••.example")."""
    local, _, host = address.partition("@")
    return f"{local[0]}•••@{host[0]}•••.{host.rpartition('.')[2]}"
