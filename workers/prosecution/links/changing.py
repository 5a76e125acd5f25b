"""What a person decides about a link: nobody opens it any more, or another address does."""

from __future__ import annotations

from workers.database.engine import Connection, execute
from workers.errors import Refused
from workers.prosecution.links import rows, sessions
from workers.prosecution.links.address import checked
from workers.prosecution.links.rows import Link
from workers.prosecution.statements import LinkChange
from workers.retention.change import instant


async def change(connection: Connection, asked: LinkChange) -> tuple[Link, str]:
    """Change a link; whoever has it open is out, and no code that was sent opens it.

    A revoked link comes back only with an address: who holds it from before gets nothing without that mailbox.

    Returns:
        The link as it was, and one sentence for the person.

    Raises:
        Refused: there is no such link, its case is closed, it is revoked already, or codes cannot be sent there.
    """
    link = await rows.find(connection, asked.link_id, lock=True)
    if link is None:
        raise Refused(f"there is no link {asked.link_id}", "look at the links that there are: bwv link list")
    says = await (_revoke if asked.revoked else _readdress)(connection, link, asked)
    await sessions.end_all(connection, link.link_id)
    return link, says


async def _revoke(connection: Connection, link: Link, asked: LinkChange) -> str:
    if link.revoked_at is not None:
        raise Refused(f"{link.link_id} was revoked already, by {link.revoked_by}", "nothing is to be done")
    at = instant(asked.at, "the time of the request")
    await execute(
        connection,
        "UPDATE links SET revoked_at = %s, revoked_by = %s WHERE link_id = %s",
        (at, asked.by, link.link_id),
    )
    return f"{link.link_id} is revoked: it leads nowhere from now on, and whoever had it open is out"


async def _readdress(connection: Connection, link: Link, asked: LinkChange) -> str:
    if asked.address is None:
        raise Refused(f"{link.link_id} can only be changed to an address", "name one, or revoke the link")
    if link.closed_at is not None:
        raise Refused(f"the case of {link.link_id} is closed", "submit it again in a case that is open")
    await execute(
        connection,
        "UPDATE links SET address = %s, revoked_at = NULL, revoked_by = NULL WHERE link_id = %s",
        (checked(asked.address), link.link_id),
    )
    again = ", and valid again" if link.revoked_at is not None else ""
    return f"{link.link_id} opens with codes sent to {asked.address} alone{again}; whoever had it open is out"
