"""The rows of links: made by prosecution with a submission's manifest, changed by links when a person asks."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, convert

from workers.database.engine import Connection, execute, fetch
from workers.prosecution.identity import link_id
from workers.prosecution.links.address import checked
from workers.prosecution.links.secret import Secret, token_digest

PATH = "/l/"


class Link(Struct, frozen=True):
    """A link.

    Attributes:
        address: where codes are sent; None: whoever holds the link is "holder of the link".
        urn: of its case; None while nobody knows the case.
        closed_at: when its case was closed: from then on it leads nowhere.
    """

    link_id: str
    submission_id: str
    case_id: str
    address: str | None
    made_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    urn: str | None
    closed_at: datetime | None


async def make(
    connection: Connection, secret: Secret, base: str, *, submission_id: str, case_id: str, address: str | None
) -> str:
    """Make a submission's link, or find it as it is: the same submission has the same link.

    Args:
        base: where links are served, as recipients see it ("https://evidence.force.example").
        address: where one-time codes are sent; None: the link alone opens it.

    Returns:
        The link's address. It is stored nowhere else: it belongs into the manifest.

    Raises:
        Refused: codes cannot be sent to such an address.
    """
    link = link_id(submission_id)
    token = secret.token(link)
    await execute(
        connection,
        "INSERT INTO links (link_id, token_sha256, submission_id, case_id, address, made_at)"
        " VALUES (%s, %s, %s, %s, %s, now()) ON CONFLICT (link_id) DO NOTHING",
        (link, token_digest(token), submission_id, case_id, None if address is None else checked(address)),
    )
    return f"{base}{PATH}{token}"


_LINKS = (
    "SELECT l.link_id, l.submission_id, l.case_id, l.address, l.made_at, l.revoked_at, l.revoked_by, c.urn,"
    " c.closed_at FROM links l LEFT JOIN cases c USING (case_id)"
)


async def find(connection: Connection, link: str, *, lock: bool = False) -> Link | None:
    """A link by its id.

    Args:
        lock: nobody else changes it, or sends a code for it, until the transaction's end.
    """
    rows = await fetch(connection, f"{_LINKS} WHERE l.link_id = %s{' FOR UPDATE OF l' if lock else ''}", (link,))
    return convert(rows[0], Link) if rows else None


async def find_open(connection: Connection, token: str) -> Link | None:
    """The link whose address ends in this token; None if there is none, if it is revoked or its case closed."""
    rows = await fetch(
        connection,
        f"{_LINKS} WHERE l.token_sha256 = %s AND l.revoked_at IS NULL AND c.case_id IS NOT NULL"
        " AND c.closed_at IS NULL",
        (token_digest(token),),
    )
    return convert(rows[0], Link) if rows else None


async def listed(connection: Connection, about: tuple[str, ...] | None = None) -> list[Link]:
    """Links, newest first.

    Args:
        about: ids of links, submissions or cases, any of which will do; None: all.
    """
    rows = await fetch(
        connection,
        f"{_LINKS} WHERE %(about)s::text[] IS NULL OR ARRAY[l.link_id, l.submission_id, l.case_id] && %(about)s"
        " ORDER BY l.made_at DESC, l.link_id",
        {"about": None if about is None else list(about)},
    )
    return [convert(row, Link) for row in rows]
