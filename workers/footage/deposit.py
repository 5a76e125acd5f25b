"""Bringing one recording into the vault under one key: put-if-absent, resumed where it was interrupted.

A recording of one chunk is a single PUT. A longer one is a multipart upload whose id is on record outside
(`Uploads`) before its first part is sent, so that a restarted process finds it again. SHA-256 cannot be
resumed, so the source is always read from its first byte; parts that the store has are compared, not sent.

Nothing becomes visible under the key before `judge` has seen the digest of everything that was read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from workers.errors import DockGone, StoreAway
from workers.failpoints import reach
from workers.footage.buffers import Buffers, Lane
from workers.footage.chunking import Span, holds, spans
from workers.footage.passage import Fixity, Passage, Told, measured
from workers.footage.source import Source
from workers.vault.faults import UploadGone
from workers.vault.vault import Part, Upload, Vault, Version


class Judge(Protocol):
    """Decides whether bytes may be stored under a key; raises if not."""

    def size(self, size: int) -> None:
        """Before the first byte is read: the source offers so many."""

    def all_read(self, fixity: Fixity) -> None:
        """Before anything becomes visible: this is what was read."""


class Uploads(Protocol):
    """Our own record of unfinished uploads; the store's list is not to be relied on.

    workers/fate/uploads.py keeps it in PostgreSQL. May raise DatabaseAway.
    """

    def find(self, key: str) -> str | None:
        """Id of the upload that was begun for this key."""

    def remember(self, key: str, upload_id: str) -> str:
        """Record an upload, unless one is recorded for this key, and return the id that counts."""

    def forget(self, key: str) -> None:
        """The upload was completed or aborted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a deposit is made with.

    Attributes:
        lock_for: seconds of the first lock.
        stop: asked at each stride whether to give up.
        told: gets the bytes read since it was last called; called from this thread.
        now: the clock that locks are reckoned by.
    """

    vault: Vault
    uploads: Uploads
    buffers: Buffers
    lock_for: float
    stop: Callable[[], bool] = lambda: False
    told: Told = lambda _: None
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def lock_end(self) -> datetime:
        """End of a lock that begins now."""
        return self.now() + timedelta(seconds=self.lock_for)


@dataclass(frozen=True, slots=True)
class Deposited:
    """Bytes that lie under a key, and what they were measured to be."""

    version: Version
    fixity: Fixity


def deposit(key: str, source: Source, means: Means, judge: Judge, *, media_type: str) -> Deposited:
    """Store everything that `source` has under `key`.

    Raises:
        AlreadyThere: the key is taken; see `lying`.
        whatever `judge` raises: an unfinished upload stays, for a second reading, and is on record.
        DockGone, DockBusy, StoreAway, DatabaseAway, Stopped: what was sent stays and is used next time.
    """
    # Opened before it is asked for its size, which a dock tells with its answer: one request less.
    reader = source.open(0)
    try:
        size = source.size
        judge.size(size)
        passage = Passage(reader, stop=means.stop, told=means.told)
        with means.buffers.lent() as lane:
            way = _Way(key, size, passage, lane, means, judge, media_type)
            return way.in_parts() if size > means.buffers.size else way.in_one_piece()
    finally:
        reader.close()


def lying(key: str, means: Means) -> Deposited | None:
    """What lies under `key`, measured by reading all of it; None if nothing does."""
    head = means.vault.head(key)
    if head is None:
        return None
    reader = means.vault.get(key, head.version_id)
    try:
        fixity = measured(reader, head.size, means.buffers.size, stop=means.stop)
    except DockGone as error:
        raise StoreAway(f"reading {key}: {error}") from error
    return Deposited(head.version, fixity)


def dropped(key: str, means: Means) -> None:
    """Abort the upload that is on record for `key`, and those that only the store knows.

    An answer to Create that was lost leaves one of these: the request was sent again and began another.
    """
    upload_id = means.uploads.find(key)
    if upload_id is not None:
        means.vault.abort(Upload(key, upload_id))
        means.uploads.forget(key)
    for stray in list(means.vault.list_uploads(key)):
        if stray.key == key:
            means.vault.abort(stray)


@dataclass(frozen=True, slots=True)
class _Way:
    """One deposit on its way."""

    key: str
    size: int
    passage: Passage
    lane: Lane
    means: Means
    judge: Judge
    media_type: str

    def in_one_piece(self) -> Deposited:
        view = self.lane.empty()[: self.size]
        crc = self.passage.fill(view)
        fixity = self.passage.fixity()
        self.judge.all_read(fixity)
        reach("transfer.before_complete")
        version = self.means.vault.put_new(
            self.key, view, lock_until=self.means.lock_end(), content_type=self.media_type, crc64nvme=crc
        )
        reach("transfer.after_chunk_1")
        reach("transfer.after_complete")
        return Deposited(version, fixity)

    def in_parts(self) -> Deposited:
        upload, there = self._begun()
        reach("transfer.after_create")
        parts: dict[int, Part] = {}
        try:
            for span in spans(self.size, self.means.buffers.size):
                buffer = self.lane.empty()
                view = buffer[: span.size]
                crc = self.passage.fill(view)
                found = there.get(span.number)
                if found is not None and holds(found, view, crc):
                    parts[span.number] = Part(span.number, span.size, found.etag, crc)
                    self.lane.keep(buffer)
                else:
                    self.lane.send(buffer, self._sending(upload, span, view, crc, parts=parts))
            self.lane.arrived()
            fixity = self.passage.fixity()
            self.judge.all_read(fixity)
            reach("transfer.before_complete")
            version = self.means.vault.complete(upload, [parts[number] for number in sorted(parts)])
        except UploadGone as error:
            self.means.uploads.forget(self.key)
            raise StoreAway(f"{error}; somebody else ended it, so it is begun again") from error
        reach("transfer.after_complete")
        return Deposited(version, fixity)

    def _begun(self) -> tuple[Upload, dict[int, Part]]:
        """The upload on record with the parts that it has, or a new one."""
        vault, uploads, key = self.means.vault, self.means.uploads, self.key
        known = uploads.find(key)
        if known is None:
            # A crash between Create and the record leaves an upload that only the store knows.
            strays = [stray.upload_id for stray in vault.list_uploads(key) if stray.key == key]
            known = uploads.remember(key, strays[0]) if strays else None
        if known is not None:
            upload = Upload(key, known)
            try:
                return upload, {part.number: part for part in vault.list_parts(upload)}
            except UploadGone:
                uploads.forget(key)
        upload = vault.create_upload(key, lock_until=self.means.lock_end(), content_type=self.media_type)
        counts = uploads.remember(key, upload.upload_id)
        if counts != upload.upload_id:
            # Another process was faster; both fill the same upload with the same bytes.
            vault.abort(upload)
            upload = Upload(key, counts)
        return upload, {}

    def _sending(
        self, upload: Upload, span: Span, view: memoryview, crc: int, *, parts: dict[int, Part]
    ) -> Callable[[], None]:
        def put() -> None:
            parts[span.number] = self.means.vault.put_part(upload, span.number, view, crc)
            reach(f"transfer.after_chunk_{span.number}")

        return put
