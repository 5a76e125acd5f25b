"""The enrolled keys, as intake wrote them, with a short memory so that not every message asks the database."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from workers.database.engine import Database
from workers.errors import ConfigurationInvalid
from workers.footage.recording import Report
from workers.keys.signing import EnrolledKey, Role, Signed, opened
from workers.keys.statements import PURPOSES

S = TypeVar("S", bound=Struct)

REMEMBERED = 2.0
"""Seconds that an answer is remembered: a revocation elsewhere takes effect within it."""


class Keyring:
    """Finds keys and opens what they signed.

    Args:
        root: the key that may enrol the first others; always known unless it was revoked.
    """

    def __init__(self, database: Database, root: EnrolledKey | None = None) -> None:
        self._database = database
        self._root = root
        self._known: dict[str, tuple[float, EnrolledKey | None]] = {}

    async def find(self, key: str) -> EnrolledKey | None:
        """The enrolled key of this id, revoked or not; None if it was never enrolled."""
        remembered = self._known.get(key)
        if remembered and time.monotonic() - remembered[0] < REMEMBERED:
            return remembered[1]
        row = await self._database.fetch_one(
            "SELECT id, role, owner, public, revoked_at IS NOT NULL AS revoked FROM enrolled_keys WHERE id = %s",
            (key,),
        )
        found = msgspec.convert(row, EnrolledKey) if row else None
        if found is None and self._root is not None and key == self._root.id:
            found = self._root
        self._known[key] = (time.monotonic(), found)
        return found

    def forget(self) -> None:
        """Ask again from now on: a key was just enrolled or revoked in this process."""
        self._known.clear()

    async def opened(self, signed: Signed, body: type[S], role: Role) -> S:
        """Check who signed and decode what was signed; raises SignatureInvalid or MessageInvalid."""
        key = await self.find(signed.key)
        return opened(PURPOSES[body], signed, body, role=role, find=lambda _: key)

    async def opened_report(self, signed: Signed) -> Report:
        """A dock's declaration, after checking that an enrolled, unrevoked dock signed these very bytes."""
        return await self.opened(signed, Report, Role.DOCK)


def load_public(path: Path) -> EnrolledKey:
    """Read a public key file (`*.pub`: the enrolment as JSON); raises ConfigurationInvalid."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=EnrolledKey)
    except FileNotFoundError as error:
        raise ConfigurationInvalid(f"{path}: no such public key; `bwv up` makes it at first start") from error
    except msgspec.DecodeError as error:
        raise ConfigurationInvalid(f"{path}: not a public key file ({error})") from error


def load_unenrolled(folder: Path, trust_root: Path) -> list[EnrolledKey]:
    """The public keys that no event enrols: those of the services, and the trust root's.

    Args:
        folder: of all keys; the services' lie in `service/*.pub`.
    """
    return [load_public(path) for path in (trust_root, *sorted((folder / "service").glob("*.pub")))]


def save_public(key: EnrolledKey, path: Path) -> None:
    """Write a public key file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(key)) + b"\n")
