"""Who may come in: the link, code and session of a request, against the database. It shows and sends nothing.

Whoever may not is told the same, whatever the reason: there is nothing here.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request

from workers.database.engine import Database, fetch
from workers.prosecution.links import codes, rows, sessions
from workers.prosecution.links.cookies import Cookies
from workers.prosecution.links.rows import Link
from workers.prosecution.links.secret import Secret
from workers.prosecution.links.sessions import Session
from workers.prosecution.links.tickets import Ticket, Way, issue, redeem
from workers.prosecution.submission.manifest import Manifest, ManifestItem, manifest_of

T = TypeVar("T")


class Lives(Struct, frozen=True):
    """How long a code can be given, and how long a link stays open after it."""

    code: timedelta
    session: timedelta


class Door:
    """Decides who may look at what."""

    def __init__(self, database: Database, secret: Secret, cookies: Cookies, lives: Lives) -> None:
        self._database = database
        self._secret = secret
        self._cookies = cookies
        self._lives = lives

    @staticmethod
    def now() -> datetime:
        """The time; codes, sessions and short addresses are measured by it."""
        return datetime.now(UTC)

    async def link(self, request: Request) -> Link:
        """The open link of this address; HTTPException 404 if there is none, or another secret made it."""
        token = request.path_params["token"]
        async with self._database.connection() as connection:
            link = _here(await rows.find_open(connection, token))
        return _here(link if hmac.compare_digest(self._secret.token(link.link_id), token) else None)

    async def session(self, request: Request, link: Link) -> Session | None:
        """Who has this link open in this browser."""
        value = self._cookies.session(request, link.link_id)
        if value is None:
            return None
        async with self._database.connection() as connection:
            return await sessions.find(connection, link.link_id, value, self.now())

    async def begin(self, link: Link) -> tuple[str, Session]:
        """Open a link that has no address, or whose code was given."""
        async with self._database.transaction() as connection:
            return await sessions.begin(connection, link, self.now(), self._lives.session)

    async def end(self, session: Session) -> None:
        """Close it in this browser."""
        async with self._database.connection() as connection:
            await sessions.end(connection, session)

    # -- codes ---------------------------------------------------------------------------------------------

    async def waits_for_code(self, link: Link) -> bool:
        """Whether a code was sent that can still be given."""
        async with self._database.connection() as connection:
            return await codes.waits(connection, link.link_id, self.now(), self._lives.code)

    async def new_code(self, link: Link, at: datetime) -> str | None:
        """A code to send; None: this link has sent its share of the hour."""
        async with self._database.transaction() as connection:
            return await codes.new_code(connection, self._secret, link.link_id, at)

    async def forget_code(self, link: Link, at: datetime) -> None:
        """The code of that time could not be sent."""
        async with self._database.connection() as connection:
            await codes.forget(connection, link.link_id, at)

    async def is_code(self, link: Link, code: str) -> bool:
        """Whether this opens the link; it does so once."""
        async with self._database.transaction() as connection:
            return await codes.take(connection, self._secret, link.link_id, code, self.now(), self._lives.code)

    # -- what lies behind ----------------------------------------------------------------------------------

    async def manifest(self, link: Link) -> Manifest:
        """What was submitted; HTTPException 404 if nothing was yet."""
        async with self._database.connection() as connection:
            found = await fetch(
                connection,
                "SELECT manifest FROM submissions WHERE submission_id = %s AND manifest IS NOT NULL",
                (link.submission_id,),
            )
        return manifest_of(_here(found[0] if found else None)["manifest"])

    async def item(self, link: Link, n: int) -> ManifestItem:
        """One item; HTTPException 404 if there is none of this number."""
        return _here((await self.manifest(link)).item(n))

    def short(self, item: ManifestItem, way: Way, session: Session) -> str:
        """The path of an item for the next minute."""
        return issue(self._secret, session.link_id, item.n, way, session.session, self.now())

    async def shown(self, request: Request) -> tuple[Ticket, Link, Session]:
        """The ticket of a short address, and who shows it: nobody but the session that it was issued to."""
        ticket = _here(redeem(self._secret, request.path_params["ticket"]))
        async with self._database.connection() as connection:
            link = _here(await rows.find_open(connection, self._secret.token(ticket.link_id)))
        session = _here(await self.session(request, link))
        if session.session != ticket.session:
            raise HTTPException(404)
        return ticket, link, session

    def stable(self, ticket: Ticket) -> str:
        """The path that a ticket was issued for."""
        return item_path(self._secret.token(ticket.link_id), ticket.n, ticket.way)

    async def still_open(self, session: Session) -> bool:
        """Whether this session may go on: its link lives and it has not ended."""
        async with self._database.connection() as connection:
            found = await fetch(
                connection,
                "SELECT 1 FROM link_sessions s JOIN links l USING (link_id) JOIN cases c USING (case_id)"
                " WHERE s.session = %s AND s.ends_at > %s AND l.revoked_at IS NULL AND c.closed_at IS NULL",
                (session.session, self.now()),
            )
        return bool(found)


def _here(found: T | None) -> T:
    if found is None:
        raise HTTPException(404)
    return found


def item_path(token: str, n: int, way: Way) -> str:
    """The stable path of an item."""
    return f"{rows.PATH}{token}/items/{n}/{way}"
