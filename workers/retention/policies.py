"""The policies that were ever adopted; the highest version is in force.

An adoption holds the one guard row, so that a disposal is committed under the policy before it or the one after
it, never between the two.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

import msgspec
from msgspec import Struct

from workers.database.engine import Connection, execute, fetch
from workers.errors import PermanentFault, Refused
from workers.footage.canonical import sha256_hex
from workers.footage.clip import SHA256_HEX
from workers.keys.signing import Signed
from workers.retention.policy import Policy, parse
from workers.retention.statements import Adoption

READ_AGAIN = "read what is in force (bwv retention show), make the dry run again and adopt what it shows"


class Adopted(Struct, frozen=True):
    """One version, as it was adopted."""

    version: int
    name: str
    toml: str
    sha256: str
    adopted_at: datetime
    adopted_by: str


@lru_cache(maxsize=64)
def _parsed(toml: str, version: int) -> Policy:
    return parse(toml, version)


async def current(connection: Connection) -> Policy | None:
    """The policy in force, or None: then nothing goes."""
    rows = await fetch(connection, "SELECT toml, version FROM policies ORDER BY version DESC LIMIT 1")
    return _parsed(**rows[0]) if rows else None


async def of_version(connection: Connection, version: int) -> Policy | None:
    """The policy of this version, or None if it was never adopted."""
    rows = await fetch(connection, "SELECT toml, version FROM policies WHERE version = %s", (version,))
    return _parsed(**rows[0]) if rows else None


async def all_versions(connection: Connection) -> list[Adopted]:
    """Every policy that was adopted, newest first."""
    rows = await fetch(connection, "SELECT * FROM policies ORDER BY version DESC")
    return [msgspec.convert(row, Adopted) for row in rows]


async def named_only(connection: Connection) -> frozenset[str]:
    """Categories whose clips only people who were named for them see: by the newest policy that defines each, so that
    a category which is given up hides no less than before."""
    rows = await fetch(connection, "SELECT toml, version FROM policies ORDER BY version")
    found = {one.name: one.named_only for row in rows for one in _parsed(**row).categories}
    return frozenset(name for name, hidden in found.items() if hidden)


async def adopt(connection: Connection, asked: Adoption, signed: Signed) -> Policy:
    """Put a policy in force, inside the caller's transaction, whose commit lets the next disposal go on.

    Args:
        signed: the adoption, verbatim.

    Raises:
        Refused: another version is next, the text is not the signed one, not a policy, or in force already.
    """
    await execute(connection, "SELECT one FROM guard FOR UPDATE")
    policy = await _acceptable(connection, asked)
    await execute(
        connection,
        "INSERT INTO policies (version, name, toml, sha256, adopted_at, adopted_by, adoption)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            asked.version,
            policy.name,
            asked.toml,
            asked.sha256,
            asked.at,
            asked.by,
            msgspec.json.encode(signed).decode(),
        ),
    )
    return policy


async def _acceptable(connection: Connection, asked: Adoption) -> Policy:
    rows = await fetch(connection, "SELECT version, sha256 FROM policies ORDER BY version DESC LIMIT 1")
    version, in_force = (rows[0]["version"], rows[0]["sha256"]) if rows else (0, "")
    if asked.version != version + 1:
        raise Refused(f"version {asked.version} cannot be adopted: {version + 1} is the next", READ_AGAIN)
    found = sha256_hex(asked.toml.encode())
    if found != asked.sha256:
        raise Refused(f"the policy's text has SHA-256 {found}, the adoption signs {asked.sha256}", READ_AGAIN)
    if found == in_force:
        raise Refused(f"this very text is in force already, as version {version}", "nothing needs to be done")
    if not SHA256_HEX.fullmatch(asked.dry_run):
        raise Refused("the adoption names no dry run", "make one with: bwv retention dry-run FILE")
    try:
        return _parsed(asked.toml, asked.version)
    except PermanentFault as error:
        raise Refused(f"this is not a policy: {error}", "correct the text; the dry run says the same") from error
