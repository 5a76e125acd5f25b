"""Deletes everything that the vault has of one clip, and proves it gone; docs/life-of-a-clip.md §3, "delete".

    look → uploads aborted → legal holds off → each version by its id, the verified manifest last → looked at again

Nothing is decided here: whoever calls has read "committed" in the clip's row, and has noted what `look` found before
anything of it is deleted. Each try begins at the beginning and finds less to do, so a crash anywhere is repeated. The
legal hold comes off here and nowhere else: it may have been put on by a process that slept through the commit.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from workers.errors import StoreAway
from workers.failpoints import reach
from workers.fate.moves import Standing
from workers.fate.row import Fate
from workers.vault.faults import NotThere, StillLocked
from workers.vault.keys import attempt_keys, places_of, quarantine_keys
from workers.vault.retry import Limits
from workers.vault.values import Upload, Version
from workers.vault.vault import Vault

SHORTEST, LONGEST = 1.0, 3600.0
"""Seconds between two tries at a version that is still locked."""
UNEXPLAINED = 60.0
"""Seconds until the next try where the store refuses and shows no end of a lock."""


class Kept(StillLocked):
    """The store keeps a version whose disposal is committed: an alarm, and tried again.

    Args:
        seconds: when to try again.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class Found(Struct, frozen=True):
    """What lies in the vault of a clip, its certificate apart."""

    versions: tuple[Version, ...]
    uploads: tuple[Upload, ...]

    @property
    def version_names(self) -> list[tuple[str, str]]:
        """(key, version id) of each."""
        return [(version.key, version.version_id) for version in self.versions]

    @property
    def upload_names(self) -> list[tuple[str, str]]:
        """(key, upload id) of each."""
        return [(upload.key, upload.upload_id) for upload in self.uploads]


def late_after(first_lock: float) -> float:
    """Seconds after which nothing can arrive any more that was sent before the commit.

    A transfer that was stopped before it saw the commit may still send its bytes, as often as a request is tried. Its
    lock was reckoned when it was sent, and a store refuses one that has ended.

    Args:
        first_lock: seconds of a lock on arrival; of the longest, if it was changed.
    """
    limits = Limits()
    return first_lock + limits.tries * (limits.request + limits.longest_wait)


def look(vault: Vault, namespace: str, clip_id: str, recorded: Iterable[Upload] = ()) -> Found:
    """Everything under the clip's prefixes.

    Args:
        recorded: uploads that are on our own record; some stores do not list them by prefix.
    """
    prefixes = places_of(namespace, clip_id)
    listed = [upload for prefix in prefixes for upload in vault.list_uploads(prefix)]
    uploads = {(upload.key, upload.upload_id): upload for upload in (*listed, *recorded)}
    versions = [version for prefix in prefixes for version in vault.list_versions(prefix)]
    return Found(tuple(versions), tuple(uploads.values()))


def erase(vault: Vault, found: Found, last: str) -> None:
    """Delete what was found and prove each version gone.

    Args:
        last: key of the manifest that says that the clip is stored; its versions go last.

    Raises:
        Kept: a lock or a hold is in force; what was deleted before stays deleted.
        StoreAway: the store does not answer, or still shows what it said it had deleted.
    """
    for upload in found.uploads:
        vault.abort(upload)
    reach("disposal.after_abort")
    ordered = sorted(found.versions, key=lambda version: version.key == last)
    for version in ordered:
        _hold_off(vault, version)
    reach("disposal.after_hold_off")
    for number, version in enumerate(ordered):
        if version.key == last:
            reach("disposal.before_manifest")
        _delete(vault, version)
        if number == 0:
            reach("disposal.after_first_delete")
    reach("disposal.after_deletes")


def prove_gone(vault: Vault, namespace: str, clip_id: str, versions: Iterable[tuple[str, str]]) -> None:
    """Look at everything once more: lists are empty, and each version that was ever found cannot be read.

    Raises:
        StoreAway: something is there; begin again.
    """
    left = look(vault, namespace, clip_id)
    if left.versions or left.uploads:
        raise StoreAway(f"{clip_id}: {(*left.version_names, *left.upload_names)[0]} is listed after its deletion")
    for key, version_id in versions:
        try:
            vault.get(key, version_id).close()
        except NotThere:
            continue
        raise StoreAway(f"{key} version {version_id} can still be read after its deletion")


def last_key(namespace: str, fate: Fate) -> str:
    """Key of the manifest that says that the clip is stored."""
    if fate.standing == Standing.QUARANTINED:
        return quarantine_keys(namespace, fate.clip_id).manifest
    return attempt_keys(namespace, fate.clip_id, fate.attempt).manifest


def _hold_off(vault: Vault, version: Version) -> None:
    if version.delete_marker:
        return
    head = vault.head(version.key, version.version_id)
    if head is None or not head.lock.legal_hold:
        return
    try:
        vault.set_legal_hold(version, False)
    except NotThere:
        return  # another process disposes of the same clip: this one slept, or that one took over
    after = vault.head(version.key, version.version_id)
    if after is not None and after.lock.legal_hold:
        raise Kept(f"{version.key} version {version.version_id}: the legal hold does not come off", UNEXPLAINED)


def _delete(vault: Vault, version: Version) -> None:
    try:
        vault.delete_version(version.key, version.version_id)
    except StillLocked as error:
        raise _kept(vault, version, str(error)) from error
    if version.delete_marker:
        return
    if vault.head(version.key, version.version_id) is not None:
        # Some stores answer 204 although a lock won.
        raise _kept(vault, version, f"{version.key} version {version.version_id} is there after its deletion")


def _kept(vault: Vault, version: Version, reason: str) -> Kept:
    head = vault.head(version.key, version.version_id)
    until = head.lock.until if head is not None and not head.lock.legal_hold else None
    if head is None or until is None:
        return Kept(reason, UNEXPLAINED)
    return Kept(reason, min(LONGEST, max(SHORTEST, (until - head.store_time).total_seconds())))
