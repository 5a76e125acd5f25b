"""Who has opened a link: a cookie of 256 random bits, of which the database holds the digest."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from msgspec import Struct, convert

from workers.database.engine import Connection, execute, fetch
from workers.footage.canonical import sha256_hex
from workers.prosecution.links.rows import Link

HOLDER = "holder of the link"
"""Who opens a link that has no address."""

KEPT = timedelta(days=1)
"""After its end a session is forgotten; who it was stays in the custody log."""


class Session(Struct, frozen=True):
    """A session.

    Attributes:
        session: SHA-256 of the cookie's value.
        holder: the address that received the code, or "holder of the link".
    """

    session: str
    link_id: str
    holder: str
    opened_at: datetime
    ends_at: datetime


async def begin(connection: Connection, link: Link, now: datetime, lives: timedelta) -> tuple[str, Session]:
    """Open a link; returns the cookie's value, which is stored nowhere, and the session."""
    value = secrets.token_urlsafe(32)
    session = Session(sha256_hex(value.encode()), link.link_id, link.address or HOLDER, now, now + lives)
    await execute(connection, "DELETE FROM link_sessions WHERE ends_at < %s", (now - KEPT,))
    await execute(
        connection,
        "INSERT INTO link_sessions (session, link_id, holder, opened_at, ends_at) VALUES (%s, %s, %s, %s, %s)",
        (session.session, session.link_id, session.holder, session.opened_at, session.ends_at),
    )
    return value, session


async def find(connection: Connection, link: str, value: str, now: datetime) -> Session | None:
    """The session of this cookie, if it is of this link and has not ended."""
    found = await fetch(
        connection,
        "SELECT session, link_id, holder, opened_at, ends_at FROM link_sessions"
        " WHERE session = %s AND link_id = %s AND ends_at > %s",
        (sha256_hex(value.encode()), link, now),
    )
    return convert(found[0], Session) if found else None


async def end(connection: Connection, session: Session) -> None:
    """Whoever has opened the link closes it again."""
    await execute(connection, "DELETE FROM link_sessions WHERE session = %s", (session.session,))


async def end_all(connection: Connection, link: str) -> None:
    """Nobody has this link open any more, and no code that was sent opens it."""
    await execute(connection, "DELETE FROM link_sessions WHERE link_id = %s", (link,))
    await execute(connection, "DELETE FROM link_codes WHERE link_id = %s", (link,))
