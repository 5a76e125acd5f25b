"""API tokens: a program asks in the name of a person, with some of that person's roles, until the token ends.

Of a token the digest alone is kept; it is shown once, when it is made. It has 256 random bits, so a plain digest
suffices (no one can guess it), and it begins with `bwv_`, so that scanners find one that was published by mistake.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from console.web.people import Person, Role, given_roles, plain_name
from console.web.private_file import PrivateFile
from workers.database.engine import Database
from workers.errors import Refused
from workers.footage.canonical import sha256_hex

TOKENS = "tokens.json"
"""The file, beside that of people; 0600."""

MOST_DAYS = 366
"""That a token lives; then another one is made."""
NOTED_EVERY = timedelta(minutes=1)
"""A use is noted once in so long."""


class Token(Struct, frozen=True, omit_defaults=True):
    """What is kept of a token.

    Attributes:
        token: its name, which is no secret.
        person: in whose name it asks; when they leave, it opens nothing.
        roles: it asks with those of them that the person still has.
        what: it is for.
        digest: SHA-256 of the whole token.
    """

    token: str
    person: str
    roles: tuple[Role, ...]
    what: str
    digest: str
    made_by: str
    made_at: datetime
    ends_at: datetime
    revoked_at: datetime | None = None

    def opens(self, now: datetime) -> bool:
        """Whether it is neither over nor revoked."""
        return self.revoked_at is None and now < self.ends_at

    def __repr__(self) -> str:
        return f"Token({self.token!r}, {self.person!r})"


class Tokens:
    """The file of tokens.

    Args:
        path: of the file. Without one there is none.
    """

    def __init__(self, path: Path) -> None:
        self._file = PrivateFile(path, Token, lambda one: one.token, "tokens")

    def known(self) -> dict[str, Token]:
        """Every token by its name, those that are over too."""
        return self._file.rows()

    def new(
        self, person: Person, roles: Iterable[Role], what: str, *, by: str, now: datetime, days: int
    ) -> tuple[Token, str]:
        """Make a token; returns what is kept of it, and the token itself, which is not.

        Args:
            person: in whose name it asks.
            by: who makes it.
            days: that it lives.

        Raises:
            Refused: the person has not these roles, or it would live too long.
        """
        wanted = given_roles(roles)
        if missing := [role for role in wanted if role not in person.roles]:
            raise Refused(f"{person.person} is not {', '.join(missing)}", f"give of {', '.join(person.roles)}")
        if not 1 <= days <= MOST_DAYS:
            raise Refused(f"a token for {days} days; expected 1 to {MOST_DAYS}", "make another one before it ends")
        with self._file.changing() as known:
            name = secrets.token_hex(4)
            while name in known:
                name = secrets.token_hex(4)
            secret = f"bwv_{name}_{secrets.token_urlsafe(32)}"
            known[name] = made = Token(
                name, person.person, wanted, plain_name(what), sha256_hex(secret.encode()), by, now,
                now + timedelta(days=days),
            )  # fmt: skip
        return made, secret

    def revoke(self, token: str, now: datetime) -> Token:
        """A token opens nothing any more, from the next request on.

        Raises:
            Refused: there is none of this name, or it was revoked before.
        """
        with self._file.changing() as known:
            found = known.get(token)
            if found is None or found.revoked_at is not None:
                raise Refused(f"there is no token {token[:40]!r} that could be revoked", "see: bwv people token list")
            known[token] = revoked = replace(found, revoked_at=now)
            return revoked

    def of(self, secret: str, now: datetime) -> Token | None:
        """What is kept of this token, if it opens anything now."""
        _, _, rest = secret.partition("_")
        found = self.known().get(rest.partition("_")[0])
        digest = sha256_hex(secret.encode())
        if found is None or not hmac.compare_digest(found.digest, digest) or not found.opens(now):
            return None
        return found


async def note_use(database: Database, token: str, now: datetime) -> None:
    """Note that a token was used, at most once in NOTED_EVERY."""
    await database.execute(
        "INSERT INTO web_token_uses (token, used_at) VALUES (%(token)s, %(now)s) ON CONFLICT (token) DO UPDATE"
        " SET used_at = EXCLUDED.used_at WHERE web_token_uses.used_at < %(before)s",
        {"token": token, "now": now, "before": now - NOTED_EVERY},
    )


async def last_uses(database: Database) -> dict[str, datetime]:
    """Token → when it was last used."""
    rows = await database.fetch("SELECT token, used_at FROM web_token_uses")
    return {row["token"]: row["used_at"].astimezone(UTC) for row in rows}
