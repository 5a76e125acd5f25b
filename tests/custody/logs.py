"""A custody log for tests: messages as the record reads them, and everything that a seal needs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import timedelta

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from workers.custody.archive import Archive
from workers.custody.entry import Recorded
from workers.custody.log import Head, append, read_head
from workers.custody.note import Signer
from workers.custody.sealing import Sealer
from workers.database.engine import Database
from workers.fate.outbox import Event
from workers.vault.fake import FakeVault

ORIGIN = "force.example/custody"


def clip(number: int) -> str:
    return "clip-" + base64.b32encode(f"{number:020d}".encode()).decode().lower()


def message(number: int, *, about: int | None = 1, event_id: str | None = None, offset: int | None = None) -> Recorded:
    """The message at this offset; of the clip `about`, or of none."""
    content = {"note": f"message {number}"} | ({"clip_id": clip(about), "version_id": "v"} if about else {})
    return Recorded(
        topic="clips.verified",
        partition=0,
        offset=number if offset is None else offset,
        event_id=event_id or f"evt-{number}",
        type="clips.verified" if about else "keys.enrolled",
        time="2026-11-22T08:00:00+00:00",
        source="test",
        subject="",
        verb="collection",
        body=msgspec.json.encode(content),
        content=content,
    )


def messages(start: int, count: int, clips: int = 7) -> list[Recorded]:
    """Messages of some clips, every eighth of none."""
    return [message(n, about=None if n % 8 == 0 else n % clips + 1) for n in range(start, start + count)]


async def grow(database: Database, batch: Sequence[Recorded]) -> Head:
    """Append a batch as a record that has just started."""
    return await append(database, await read_head(database), batch)


def archive_of(vault: FakeVault, space: str = "force") -> Archive:
    return Archive(vault, space, lock=timedelta(days=1), payload_lock=timedelta(hours=1))


class Sealed:
    """A log with its vault and its key."""

    def __init__(self, database: Database, vault: FakeVault | None = None, key: Signer | None = None) -> None:
        self.database = database
        self.vault = vault or FakeVault()
        self.key = key or Signer(ORIGIN, Ed25519PrivateKey.generate())
        self.archive = archive_of(self.vault)
        self.sealer = Sealer(database, self.archive, ORIGIN, [self.key])

    async def seal(self) -> str:
        """Seal the log as it stands; returns the checkpoint."""
        await self.sealer.decide()
        seal = await self.sealer.unfinished()
        assert seal is not None, "nothing new to seal"
        note = await self.sealer.carry_out(seal)
        told = Event("custody.sealed", ORIGIN, f"evt-sealed-{seal.size}", str(seal.size), "record", b"{}")
        await self.sealer.finish(seal, note, told)
        return note

    def stored(self) -> list[str]:
        """Every key in the vault, one for each version."""
        return sorted(version.key for version in self.vault.list_versions(""))
