"""Brings what was made into the vault, beside its master: the media, its lock looked at, and the signed lineage last.

As with footage (workers/footage/conclusion.py) each step is put-if-absent, and what is found in the way is read: a
derivative with its lineage is finished, whoever made it. The same bytes without a lineage, from before a crash, are
taken over; other bytes, which another version of ffmpeg left there, stay, and the media goes beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from workers.errors import AlreadyThere, RuleBroken, StoreAway
from workers.failpoints import reach
from workers.footage.canonical import canonical
from workers.footage.conclusion import locked
from workers.footage.deposit import Means, deposit, lying
from workers.footage.passage import Fixity
from workers.footage.source import FileSource
from workers.keys.signing import Signed
from workers.vault.keys import DerivativeKeys, derivative_keys
from workers.vault.vault import Vault, Version

LINEAGE_LIMIT = 4 << 20
MOST_ATTEMPTS = 9


class Kept(Struct, frozen=True):
    """A derivative in the vault."""

    key: str
    version_id: str
    lineage: Signed


class Unrecorded:
    """No record of unfinished uploads: the store lists those of one exact key, and a derivative's is ours alone.

    Transfer's own record (`open_uploads`) is for clips that are on their way; it aborts what is of no use to those.
    """

    def find(self, key: str) -> str | None:
        """Nothing is on record: deposit asks the store."""
        return None

    def remember(self, key: str, upload_id: str) -> str:
        """This one counts: one process makes one derivative at a time, by its partition."""
        return upload_id

    def forget(self, key: str) -> None:
        """There is nothing to forget."""


class Measured(Struct, frozen=True):
    """What lies in a file and is to be kept."""

    file: Path
    sha256: str
    size: int
    media_type: str


def finished(vault: Vault, namespace: str, clip_id: str, derivative_id: str) -> Signed | None:
    """The lineage of a derivative that lies there already; None: it is yet to be made. Its signature is not looked at.

    Raises:
        RuleBroken: something that is no lineage lies in its place.
    """
    keys = derivative_keys(namespace, clip_id, derivative_id)
    head = vault.head(keys.lineage)
    if head is None:
        return None
    try:
        body = vault.get_small(keys.lineage, head.version_id, limit=LINEAGE_LIMIT)
        return msgspec.json.decode(body, type=Signed)
    except msgspec.DecodeError as error:
        raise RuleBroken(f"{keys.lineage} holds no lineage ({error}); nothing is made over it") from error


def media_of(means: Means, namespace: str, clip_id: str, derivative_id: str, size: int, sha256: str) -> Version:
    """Where the media that a lineage names lies; all of it is read.

    Raises:
        RuleBroken: it does not lie there.
    """
    for keys in _attempts(namespace, clip_id, derivative_id):
        found = lying(keys.media, means)
        if found is None:
            break
        if (found.fixity.size, found.fixity.sha256) == (size, sha256):
            return found.version
    raise RuleBroken(f"{derivative_id}: a lineage lies in the vault, and not the {size} bytes that it names")


def keep(
    made: Measured, namespace: str, clip_id: str, derivative_id: str, means: Means, sign: Callable[[], Signed]
) -> Kept:
    """Put what was made into the vault; may be repeated at any time.

    Args:
        sign: makes the signed lineage.

    Raises:
        StoreAway, Stopped: what was sent stays for the next try.
        RuleBroken: the keys are taken by other bytes, again and again.
    """
    keys, version = _stored(made, namespace, clip_id, derivative_id, means)
    locked(version, made.size, means)
    reach("derivation.after_media")
    lineage = sign()
    try:
        means.vault.put_new(
            keys.lineage, canonical(lineage), lock_until=means.lock_end(), content_type="application/json"
        )
    except AlreadyThere:
        earlier = finished(means.vault, namespace, clip_id, derivative_id)
        if earlier is None:
            raise StoreAway(f"{keys.lineage} was refused as taken, and nothing lies there") from None
        lineage = earlier
    reach("derivation.after_lineage")
    return Kept(version.key, version.version_id, lineage)


def _stored(
    made: Measured, namespace: str, clip_id: str, derivative_id: str, means: Means
) -> tuple[DerivativeKeys, Version]:
    for keys in _attempts(namespace, clip_id, derivative_id):
        try:
            done = deposit(keys.media, FileSource(made.file), means, _AsMade(made), media_type=made.media_type)
            return keys, done.version
        except AlreadyThere:
            found = lying(keys.media, means)
            if found is None:
                raise StoreAway(f"{keys.media} was refused as taken, and nothing lies there") from None
            if (found.fixity.size, found.fixity.sha256) == (made.size, made.sha256):
                return keys, found.version
    raise RuleBroken(
        f"{derivative_id}: {MOST_ATTEMPTS} keys are taken by other bytes than were made; look at the store"
    )


def _attempts(namespace: str, clip_id: str, derivative_id: str) -> list[DerivativeKeys]:
    return [derivative_keys(namespace, clip_id, derivative_id, n) for n in range(1, MOST_ATTEMPTS + 1)]


class _AsMade:
    """Lets only the very bytes under the key that were measured in the file."""

    def __init__(self, made: Measured) -> None:
        self._made = made

    def size(self, size: int) -> None:
        self._demand(size, self._made.sha256)

    def all_read(self, fixity: Fixity) -> None:
        self._demand(fixity.size, fixity.sha256)

    def _demand(self, size: int, sha256: str) -> None:
        if (size, sha256) != (self._made.size, self._made.sha256):
            raise StoreAway(
                f"{self._made.file.name} changed while it was read: the disk under derive_folder is failing"
            )
