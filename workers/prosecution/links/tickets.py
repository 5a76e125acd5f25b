"""Addresses that live a minute: what the stable address of an item leads to, for one session alone."""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from msgspec import Struct

from workers.prosecution.links.secret import Secret, text

PATH = "/m/"
LIVES = timedelta(seconds=60)

_LONGEST = 512

Way = Literal["media", "file"]
"""Looked at in place, or taken away."""


class Ticket(Struct, frozen=True, array_like=True):
    """Leave to read one item.

    Attributes:
        session: digest of the session's cookie: without that cookie the address is worth nothing.
        until: seconds since 1970 by which reading must have begun.
    """

    link_id: str
    n: int
    way: Way
    session: str
    until: int

    def late(self, now: datetime) -> bool:
        """Whether its minute is over."""
        return now.timestamp() >= self.until


def issue(secret: Secret, link: str, n: int, way: Way, session: str, now: datetime) -> str:
    """The path of an item for the next minute."""
    body = msgspec.json.encode(Ticket(link, n, way, session, int((now + LIVES).timestamp())))
    return f"{PATH}{text(body)}.{text(secret.mac('ticket', body))}"


def redeem(secret: Secret, given: str) -> Ticket | None:
    """The ticket, late or not; None if we did not issue it."""
    body, _, mac = given.partition(".")
    if len(given) > _LONGEST:
        return None
    try:
        opened = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except (binascii.Error, ValueError):
        return None
    if not hmac.compare_digest(text(secret.mac("ticket", opened)).encode(), mac.encode()):
        return None
    return msgspec.json.decode(opened, type=Ticket)
