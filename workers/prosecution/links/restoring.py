"""The table `links`, made again: each link from its submission, then what people changed, failing safe.

A token is the one in the manifest that went out, so that the same address leads to the same footage; whether the
secret still makes it is asked at the door. A change that nobody proves closes its link: it may have been revoked, or
taken from a mailbox that is somebody else's. Codes and sessions do not come back: a reader asks for a new code.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from workers.custody.entry import Entry
from workers.database.engine import Connection, Row, execute, fetch
from workers.errors import BwvError
from workers.keys.proving import proved
from workers.keys.signing import Role, Signed, check_signer
from workers.prosecution.identity import link_id
from workers.prosecution.links.address import checked
from workers.prosecution.links.rows import PATH
from workers.prosecution.links.secret import token_digest
from workers.prosecution.statements import LinkChange, SubmissionOrder
from workers.retention.change import instant
from workers.retention.restoring import IsMessage, Keys
from workers.retention.restoring_shared import REBUILD

TYPE = "links.changed"


class RestoredLinks(Struct, frozen=True):
    """What was made again.

    Attributes:
        passed_over: one sentence for each link that was closed since nobody proves a change of it.
    """

    links: int
    passed_over: tuple[str, ...]


async def restore_links(connection: Connection, keys: Keys, is_message: IsMessage) -> RestoredLinks:
    """Make every link of a submission again. Called after `restore_submissions`.

    Args:
        keys: by id; one that was revoked since still proves what it signed before.
        is_message: whether bytes are a message of the type that a topic carries; what is not had no effect.
    """
    rows = await fetch(
        connection,
        "SELECT submission_id, case_id, ordered, prepared_at, manifest->>'link' AS link FROM submissions"
        " WHERE manifest->>'link' IS NOT NULL",
    )
    for row in rows:
        await _enter(connection, row)
    changes = await fetch(
        connection,
        "SELECT topic, time, entry, payload FROM custody WHERE type = %s AND conflicts_with IS NULL"
        " AND entry::jsonb->>'unreadable' IS NULL ORDER BY time, index",
        (TYPE,),
    )
    passed_over = []
    for row in changes:
        link = msgspec.json.decode(row["entry"], type=Entry).subject
        if row["payload"] is not None and not is_message(row["topic"], row["payload"]):
            continue
        content = msgspec.json.decode(row["payload"]) if row["payload"] is not None else {}
        if not await _changed(connection, link, content, keys):
            await _revoke(connection, link, row["time"], REBUILD)
            passed_over.append(
                f"a change of {link} at {row['time']:%Y-%m-%d %H:%M:%S %Z}: no known person's key signed it, so the"
                " link is closed; bwv link readdress opens it again"
            )
    return RestoredLinks(len(rows), tuple(passed_over))


async def _enter(connection: Connection, row: Row) -> None:
    order = msgspec.json.decode(msgspec.convert(row["ordered"], Signed).body, type=SubmissionOrder)
    await execute(
        connection,
        "INSERT INTO links (link_id, token_sha256, submission_id, case_id, address, made_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (
            link_id(row["submission_id"]),
            token_digest(row["link"].rpartition(PATH)[2]),
            row["submission_id"],
            row["case_id"],
            order.address,
            row["prepared_at"],
        ),
    )


async def _changed(connection: Connection, link: str, content: dict[str, Any], keys: Keys) -> bool:
    """Make a change again that a known person signed for this link in their own name; False: nobody did."""
    asked = proved(content.get("change"), LinkChange, Role.PERSON, keys)
    if asked is None or asked.link_id != link:
        return False
    try:
        check_signer(asked.by, msgspec.convert(content["change"], Signed))
        at = instant(asked.at, "the time of the request")
        address = None if asked.revoked else checked(asked.address or "")
    except BwvError:
        return False
    if address is None:
        await _revoke(connection, link, at, asked.by)
    else:
        await execute(
            connection,
            "UPDATE links SET address = %s, revoked_at = NULL, revoked_by = NULL WHERE link_id = %s",
            (address, link),
        )
    return True


async def _revoke(connection: Connection, link: str, at: Any, by: str) -> None:
    await execute(connection, "UPDATE links SET revoked_at = %s, revoked_by = %s WHERE link_id = %s", (at, by, link))
