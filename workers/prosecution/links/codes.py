"""One-time codes: eight digits, sent to the link's address, good once and for a short while.

Guessing is bounded: five tries a code, five codes an hour a link, so at most 25 of 100,000,000 an hour. What the
database holds of a code is an HMAC under the links' secret, so that not even its reader finds it by trying all.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

from workers.database.engine import Connection, execute, fetch
from workers.prosecution.links import rows
from workers.prosecution.links.secret import Secret

DIGITS = 8
MOST_TRIES = 5
"""Tries at one code; after them it is worth nothing."""
MOST_CODES = 5
"""Codes that one link sends within an hour."""
HOUR = timedelta(hours=1)
KEPT = timedelta(days=1)
"""Codes that are older are forgotten."""


async def new_code(connection: Connection, secret: Secret, link: str, now: datetime) -> str | None:
    """Make a code for a link; it takes the place of the one before. None: the link has sent its share of this hour."""
    await rows.find(connection, link, lock=True)  # counted and made by one at a time
    await execute(connection, "DELETE FROM link_codes WHERE sent_at < %s", (now - KEPT,))
    [counted] = await fetch(
        connection,
        "SELECT count(*) AS sent FROM link_codes WHERE link_id = %s AND sent_at > %s",
        (link, now - HOUR),
    )
    if counted["sent"] >= MOST_CODES:
        return None
    code, salt = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}", secrets.token_bytes(16)
    await execute(
        connection,
        "INSERT INTO link_codes (link_id, salt, digest, sent_at) VALUES (%s, %s, %s, %s)",
        (link, salt, _digest(secret, link, salt, code), now),
    )
    return code


async def forget(connection: Connection, link: str, sent_at: datetime) -> None:
    """A code that could not be sent does not count."""
    await execute(connection, "DELETE FROM link_codes WHERE link_id = %s AND sent_at = %s", (link, sent_at))


async def waits(connection: Connection, link: str, now: datetime, lives: timedelta) -> bool:
    """Whether a code was sent that can still be given."""
    found = await fetch(
        connection,
        "SELECT used_at IS NULL AND sent_at > %s AND tries < %s AS waits FROM link_codes WHERE link_id = %s"
        " ORDER BY sent_at DESC LIMIT 1",
        (now - lives, MOST_TRIES, link),
    )
    return bool(found and found[0]["waits"])


async def take(connection: Connection, secret: Secret, link: str, code: str, now: datetime, lives: timedelta) -> bool:
    """Whether this is the link's code; if it is, it is used up. Each call counts as a try.

    Args:
        code: as it was typed; blanks do not count.
        lives: how long a code can be given.
    """
    await rows.find(connection, link, lock=True)
    found = await fetch(
        connection,
        "UPDATE link_codes SET tries = tries + 1 WHERE link_id = %(link)s AND used_at IS NULL AND tries < %(most)s"
        " AND sent_at > %(since)s AND sent_at = (SELECT max(sent_at) FROM link_codes WHERE link_id = %(link)s)"
        " RETURNING salt, digest",
        {"link": link, "most": MOST_TRIES, "since": now - lives},
    )
    if not found:
        return False
    salt, digest = bytes(found[0]["salt"]), bytes(found[0]["digest"])
    if not hmac.compare_digest(digest, _digest(secret, link, salt, "".join(code.split()))):
        return False
    await execute(connection, "UPDATE link_codes SET used_at = %s WHERE link_id = %s AND salt = %s", (now, link, salt))
    return True


def _digest(secret: Secret, link: str, salt: bytes, code: str) -> bytes:
    return secret.mac("code", link.encode(), salt, code.encode())
