"""Who is signed in: a cookie of 256 random bits, of which the database holds the digest; and who tried how often."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from msgspec import Struct, convert

from console.web.people import Person
from workers.database.engine import Connection, Database, execute, fetch
from workers.footage.canonical import sha256_hex

RESTS = timedelta(minutes=30)
"""Without a request for so long, somebody has gone."""
LIVES = timedelta(hours=12)
"""A shift; then everybody signs in again."""
SEEN_EVERY = timedelta(minutes=1)
"""A request is noted once in so long, so that reading a page writes nothing."""

WITHIN = timedelta(minutes=15)
MOST_TRIES = 5
"""Wrong passwords for one warrant number within WITHIN; then nobody signs in with it until they are that old."""
KEPT = timedelta(days=1)


class Session(Struct, frozen=True):
    """A session.

    Attributes:
        session: SHA-256 of the cookie's value.
        stamp: of the password that opened it.
    """

    session: str
    person: str
    stamp: str
    opened_at: datetime
    seen_at: datetime


_COLUMNS = "session, person, stamp, opened_at, seen_at"


async def begin(connection: Connection, person: Person, now: datetime) -> str:
    """Sign somebody in; returns the cookie's value, which is stored nowhere."""
    value = secrets.token_urlsafe(32)
    await execute(connection, "DELETE FROM web_sessions WHERE seen_at < %s OR opened_at < %s", (now - KEPT, now - KEPT))
    await execute(
        connection,
        f"INSERT INTO web_sessions ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s)",
        (sha256_hex(value.encode()), person.person, person.stamp, now, now),
    )
    return value


async def find(database: Database, value: str, now: datetime) -> Session | None:
    """The session of this cookie, unless it has ended."""
    row = await database.fetch_one(
        f"SELECT {_COLUMNS} FROM web_sessions WHERE session = %s AND seen_at > %s AND opened_at > %s",
        (sha256_hex(value.encode()), now - RESTS, now - LIVES),
    )
    if row is None:
        return None
    found = convert(row, Session)
    if now - found.seen_at > SEEN_EVERY:
        await database.execute("UPDATE web_sessions SET seen_at = %s WHERE session = %s", (now, found.session))
    return found


async def end(database: Database, session: str) -> None:
    """Sign out; the reasons that were given in it end with it."""
    async with database.transaction() as connection:
        await execute(connection, "DELETE FROM web_reasons WHERE session = %s", (session,))
        await execute(connection, "DELETE FROM web_sessions WHERE session = %s", (session,))


async def may_try(database: Database, person: str, now: datetime) -> bool:
    """Note a try to sign in with this warrant number; False: there were too many. A row lock makes them take turns."""
    async with database.transaction() as connection:
        await execute(connection, "DELETE FROM web_tries WHERE at < %s", (now - WITHIN,))
        await execute(connection, "SELECT pg_advisory_xact_lock(hashtext('web_tries'), hashtext(%s))", (person,))
        rows = await fetch(
            connection, "SELECT count(*) AS n FROM web_tries WHERE person = %s AND at >= %s", (person, now - WITHIN)
        )
        if rows[0]["n"] >= MOST_TRIES:
            return False
        await execute(connection, "INSERT INTO web_tries (person, at) VALUES (%s, %s)", (person, now))
        return True


async def forget_tries(connection: Connection, person: str) -> None:
    """They have signed in."""
    await execute(connection, "DELETE FROM web_tries WHERE person = %s", (person,))


# -- reasons -----------------------------------------------------------------------------------------------


async def give_reason(connection: Connection, session: str, clip_id: str, reason: str, now: datetime) -> None:
    """Why somebody looks at a clip that is not theirs; it holds for this session."""
    await execute(
        connection,
        "INSERT INTO web_reasons (session, clip_id, reason, at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (session, clip_id) DO UPDATE SET reason = EXCLUDED.reason, at = EXCLUDED.at",
        (session, clip_id, reason, now),
    )


async def reason_given(database: Database, session: str, clip_id: str) -> str | None:
    """The reason that was given in this session."""
    row = await database.fetch_one(
        "SELECT reason FROM web_reasons WHERE session = %s AND clip_id = %s", (session, clip_id)
    )
    return row["reason"] if row else None
