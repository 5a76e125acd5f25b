"""Builds a package: from the vault into a new folder, whole or not at all, with flat memory."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from workers.custody import bwv_verify
from workers.database.engine import Database
from workers.errors import RuleBroken
from workers.footage.canonical import canonical
from workers.prosecution.disclosure.mg11 import mg11
from workers.prosecution.disclosure.recipients import may_go
from workers.prosecution.disclosure.schedules import schedules
from workers.prosecution.disclosure.tables import inert
from workers.prosecution.package import wording
from workers.prosecution.package.bag import BagWriter, Sealed
from workers.prosecution.package.contents import Contents, Item, contents
from workers.prosecution.package.continuity import Custody, custody_of
from workers.prosecution.package.page import HERE, Papers, page
from workers.prosecution.package.recipients import Part, case_for, has, may_have_schedule
from workers.prosecution.package.thumbnails import Picture, picture
from workers.vault.faults import NotThere
from workers.vault.vault import Vault

MOST_SIDECAR = 16 << 20
"""Bytes: a track of a whole shift."""

COLUMNS = (
    "n", "exhibit", "description", "produced by", "what it is", "recorded", "file", "bytes", "SHA-256",
    "SHA-256 of the master", "clip",
)  # fmt: skip


class Progress(Struct, frozen=True):
    """Who is told how far it is.

    Attributes:
        sealing: gets the seconds that are left to wait for the custody log's seal.
        begins: gets the bytes that will be copied; copied: how many are.
    """

    sealing: Callable[[float], None]
    begins: Callable[[int], None]
    copied: Callable[[int], None]


class Builder:
    """Builds packages.

    Args:
        vault: with the credentials of prosecution: it may read, and nothing else.
        ffmpeg: for thumbnails; empty: there are none.
    """

    def __init__(self, database: Database, vault: Vault, namespace: str, *, ffmpeg: str = "") -> None:
        self._database = database
        self._vault = vault
        self._namespace = namespace
        self._ffmpeg = ffmpeg

    async def prepare(
        self, submission_id: str, patience: float, progress: Progress
    ) -> tuple[Contents, dict[str, Custody]]:
        """Read what the package is made of, and wait until the submission stands in the sealed log.

        Raises:
            Refused: there is nothing to package, or its recipient may not have it any more.
            PartUnreachable: the log was not sealed within `patience` seconds.
        """
        async with self._database.connection() as connection:
            found = await contents(connection, submission_id)
        may_go(found.case, found.submission.order(), datetime.now(ZoneInfo("Europe/London")).date())
        custody = await custody_of(
            self._database, self._namespace, found, patience=patience, waiting=progress.sealing
        )  # fmt: skip
        return found, custody

    async def write(self, bag: BagWriter, found: Contents, custody: dict[str, Custody], progress: Progress) -> Sealed:
        """Write everything into the bag and seal it.

        Raises:
            RuleBroken: what lies in the vault is not what was submitted.
            StoreAway: the store went away; nothing is left of the package.
        """
        progress.begins(sum(item.about.size for item in found.items))
        for item in found.items:
            await asyncio.to_thread(self._copy, bag, item, progress.copied)
        sidecars = {clip: await asyncio.to_thread(self._sidecar, found, clip) for clip in found.clips}
        pictures = {item.path: await self._thumbnail(bag, item) for item in found.items}
        self._beside(bag, found, sidecars)
        for clip, one in custody.items():
            for name, data in one.files.items():
                bag.write(f"{bwv_verify.CUSTODY}{clip}/{name}", data)
        scheduled = _schedules(bag, found)
        statements = _statements(bag, found)
        origins = [
            wording.origin(
                [item for item in found.items if item.about.clip_id == clip],
                custody[clip].since,
                wording.read_sidecar(sidecars[clip]),
            )
            for clip in found.clips
        ]
        bag.write(bwv_verify.PAGE, page(found, origins, Papers(scheduled, statements, pictures)))
        _verifier(bag)
        return bag.seal(
            {
                "External-Identifier": found.submission.submission_id,
                "External-Description": f"Body-worn video of {found.manifest.case.urn} for {found.recipient.value}",
                "Bagging-Date": datetime.now(UTC).date().isoformat(),
                "Bag-Software-Agent": "bwv-ingest",
            }
        )

    def _copy(self, bag: BagWriter, item: Item, tell: Callable[[int], None]) -> None:
        about = item.about
        with self._vault.get(about.key, about.version_id) as reader:
            written = bag.copy(item.path, reader, tell)
        if (written.size, written.sha256) != (about.size, about.sha256):
            raise RuleBroken(
                f"{about.reference}: {about.key} has {written.size} bytes with SHA-256 {written.sha256}; submitted"
                f" were {about.size} with {about.sha256}. No package was made; run bwv verify {about.clip_id}"
            )

    def _sidecar(self, found: Contents, clip: str) -> bytes | None:
        key = next(item.sidecar for item in found.items if item.about.clip_id == clip)
        if key is None:
            return None
        try:
            return self._vault.get_small(key, limit=MOST_SIDECAR)
        except NotThere:
            return None

    async def _thumbnail(self, bag: BagWriter, item: Item) -> Picture:
        about = item.about
        if about.media_type.startswith("image/"):
            return Picture(None, "")
        second = (item.exhibit.start if item.exhibit and about.kind == "master" else None) or 0.0
        made = await picture(self._ffmpeg, bag.path(item.path), about.media_type, second)
        if made.data is not None:
            bag.write(f"{bwv_verify.EXHIBITS}{item.folder}/{bwv_verify.THUMBNAIL}", made.data)
        return made

    def _beside(self, bag: BagWriter, found: Contents, sidecars: dict[str, bytes | None]) -> None:
        """What lies beside the exhibits' files, and the lists of them."""
        recipient = found.recipient
        for item in found.items:
            place = f"{bwv_verify.EXHIBITS}{item.folder}/"
            bag.write(place + bwv_verify.MME, canonical(item.about.mme))
            if item.made is not None and item.told:
                bag.write(place + bwv_verify.LINEAGE, canonical(item.made))
            sidecar = sidecars[item.about.clip_id]
            if item.about.kind == "master" and sidecar is not None and has(recipient, Part.SIDECAR):
                bag.write(place + bwv_verify.SIDECAR, sidecar)
        references = [item.about.reference for item in found.items]
        bag.write(bwv_verify.CASE, canonical(case_for(found.case, recipient, references)))
        bag.write(bwv_verify.SUBMISSION, canonical(found.manifest))
        bag.write(bwv_verify.EXHIBIT_LIST, _exhibit_list(found))


def _verifier(bag: BagWriter) -> None:
    bag.write(bwv_verify.VERIFIER, Path(bwv_verify.__file__).read_bytes())
    bag.write(bwv_verify.VERIFIER_README, HERE.joinpath("readme.txt").read_bytes())


def _schedules(bag: BagWriter, found: Contents) -> tuple[str, ...]:
    made = schedules(found.case, found.unused, found.recipient)
    names = tuple(name for name in sorted(made) if may_have_schedule(found.recipient, name))
    for name in names:
        bag.write(bwv_verify.SCHEDULES + name, made[name].encode())
    return names


def _statements(bag: BagWriter, found: Contents) -> dict[str, str]:
    if not has(found.recipient, Part.STATEMENTS):
        return {}
    told = {}
    for item in found.items:
        if item.exhibit is not None:
            text = mg11(found.case, item.exhibit, item.material, item.lineage)
            bag.write(f"{bwv_verify.STATEMENTS}MG11-{item.folder}.txt", f"{text}\n".encode())
            told[item.about.reference] = text
    return told


def _exhibit_list(found: Contents) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for item in found.items:
        about = item.about
        cells = (
            about.n, about.reference, about.description, about.producer, wording.what(item), wording.when(item),
            item.path, about.size, about.sha256, about.parent_sha256, about.clip_id,
        )  # fmt: skip
        writer.writerow([inert(str(cell)) for cell in cells])
    return text.getvalue().encode()
