"""The custody log's part of the vault: what a seal puts there under lock, and how it is read again.

    custody/tile/<level>/<path>          hash tiles, C2SP tlog-tiles
    custody/tile/entries/<path>          bundles of the entries themselves (headers)
    custody/payloads/<clip>/<index>      payloads of one clip's entries, from that one on; they go with the clip
    custody/payloads/other/<index>       payloads that are about no clip, or say why one went
    custody/seals/<size>                 how far each partition was read at this size
    custody/timestamps/<day>-<size>      RFC 3161 tokens, each over the checkpoint of that size
    custody/checkpoints/<size>           the signed note; written last: a seal exists if and only if it does

Everything is put if absent and the same for everybody who seals the same size, so a repeat finds its own
bytes. Other bytes under the same key mean two histories: nobody may go on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec
from msgspec import Struct

from workers.custody.checkpoint import Checkpoint, read_checkpoint
from workers.custody.note import Verifier
from workers.custody.tiles import Tile, entries_path
from workers.errors import AlreadyThere, LogForked, NoteInvalid
from workers.footage.canonical import canonical
from workers.vault.keys import (
    CUSTODY_OTHER,
    custody_key,
    custody_payload_key,
    custody_payload_prefix,
    custody_payloads_prefix,
)
from workers.vault.vault import Vault

LARGEST = 64 << 20
"""Bytes of the largest object of the log that is read: a bundle of 256 entries of 64 KiB is 16 MiB."""


class SealedPayload(Struct, frozen=True):
    """One entry's payload in the vault, with what only the database knew beside it.

    Attributes:
        salt, body: bytes; base64 in JSON.
    """

    index: int
    salt: bytes
    body: bytes
    topic: str
    partition: int
    offset: int


class SealFacts(Struct, frozen=True):
    """What a seal tells beside the checkpoint.

    Attributes:
        previous: the size that was sealed before.
        offsets: (topic, partition, next offset), sorted, as they stood at `size`.
    """

    size: int
    previous: int
    offsets: tuple[tuple[str, int, int], ...]


class Archive:
    """Writes and reads the custody prefix with the record's credentials.

    Args:
        lock: how long tiles, bundles, seals, checkpoints and time stamps are locked.
        payload_lock: the first lock of payloads; as long as footage's, since they go with the clip.
    """

    def __init__(self, vault: Vault, namespace: str, *, lock: timedelta, payload_lock: timedelta) -> None:
        self._vault = vault
        self._space = namespace
        self._lock = lock
        self._payload_lock = payload_lock

    # Writing, in the order of a seal.

    def keep_payloads(self, about: str | None, payloads: Sequence[SealedPayload]) -> None:
        """Store payloads that a seal adds for one clip, or for none."""
        key = custody_payload_key(self._space, about or CUSTODY_OTHER, payloads[0].index)
        self._put(key, msgspec.json.encode(payloads), self._payload_lock if about else self._lock)

    def keep_bundle(self, number: int, width: int, data: bytes) -> None:
        """Store a bundle of entries."""
        self._put(custody_key(self._space, entries_path(number, width)), data, self._lock)

    def keep_tile(self, tile: Tile, hashes: bytes) -> None:
        """Store a tile."""
        self._put(custody_key(self._space, tile.path), hashes, self._lock)

    def keep_facts(self, facts: SealFacts) -> None:
        """Store how far each partition was read."""
        self._put(custody_key(self._space, f"seals/{facts.size}"), canonical(facts), self._lock)

    def keep_checkpoint(self, size: int, note: str) -> str:
        """Store the signed checkpoint and return the one that lies there.

        Another note of the same size and root is as good: it was signed before a key was rotated.
        """
        key = custody_key(self._space, f"checkpoints/{size}")
        try:
            self._put(key, note.encode(), self._lock)
        except LogForked:
            there = self._vault.get_small(key, limit=LARGEST).decode()
            if there.split("\n\n")[0] != note.split("\n\n", maxsplit=1)[0]:
                raise
            return there
        return note

    def keep_timestamp(self, day: date, size: int, token: bytes) -> bytes:
        """Store a day's RFC 3161 token over the checkpoint of `size`; returns the one that lies there: the first."""
        key = custody_key(self._space, f"timestamps/{day.isoformat()}-{size}")
        try:
            self._vault.put_new(key, token, lock_until=datetime.now(UTC) + self._lock)
        except AlreadyThere:
            return self._vault.get_small(key, limit=LARGEST)
        return token

    def _put(self, key: str, data: bytes, lock: timedelta) -> None:
        until = datetime.now(UTC) + lock
        try:
            self._vault.assert_locked(self._vault.put_new(key, data, lock_until=until), len(data), until)
        except AlreadyThere as error:
            if self._vault.get_small(key, limit=LARGEST) != data:
                raise LogForked(
                    f"{key} lies in the vault with other bytes than this log has: two histories. Stop every "
                    "record process, compare with a witness (bwv custody verify --witness), then bwv rebuild"
                ) from error

    # Reading.

    def sizes(self) -> list[int]:
        """Every size that was sealed, ascending."""
        prefix = custody_key(self._space, "checkpoints") + "/"
        names = (version.key.removeprefix(prefix) for version in self._vault.list_versions(prefix))
        return sorted({int(name) for name in names if name.isdecimal()})

    def note(self, size: int) -> str:
        """The signed checkpoint of a sealed size."""
        return self._vault.get_small(custody_key(self._space, f"checkpoints/{size}"), limit=LARGEST).decode()

    def newest(self, verifiers: Sequence[Verifier], origin: str) -> Checkpoint | None:
        """The newest sealed checkpoint, its signature checked; None when nothing was sealed yet.

        Raises:
            LogForked: the newest checkpoint is not signed by a key that is known here.
        """
        sizes = self.sizes()
        if not sizes:
            return None
        try:
            return read_checkpoint(self.note(sizes[-1]), verifiers, origin)
        except NoteInvalid as error:
            raise LogForked(f"the newest checkpoint in the vault, of size {sizes[-1]}: {error}") from error

    def timestamps(self) -> Iterator[tuple[date, int, bytes]]:
        """Every time stamp: its day, the size of the checkpoint that it stamps, the token."""
        prefix = custody_key(self._space, "timestamps") + "/"
        for version in self._vault.list_versions(prefix):
            day, _, size = version.key.removeprefix(prefix).rpartition("-")
            yield date.fromisoformat(day), int(size), self._vault.get_small(version.key, limit=LARGEST)

    def facts(self, size: int) -> SealFacts:
        """How far each partition was read at a sealed size."""
        return msgspec.json.decode(self.read(f"seals/{size}"), type=SealFacts)

    def read(self, name: str) -> bytes:
        """An object of the log by its name, such as a tile's path."""
        return self._vault.get_small(custody_key(self._space, name), limit=LARGEST)

    def payloads(self, about: str | None = None) -> Iterator[list[SealedPayload]]:
        """All payloads that still lie there, object by object.

        Args:
            about: a clip, or CUSTODY_OTHER for those that are about none or outlast it; None: all.
        """
        prefix = custody_payloads_prefix(self._space) if about is None else custody_payload_prefix(self._space, about)
        for version in self._vault.list_versions(prefix):
            body = self._vault.get_small(version.key, version.version_id, limit=LARGEST)
            yield msgspec.json.decode(body, type=list[SealedPayload])
