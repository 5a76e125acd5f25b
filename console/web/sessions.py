"""Who is signed in: a cookie of 256 random bits, of which the database holds the digest; and why they looked."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct, convert

from console.web.people import Person, Role
from workers.database.engine import Connection, Database, execute
from workers.footage.canonical import sha256_hex

RESTS = timedelta(minutes=30)
"""Without a request for so long, somebody has gone."""
LIVES = timedelta(hours=12)
"""A shift; then everybody signs in again."""
SEEN_EVERY = timedelta(minutes=1)
"""A request is noted once in so long, so that reading a page writes nothing."""
KEPT = timedelta(days=1)


class Via(StrEnum):
    """How somebody came in."""

    PASSWORD = "password"
    DIRECTORY = "directory"
    TOKEN = "token"


class Session(Struct, frozen=True):
    """A session.

    Attributes:
        session: SHA-256 of the cookie's value; `token:<id>` of what comes by a token.
        stamp: of the password that opened it.
        ends_at: when it ends whatever happens.
        name, roles: as the directory told them; no roles: the file of people has them.
    """

    session: str
    person: str
    stamp: str
    opened_at: datetime
    seen_at: datetime
    ends_at: datetime
    via: Via = Via.PASSWORD
    name: str = ""
    roles: tuple[Role, ...] = ()


_COLUMNS = "session, person, stamp, opened_at, seen_at, ends_at, via, name, roles"


async def begin(
    connection: Connection,
    person: Person,
    now: datetime,
    *,
    via: Via = Via.PASSWORD,
    lives: timedelta = LIVES,
    told: Person | None = None,
    instead: str | None = None,
) -> str:
    """Sign somebody in; returns the cookie's value, which is new and stored nowhere.

    Args:
        lives: how long this session lasts at most.
        told: with name and roles as the directory told them.
        instead: the cookie that the browser came with: a session is never gone on with (fixation), it ends.
    """
    value = secrets.token_urlsafe(32)
    if instead is not None:
        await _end(connection, sha256_hex(instead.encode()))
    await execute(connection, "DELETE FROM web_sessions WHERE seen_at < %s OR ends_at < %s", (now - KEPT, now - KEPT))
    await execute(connection, "DELETE FROM web_reasons WHERE at < %s", (now - KEPT,))  # of sessions that just ended
    await execute(
        connection,
        f"INSERT INTO web_sessions ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            sha256_hex(value.encode()), person.person, person.stamp if via is Via.PASSWORD else "", now, now,
            now + min(lives, LIVES), via.value, told.name if told else "",
            [role.value for role in told.roles] if told else [],
        ),
    )  # fmt: skip
    return value


async def find(database: Database, value: str, now: datetime) -> Session | None:
    """The session of this cookie, unless it has ended."""
    row = await database.fetch_one(
        f"SELECT {_COLUMNS} FROM web_sessions WHERE session = %s AND seen_at > %s AND ends_at > %s",
        (sha256_hex(value.encode()), now - RESTS, now),
    )
    if row is None:
        return None
    found = convert(row, Session)
    if now - found.seen_at > SEEN_EVERY:
        await database.execute("UPDATE web_sessions SET seen_at = %s WHERE session = %s", (now, found.session))
    return found


def person_of(session: Session, kept: Person | None, now: datetime) -> Person | None:
    """Who a session is for now; None: it opens nothing any more.

    Args:
        kept: whom the file of people has under this warrant number, those who left too.
    """
    if kept is not None and not kept.here(now):
        return None
    if session.via is Via.DIRECTORY and session.roles:
        return Person(session.person, session.name, session.roles, unit="" if kept is None else kept.unit)
    if kept is None or (session.via is Via.PASSWORD and kept.stamp != session.stamp):
        return None
    return kept


async def end(database: Database, session: str) -> None:
    """Sign out; the reasons that were given in it end with it."""
    async with database.transaction() as connection:
        await _end(connection, session)


async def _end(connection: Connection, session: str) -> None:
    await execute(connection, "DELETE FROM web_reasons WHERE session = %s", (session,))
    await execute(connection, "DELETE FROM web_sessions WHERE session = %s", (session,))


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
